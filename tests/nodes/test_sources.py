"""The splitter as a program, on every kind of source: real servers, files from afar, images, playlists that lie."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import need
from tests.launch import ROOT
from tests.odd_videos import PLAIN, SIZE, encode, ffmpeg, painted
from tests.servers import Server
from tests.servers_clock import age, shown
from tests.servers_files import served

LATE = 1.5  # seconds from the drawing of a frame to its file, at most
SEGMENTS = 3.0  # seconds more where a stream comes in segments of a second: one is being read, one is just finished


def split(source: str, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "nodes.splitter", f"--source={source}", f"--folder={folder}", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert done.stderr == ""
    return done


def numbers(folder: Path) -> list[int]:
    """What the frames show, in the order of their names."""
    found = []
    for file in sorted(folder.glob("*.jpg")):
        with Image.open(file) as picture:
            found.append(shown(picture))
    return found


@pytest.mark.parametrize("kind", ["rtsp", "ts", "mjpeg", "hls", "udp", "srt"])
def test_a_live_stream_becomes_fresh_frames(tmp_path: Path, kind: str) -> None:
    engine = "gstreamer" if kind == "srt" else "av"
    with Server(kind) as server:
        done = split(server.address, tmp_path / "spool", "--limit=20", "--stream=gate")
        assert (done.returncode, done.stdout.splitlines()) == (
            0,
            [
                f"reads {server.address} with {engine}: frames of 320x240",
                f"{server.address} has ended, 20 frames",
            ],
        )
    files = sorted((tmp_path / "spool").glob("*.jpg"))
    assert all(
        re.fullmatch(rf"gate-\d{{8}}T\d{{6}}Z-[0-9a-f]{{4}}-{at:08d}\.jpg", f.name) for at, f in enumerate(files)
    )
    times = numbers(tmp_path / "spool")
    assert len(times) == 20
    assert times == sorted(set(times))  # each frame is another, and none comes before an older one
    for file in files:
        with Image.open(file) as picture:
            assert picture.size == (320, 240)
            assert -0.1 < age(picture, file.stat().st_mtime) < LATE + SEGMENTS * (kind == "hls")


@pytest.mark.parametrize("flags", [["-movflags", "faststart"], []], ids=["header first", "header last"])
def test_a_clip_from_afar_ends_like_a_clip_here(tmp_path: Path, flags: list[str]) -> None:
    encode(tmp_path / "clip.mp4", *PLAIN, *flags)
    with served(tmp_path) as address:
        done = split(f"{address}/clip.mp4", tmp_path / "spool")
    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        [
            f"reads {address}/clip.mp4 with av: 15 frames of 112x64",
            f"{address}/clip.mp4 has ended, 15 frames",
        ],
    )
    assert numbers(tmp_path / "spool") == [*range(15)]


def test_a_clip_from_afar_that_breaks_off_gives_what_came_and_says_so(tmp_path: Path) -> None:
    clip = encode(tmp_path / "clip.mp4", *PLAIN, "-movflags", "faststart", frames=75)
    with served(tmp_path, breaks=clip.stat().st_size * 2 // 3) as address:
        done = split(f"{address}/clip.mp4", tmp_path / "spool", "--patience=3")
    line = done.stdout.splitlines()[-1]
    assert (done.returncode, line.startswith(f"{address}/clip.mp4 ")) == (65, True)
    assert re.search(r"broke off at|is broken at|breaks off after", line)
    assert numbers(tmp_path / "spool") == [*range(len(numbers(tmp_path / "spool")))]
    assert 30 < len(numbers(tmp_path / "spool")) < 60


def test_a_clip_that_is_broken_on_its_server_is_broken(tmp_path: Path) -> None:
    clip = encode(tmp_path / "clip.mkv", *PLAIN, frames=75)
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    with served(tmp_path) as address:
        done = split(f"{address}/clip.mkv", tmp_path / "spool", "--patience=3")
    assert done.returncode == 65
    assert re.search(r"clip\.mkv breaks off after 1\.\d\d s of 3\.00 s", done.stdout.splitlines()[-1])


def test_a_playlist_that_is_finished_ends(tmp_path: Path) -> None:
    playlist(tmp_path)
    with served(tmp_path) as address:
        done = split(f"{address}/list.m3u8", tmp_path / "spool")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, f"{address}/list.m3u8 has ended, 75 frames")
    assert numbers(tmp_path / "spool") == [*range(75)]


def test_images_come_in_the_order_in_which_people_count(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for number in (1, 2, 10, 9, 100):
        painted(*SIZE, number).save(tmp_path / "images" / f"{number}.png")
    done = split(f"{tmp_path}/images/*.png", tmp_path / "spool")
    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        [
            f"reads {tmp_path}/images/*.png: 5 frames of 112x64",
            f"{tmp_path}/images/*.png has ended, 5 frames",
        ],
    )
    assert numbers(tmp_path / "spool") == [1, 2, 9, 10, 100]
    assert (tmp_path / "spool" / "images-00000004.jpg").exists()


def test_a_folder_is_no_source_and_the_line_says_what_is(tmp_path: Path) -> None:
    done = split(str(tmp_path), tmp_path / "spool")
    words = f'source: {tmp_path} is a folder: give a clip, or the images in it, such as "{tmp_path}/*.png"\n'
    assert (done.returncode, done.stdout) == (2, words)


def test_the_test_camera_is_a_source(tmp_path: Path) -> None:
    done = split("test", tmp_path / "spool", "--limit=5")
    assert (done.returncode, len([*(tmp_path / "spool").glob("*.jpg")])) == (0, 5)


@pytest.mark.parametrize("named", ["file://{}", "{}", "concat:{}", "subfile,,start,0,end,0,,:{}", "crypto:file://{}"])
def test_a_playlist_from_the_net_reads_no_file_here(tmp_path: Path, named: str) -> None:
    secret, pages = secret_and_pages(tmp_path)
    write_list(pages / "list.m3u8", named.format(secret))
    with served(pages) as address:
        done = split(f"{address}/list.m3u8", tmp_path / "spool", "--no-reopen", "--patience=3")
    nothing_was_read(done, tmp_path / "spool")


@pytest.mark.parametrize("named", ["{}", "secret.ts", "file://{}"])
def test_a_playlist_here_reads_no_other_file(tmp_path: Path, named: str) -> None:
    secret, _ = secret_and_pages(tmp_path)
    write_list(tmp_path / "list.m3u8", named.format(secret))
    nothing_was_read(split(str(tmp_path / "list.m3u8"), tmp_path / "spool"), tmp_path / "spool")


def test_a_playlist_here_asks_nobody_on_the_net(tmp_path: Path) -> None:
    secret, pages = secret_and_pages(tmp_path)
    secret.rename(pages / "secret.ts")
    asked: list[str] = []
    with served(pages, asked) as address:
        write_list(tmp_path / "list.m3u8", f"{address}/secret.ts")
        nothing_was_read(split(str(tmp_path / "list.m3u8"), tmp_path / "spool"), tmp_path / "spool")
    assert asked == []


@pytest.mark.parametrize("named", ["secret.ts", "{}"])
def test_a_script_of_clips_reads_no_other_file(tmp_path: Path, named: str) -> None:
    secret, _ = secret_and_pages(tmp_path)
    (tmp_path / "script.mp4").write_text(f"ffconcat version 1.0\nfile '{named.format(secret)}'\n")
    nothing_was_read(split(str(tmp_path / "script.mp4"), tmp_path / "spool"), tmp_path / "spool")


def playlist(folder: Path) -> None:
    """Three segments of a second each, and their list, which says that there are no more."""
    need("ffmpeg")
    encode(folder / "clip.mp4", *PLAIN, frames=75)
    cut = ["-c", "copy", "-f", "hls", "-hls_time", "1", "-hls_playlist_type", "vod"]
    ffmpeg("-i", folder / "clip.mp4", *cut, folder / "list.m3u8")


def secret_and_pages(folder: Path) -> tuple[Path, Path]:
    """A clip that nobody may see through a list, and the folder of what is served."""
    (folder / "pages").mkdir()
    return encode(folder / "secret.ts", *PLAIN), folder / "pages"


def write_list(file: Path, named: str) -> None:
    file.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:0.6,\n{named}\n#EXT-X-ENDLIST\n")


def nothing_was_read(done: "subprocess.CompletedProcess[str]", folder: Path) -> None:
    assert done.returncode == 65
    [line] = done.stdout.splitlines()
    assert line.startswith("cannot read ")
    assert not [*folder.glob("*.jpg")]
