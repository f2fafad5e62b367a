"""foxglove.CompressedImage, as protobuf has it on the wire: one message of a recording, and its schema.

Foxglove and Rerun show images of this schema. It has four fields: the numbers and types below are its public
definition (https://docs.foxglove.dev/docs/sdk/schemas/compressed-image). Protobuf's wire format is so simple that it
needs no library: https://protobuf.dev/programming-guides/encoding/
"""

from collections.abc import Iterator
from typing import NamedTuple

NAME = "foxglove.CompressedImage"
ENCODING = "protobuf"
TIMESTAMP, DATA, FORMAT, FRAME_ID = 1, 2, 3, 4  # fields of CompressedImage
SECONDS, NANOS = 1, 2  # fields of google.protobuf.Timestamp
VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5  # how a field is written
INT64, INT32, STRING, MESSAGE, BYTES = 3, 5, 9, 11, 12  # FieldDescriptorProto.Type
GROUP_OF_DIGITS, MORE = 7, 0x80  # bits of a number in each byte, and the bit that says that another byte follows


class Picture(NamedTuple):
    """One image, encoded."""

    content: bytes
    format: str  # jpeg, png or webp


def packed(picture: Picture, captured: int, stream: str) -> bytes:
    """The message that says: this picture was `captured` then, in ns since the epoch, by the camera `stream`."""
    seconds, nanos = divmod(captured, 10**9)
    return b"".join(
        (
            _field(TIMESTAMP, _field(SECONDS, seconds) + _field(NANOS, nanos)),
            _field(FRAME_ID, stream),
            _field(DATA, picture.content),
            _field(FORMAT, picture.format),
        )
    )


def unpacked(message: bytes) -> Picture:
    """The picture in a message. Raises ValueError if it is damaged."""
    content, format = b"", ""
    for number, value in _fields(message):
        if number == DATA:
            content = value
        elif number == FORMAT:
            format = value.decode(errors="replace")
    return Picture(content, format)


def _field(number: int, value: int | str | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3 | VARINT) + _varint(value)
    body = value.encode(errors="backslashreplace") if isinstance(value, str) else value
    return _varint(number << 3 | LENGTH) + _varint(len(body)) + body


def _varint(value: int) -> bytes:
    digits = bytearray()
    while value >= MORE:
        digits.append(value % MORE | MORE)
        value >>= GROUP_OF_DIGITS
    return bytes((*digits, value))


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """The number and the content of each field that has a length. Raises ValueError."""
    at = 0
    while at < len(message):
        key, at = _number(message, at)
        kind = key % 8
        if kind == LENGTH:
            length, at = _number(message, at)
            if at + length > len(message):
                raise ValueError("a field is cut short")
            yield key >> 3, message[at : at + length]
            at += length
        elif kind == VARINT:
            _, at = _number(message, at)
        elif kind in (FIXED64, FIXED32):
            at += 8 if kind == FIXED64 else 4
        else:
            raise ValueError(f"a field of kind {kind}")


def _number(message: bytes, at: int) -> tuple[int, int]:
    """The varint at `at`, and where the next field begins. Raises ValueError."""
    value = 0
    for place, byte in enumerate(message[at : at + 10]):
        value |= (byte % MORE) << (GROUP_OF_DIGITS * place)
        if byte < MORE:
            return value, at + place + 1
    raise ValueError("a number is cut short")


def _descriptor() -> bytes:
    """The FileDescriptorSet that a recording holds, so that any tool can read its messages."""
    stamp = _file("google/protobuf/timestamp.proto", "google.protobuf", "Timestamp",
        _kind("seconds", SECONDS, INT64), _kind("nanos", NANOS, INT32),
    )  # fmt: skip
    image = _file("foxglove/CompressedImage.proto", "foxglove", "CompressedImage",
        _kind("timestamp", TIMESTAMP, MESSAGE, ".google.protobuf.Timestamp"), _kind("frame_id", FRAME_ID, STRING),
        _kind("data", DATA, BYTES), _kind("format", FORMAT, STRING),
        needs="google/protobuf/timestamp.proto",
    )  # fmt: skip
    return _field(1, stamp) + _field(1, image)


def _file(path: str, package: str, message: str, *fields: bytes, needs: str = "") -> bytes:
    """A FileDescriptorProto: name 1, package 2, dependency 3, message_type 4, syntax 12."""
    body = _field(1, message) + b"".join(_field(2, field) for field in fields)  # DescriptorProto: name 1, field 2
    imports = _field(3, needs) if needs else b""
    return _field(1, path) + _field(2, package) + imports + _field(4, body) + _field(12, "proto3")


def _kind(name: str, number: int, type: int, of: str = "") -> bytes:
    """A FieldDescriptorProto: name 1, number 3, label 4 (1: one), type 5, type_name 6."""
    type_name = _field(6, of) if of else b""
    return _field(1, name) + _field(3, number) + _field(4, 1) + _field(5, type) + type_name


SCHEMA = _descriptor()
