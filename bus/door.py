"""What may come in as an image: of which kind, how much of it, and in plain words what is wrong with the rest."""

import io
import re

from PIL.JpegImagePlugin import JpegImageFile

MAX_PIXELS = 89_478_485  # Pillow's own warning limit, here an error, checked before decoding
MAX_BYTES = 256 * 1024 * 1024  # of a file: MAX_PIXELS as 24 bits each; decoding takes more memory than that anyway
MAX_READS = 2_000_000  # of a decoder: seconds in Python; more are no image but millions of tiny pieces
MAX_RUNS = 16_000_000  # reads that run lengths in a BMP may take: two a run, and a run may be as short as a pixel
MAX_SCANS = 100  # of a JPEG: each is a pass over all its pixels, and encoders write about ten
MAX_SEGMENTS = 1000  # tables and comments between its scans
MAX_EXIFS = 64  # blocks of EXIF in a JPEG, its thumbnails' included: Pillow copies what it has for each that it adds

KINDS = {  # those that are read, and how they begin; other decoders are attack surface that no camera needs
    "JPEG": rb"\xff\xd8\xff",
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "WEBP": rb"(?s:RIFF....WEBP)",
    "BMP": rb"BM",
}
OTHERS = {
    "GIF image": rb"GIF8[79]a",
    "TIFF or raw camera image": rb"II\*\0|MM\0\*",
    "HEIC image or MP4 video": rb"(?s:....ftyp)",
    "FITS image": rb"SIMPLE  =",
    "PDF document": rb"%PDF-",
    "PostScript document": rb"%!PS",
    "ZIP archive": rb"PK\x03\x04",
    "SVG, HTML or XML text": rb"(?i:(?:\xef\xbb\xbf)?\s*<(?:[?!]|svg|html))",
}
MEANINGS = {  # words of Pillow that its users cannot know -> what they mean
    r"(?i)truncated|buffer overrun|unexpected end|not enough image data|broken data stream|unrecognized data stream"
    r"|could not create decoder|failed to read|cannot identify|not identified": "is cut short or damaged",
    r"MAX_TEXT": "has texts, or a colour profile, that unpack to over a megabyte",
    r"-bit layers": "has more than 8 bits a colour, or is lossless",
    r"decompression bomb": f"has over {2 * MAX_PIXELS} pixels; at most {MAX_PIXELS} are read",
}
# What stands between the scans of a JPEG and has a length. Others have none: the decoder looks on right behind them.
MARKER = re.compile(rb"\xff+([\xc0-\xcf\xd8-\xfe])")
SCAN, END = b"\xda", b"\xd9"


class Undecodable(ValueError):
    """Raised when bytes are no image that a node can read; the words say why, for the dead letter."""

    culprit: object = None  # the message whose image it is


class Pieces(io.BytesIO):
    """A file's bytes, for a decoder that does not ask for millions of pieces."""

    reads = 0
    most = MAX_READS

    def allow_runs(self, pixels: int) -> None:
        """Let an image of so many pixels be made of run lengths, two reads each, with an end to each row."""
        self.most = max(MAX_READS, min(4 * pixels, MAX_RUNS))

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        if self.reads > self.most:
            raise Undecodable("cannot decode: it is made of millions of tiny pieces")
        return super().read(size)


class Jpeg(JpegImageFile):
    """A JPEG as Pillow opens it, except that its EXIF is not searched for the resolution of a print.

    That search unpacks whatever the EXIF names, before anybody asks: gigabytes from a file of one.
    Nor is a file of several pictures (MPO) more than its first.
    """

    def _read_dpi_from_exif(self) -> None:
        pass


def kind_of(data: bytes) -> str:
    """Which of KINDS `data` is; its name, if it has one, says nothing. Raises Undecodable for any other."""
    check_size(len(data))
    if not data:
        raise Undecodable("cannot decode: the file is empty")
    for kind, beginning in KINDS.items():
        if re.match(beginning, data):
            return kind
    known = [*KINDS]
    words = f"not a whole {', '.join(known[:-1])} or {known[-1]} image"
    found = next((f", but a {other}" for other, beginning in OTHERS.items() if re.match(beginning, data)), "")
    raise Undecodable(f"cannot decode: {words}{found}")


def check_size(size: int) -> None:
    """Raises Undecodable if a file of `size` bytes is not to be read at all."""
    if size > MAX_BYTES:
        raise Undecodable(f"cannot decode: the file has {size} bytes, more than {MAX_BYTES // 1024 // 1024} MiB")


def check_pixels(width: int, height: int) -> None:
    """Raises Undecodable if an image of this size is not to be decoded."""
    if width * height > MAX_PIXELS:
        raise Undecodable(f"cannot decode: {width}x{height} are {width * height} pixels; at most {MAX_PIXELS} are read")


def check_exifs(data: bytes) -> None:
    """Raises Undecodable if the JPEG `data` has its EXIF in more blocks than any camera writes."""
    if data.count(b"Exif\0\0") > MAX_EXIFS:
        raise Undecodable(f"cannot decode: it has over {MAX_EXIFS} blocks of EXIF")


def check_scans(data: bytes, start: int) -> None:
    """Raises Undecodable if the JPEG `data`, whose first scan begins at `start`, takes too many passes to decode."""
    if data.count(b"\xff") - data.count(b"\xff\0") <= MAX_SCANS:  # fewer markers in all than scans may be
        return
    scans, at = 1, start
    for _ in range(MAX_SEGMENTS):
        found = MARKER.search(data, at)
        if found is None or found[1] == END:
            return
        at = found.end() + int.from_bytes(data[found.end() : found.end() + 2], "big")
        scans += found[1] == SCAN
        if scans > MAX_SCANS:
            raise Undecodable(f"cannot decode: a JPEG of over {MAX_SCANS} scans, each a pass over the whole image")
    raise Undecodable(f"cannot decode: a JPEG with over {MAX_SEGMENTS} segments between its scans")


def explained(error: Exception, kind: str) -> str:
    """What a decoder's `error` means to whoever finds the dead letter."""
    said = str(error) or type(error).__name__
    for sign, meaning in MEANINGS.items():
        if re.search(sign, said):
            return f"cannot decode: the {kind} {meaning}"
    return f"cannot decode: the {kind} is damaged, or of a sort that is not read ({said})"
