"""What a user gets wrong, through the real pipeline: exact exit codes and messages, and nothing lost.

Faces are drawn, so that no net has to be loaded; everything else is the real thing.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from PIL import Image

from clips import make_clip, make_sound
from fakes import COLOURS, draw_face, walker
from retrofr.records import Pixels

Run = Callable[..., Result]
FAKE = ("--detector", "fake", "--embedder", "fake", "--threshold", "0.8", "--progress", "none")


def damaged_jpeg() -> bytes:
    whole = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)).save(whole, "JPEG")
    return whole.getvalue()[:4000]


def test_the_good_case_is_good(run: Run, good: tuple[Path, Path]) -> None:
    result = run("search", good[0], "--probe", good[1], *FAKE, "--format", "csv")
    assert result.exit_code == 0
    assert "cam1.mp4" in result.stdout.splitlines()[1]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("text.mp4", b"this is a text file\n" * 20, "is a text file, not a video"),
        ("empty.mp4", b"", "is empty (0 bytes)"),
        ("noise.mp4", bytes(range(1, 255)) * 9, "is not a video that can be decoded"),
    ],
)
def test_one_bad_file_among_good_ones(
    run: Run, good: tuple[Path, Path], name: str, content: bytes, reason: str
) -> None:
    (good[0] / name).write_bytes(content)
    result = run("search", good[0], "--probe", good[1], *FAKE, "--format", "table")
    assert result.exit_code == 10
    assert "cam1.mp4" in result.stdout
    assert f"not searched  {name}: {reason}" in result.stdout
    alone = run("search", good[0] / name, "--probe", good[1], *FAKE)
    assert alone.exit_code == 3


def test_sound_without_picture(run: Run, good: tuple[Path, Path]) -> None:
    make_sound(good[0] / "talk.mp4")
    result = run("search", good[0], "--probe", good[1], *FAKE, "--format", "table")
    assert result.exit_code == 10
    assert "not searched  talk.mp4: " in result.stdout
    assert "no video stream" in result.stdout


@pytest.mark.usefixtures("permissions_hold")
def test_a_file_without_permission(run: Run, good: tuple[Path, Path]) -> None:
    secret = make_clip(good[0] / "secret.mp4", frames=5)
    secret.chmod(0)
    result = run("search", good[0], "--probe", good[1], *FAKE, "--format", "table")
    assert result.exit_code == 10
    assert "not searched  secret.mp4: no permission to read it" in result.stdout


@pytest.mark.parametrize(
    ("footage", "code", "message"),
    [
        ("empty/", 2, "error: empty: "),
        ("nowhere.mp4", 2, "error: nowhere.mp4: does not exist"),
        ("*.dav", 2, "error: *.dav: "),
        ("rtsp://10.0.0.1/live", 8, "error: rtsp://10.0.0.1/live: is an address, not a file"),
        ("https://example.org/a.mp4", 8, "error: https://example.org/a.mp4: is an address, not a file"),
        ("/dev/null", 8, "error: /dev/null: is a device"),
    ],
)
def test_footage_that_is_none(
    run: Run,
    good: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    footage: str,
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(good[0].parent)
    Path("empty").mkdir()
    result = run("search", footage, "--probe", good[1], *FAKE)
    assert result.stderr.startswith(message)
    assert result.exit_code == code
    assert ("retrofr searches recorded footage only" in result.stderr) == (code == 8)
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not a picture", "is not a picture that can be read"),
        (damaged_jpeg(), "is a damaged picture"),
        (None, "no face was found in this picture"),
    ],
)
def test_probes_that_are_none(
    run: Run, good: tuple[Path, Path], tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "probe.jpg"
    if content is None:
        Image.new("RGB", (1, 1)).save(path)
    else:
        path.write_bytes(content)
    result = run("search", good[0], "--probe", path, *FAKE)
    assert result.exit_code == 2
    assert f"probe.jpg: {message}" in result.stderr.replace("\n", " ")
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ("--detector", "yolo"),
            "error: no detector is called 'yolo'\n       there are: fake, mtcnn, yunet\n",
        ),
        (
            ("--embedder", "arcface"),
            "error: no embedder is called 'arcface'\n       there are: dlib-resnet, facenet, fake, sface\n",
        ),
        (("--index", "faiss"), "error: no index is called 'faiss'\n       there are: annoy, auto, exact\n"),
    ],
)
def test_unknown_parts_name_the_known_ones(
    run: Run, good: tuple[Path, Path], flags: tuple[str, str], message: str
) -> None:
    result = run("search", good[0], "--probe", good[1], *FAKE, *flags)
    assert (result.exit_code, result.stderr) == (2, message)


def test_a_device_that_is_not_there_is_never_a_quiet_cpu_run(run: Run, good: tuple[Path, Path]) -> None:
    result = run("search", good[0], "--probe", good[1], *FAKE, "--device", "cuda:7")
    assert result.exit_code == 6
    assert result.stderr.startswith("error: device: cuda:7 is not on this machine")
    assert result.stdout == ""


def test_nothing_of_anybody_else_is_kept(
    run: Run, good: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A one-shot search writes its candidates and nothing of others, nowhere."""

    def two(number: int, width: int, height: int) -> Pixels:
        image = walker(number, width, height)
        draw_face(image, COLOURS["blue"], 220, 30, 60)
        return image

    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    make_clip(good[0] / "cam2.mp4", frames=50, picture=two)
    out = tmp_path / "out"
    result = run("search", good[0] / "cam2.mp4", "--probe", good[1], *FAKE, "--out", out)
    assert result.exit_code == 0
    assert list(scratch.iterdir()) == []
    faces = sorted((out / "stills").glob("*.png"))
    assert len(faces) == 1
    red, _, blue = (float(v) for v in np.asarray(Image.open(faces[0])).reshape(-1, 3).mean(axis=0))
    assert red > blue + 30
