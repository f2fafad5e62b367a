"""host/reading/ephemeral.py: a wire whose ports the kernel may have given away is warned of, once."""

from pathlib import Path

import pytest

from host import keyring
from host.reading import ephemeral
from tests.graphs import CAMERA, KEYS, SHOW, loaded


@pytest.fixture(autouse=True)
def kernel(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What this machine lends and has reserved; 20,000 to 29,999, and nothing."""
    folder = tmp_path_factory.mktemp("kernel")
    (folder / "range").write_text("20000\t29999\n")
    (folder / "reserved").write_text("\n")
    monkeypatch.setattr(ephemeral, "RANGE", folder / "range")
    monkeypatch.setattr(ephemeral, "RESERVED", folder / "reserved")
    return folder


def warned(folder: Path, port: int, replicas: int = 1) -> list[str]:
    """What is said of a wire whose ports begin at `port`, the file's name left out."""
    hosts = f'hosts: {{robot: {{key: "{KEYS[0]}"}}, station: {{key: "{KEYS[1]}", address: 10.0.0.9}}}}'
    wires = f'wires: {{frames: {{address: "tcp://station:{port}"}}}}'
    nodes = (
        CAMERA.replace("{run", "{host: robot, run"),
        SHOW.replace("{run", f"{{replicas: {replicas}, host: station, run"),
    )
    return [line.partition(": ")[2] for line in loaded(folder, *nodes, more=f"{hosts}\n{wires}").warnings]


def test_elsewhere_linux_lends_what_it_always_lends(tmp_path: Path) -> None:
    assert warned(tmp_path, 40_000, 4) == [
        'wire "frames" needs the ports 40000 to 40007 of station, which lends 32768 to 60999 to outgoing'
        " connections: one may have a port of these at the start. Begin at 32760 or below, or reserve them there:"
        " sysctl -w net.ipv4.ip_local_reserved_ports=40000-40007"
    ]
    for port in (5560, 20_000, 32_766, 61_000):
        assert warned(tmp_path, port) == []
    for port in (32_767, 60_999):
        assert len(warned(tmp_path, port)) == 1


def test_here_the_kernel_is_asked_what_it_lends_and_what_is_reserved(tmp_path: Path, kernel: Path) -> None:
    keyring.file(tmp_path, "station").parent.mkdir()
    keyring.file(tmp_path, "station").touch()
    assert warned(tmp_path, 40_000) == []
    [words] = warned(tmp_path, 20_000)
    assert "lends 20000 to 29999" in words
    assert "Begin at 19998 or below" in words

    (kernel / "reserved").write_text("80,20000-20001\n")
    assert warned(tmp_path, 20_000) == []
    assert len(warned(tmp_path, 20_001)) == 1

    (kernel / "range").write_text("1024\t65535\n")
    [words] = warned(tmp_path, 5560)
    assert "Reserve them there" in words
    assert "Begin" not in words

    (kernel / "range").unlink()
    assert warned(tmp_path, 5560) == []
