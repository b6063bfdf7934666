"""A probe is one face of one person, and anything else is refused with what to do about it."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from fakes import COLOURS, ColourDetector, ColourEmbedder, draw_face, scene
from retrofr import probes
from retrofr.alignment import cut_chips
from retrofr.errors import ProbeError
from retrofr.events import Event, Warned
from retrofr.probes import ProbeSpec, load_probes, parse_probe, probe_pictures, read_picture
from retrofr.records import Pixels, Probe
from retrofr.settings import QualitySettings


def save(path: Path, *colours: str, side: int = 60) -> Path:
    """A picture with one face of each colour, left to right."""
    image = scene()
    for number, colour in enumerate(colours):
        draw_face(image, COLOURS[colour], 20 + 100 * number, 80, side)
    Image.fromarray(image).save(path)
    return path


def load(*texts: str | Path, events: list[Event] | None = None) -> tuple[Probe, ...]:
    fake = ColourEmbedder()
    comparison = SimpleNamespace(
        cut=lambda image, landmarks: list(cut_chips(image, landmarks, fake.chip)),
        templates=lambda chips: fake.embed(np.stack(chips)),
    )
    listener = (events if events is not None else []).append
    return load_probes(
        probe_pictures([parse_probe(text) for text in texts]),
        ColourDetector(),
        comparison,  # type: ignore[arg-type]
        QualitySettings(),
        listener,
    )


def test_names_paths_and_faces_are_read(tmp_path: Path) -> None:
    odd = save(tmp_path / "a=b#2.png", "red")
    assert parse_probe(str(odd)) == ProbeSpec("a=b#2", odd)
    assert parse_probe("ann=photos/x.jpg#2") == ProbeSpec("ann", Path("photos/x.jpg"), 2)
    assert parse_probe("photos/x.jpg") == ProbeSpec("x", Path("photos/x.jpg"))


def test_one_face_is_taken(tmp_path: Path) -> None:
    (probe,) = load(save(tmp_path / "ann.png", "red"))
    assert probe.name == "ann"
    assert probe.templates.shape == (1, 3)
    assert probe.images[0].box.tolist() == [20, 80, 80, 140]
    assert len(probe.images[0].sha256) == 64


def test_several_faces_are_listed_with_how_to_choose(tmp_path: Path) -> None:
    path = save(tmp_path / "group.png", "red", "blue")
    with pytest.raises(ProbeError) as caught:
        load(path)
    assert str(caught.value) == (
        f"{path}: 2 faces were found, and a probe is one\n"
        "#1: x 20 to 80, y 80 to 140, 24 px between the eyes\n"
        "#2: x 120 to 180, y 80 to 140, 24 px between the eyes\n"
        f"choose one, left to right, for example --probe '{path}#1'"
    )
    assert caught.value.exit_code == 2
    (chosen,) = load(f"{path}#2")
    assert chosen.images[0].box[0] == 120


def test_a_face_number_that_is_not_there(tmp_path: Path) -> None:
    path = save(tmp_path / "ann.png", "red")
    with pytest.raises(ProbeError, match=r"there is no face #3 in this picture\n#1: x 20 to 80"):
        load(f"{path}#3")


def test_no_face_says_what_would_help(tmp_path: Path) -> None:
    path = save(tmp_path / "wall.png")
    with pytest.raises(ProbeError, match=r"wall\.png: no face was found in this picture\nuse a picture that"):
        load(path)


def test_a_folder_is_one_person_in_natural_order(tmp_path: Path) -> None:
    folder = tmp_path / "ann"
    folder.mkdir()
    for name in ("10.png", "2.png"):
        save(folder / name, "red")
    (folder / "notes.txt").write_text("seen in March")
    (probe,) = load(folder)
    assert (probe.name, [i.path.name for i in probe.images]) == ("ann", ["2.png", "10.png"])


def test_pictures_under_one_name_are_one_person(tmp_path: Path) -> None:
    one, two = save(tmp_path / "1.png", "red"), save(tmp_path / "2.png", "red")
    other = save(tmp_path / "bob.png", "blue")
    loaded = load(f"ann={one}", f"ann={two}", other)
    assert [(p.name, len(p.images)) for p in loaded] == [("ann", 2), ("bob", 1)]


def test_a_poor_probe_is_warned_about_with_the_reason(tmp_path: Path) -> None:
    events: list[Event] = []
    path = save(tmp_path / "far.png", "red", side=20)
    load(path, events=events)
    warned = [e.message for e in events if isinstance(e, Warned)]
    assert warned[0] == "a poor probe: too small: less than 10 px between the eyes"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is not a picture that can be read"),
        (b"hello, this is text", "is not a picture that can be read"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 40, "is not a picture that can be read"),
    ],
)
def test_a_file_that_is_not_a_picture(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "p.jpg"
    path.write_bytes(content)
    with pytest.raises(ProbeError) as caught:
        load(path)
    assert str(caught.value) == f"{path}: {reason}\nprobes are JPEG, PNG, WebP, BMP or TIFF"


def test_a_cut_off_jpeg_is_damaged(tmp_path: Path) -> None:
    whole = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
    Image.fromarray(noise).save(whole, "JPEG")
    path = tmp_path / "half.jpg"
    path.write_bytes(whole.getvalue()[: len(whole.getvalue()) // 2])
    with pytest.raises(ProbeError, match=r"half\.jpg: is a damaged picture .*\nopen it in a viewer"):
        load(path)


def test_a_one_pixel_picture_has_no_face(tmp_path: Path) -> None:
    path = tmp_path / "dot.png"
    Image.new("RGB", (1, 1)).save(path)
    with pytest.raises(ProbeError, match="no face was found in this picture"):
        load(path)


@pytest.mark.parametrize("side", [12_800, 20_000])
def test_a_picture_with_too_many_pixels_is_refused_before_it_is_decoded(tmp_path: Path, side: int) -> None:
    path = tmp_path / "huge.png"
    Image.new("1", (side, side)).save(path)
    with pytest.raises(ProbeError) as caught:
        read_picture(path)
    assert str(caught.value) == (
        f"{path}: is too large a picture (the limit is 150 megapixels)\n"
        "cut out the person, or save it smaller"
    )


def test_a_large_picture_is_shrunk(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    Image.new("RGB", (6400, 4800), (90, 90, 90)).save(path)
    assert max(read_picture(path).shape) <= probes.LONGEST_SIDE_PIXELS


def test_camera_rotation_is_applied_and_grey_becomes_rgb(tmp_path: Path) -> None:
    path = tmp_path / "turned.jpg"
    picture = Image.new("L", (40, 20))
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(path, exif=exif)
    image: Pixels = read_picture(path)
    assert image.shape == (40, 20, 3)


def test_paths_that_lead_nowhere(tmp_path: Path) -> None:
    with pytest.raises(ProbeError, match=r"^no probe was given\n"):
        probe_pictures([])
    with pytest.raises(ProbeError, match=r"none\.jpg: no such file\ncheck the path"):
        probe_pictures([parse_probe(str(tmp_path / "none.jpg"))])
    with pytest.raises(ProbeError, match=r"no picture in this folder\na folder is one person"):
        probe_pictures([parse_probe(tmp_path)])
