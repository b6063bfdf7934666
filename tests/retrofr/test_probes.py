"""A probe is one face of one person, and anything else is refused with what to do about it."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fakes import COLOURS, ColourDetector, ColourEmbedder, draw_face, scene
from retrofr import probes
from retrofr.alignment import cut_chips
from retrofr.errors import ProbeError
from retrofr.events import Event, Warned
from retrofr.probes import (
    ProbePicture,
    ProbeProblem,
    ProbeSpec,
    digest_pictures,
    embed_probe_picture,
    embed_probe_pictures,
    find_pictures,
    gather_probes,
    load_probes,
    parse_probe,
    probe_list,
    probe_pictures,
    read_picture,
)
from retrofr.records import Detections, Pixels, Probe, ProbeImage
from retrofr.settings import QualitySettings


def save(path: Path, *colours: str, side: int = 60) -> Path:
    """A picture with one face of each colour, left to right."""
    image = scene()
    for number, colour in enumerate(colours):
        draw_face(image, COLOURS[colour], 20 + 100 * number, 80, side)
    Image.fromarray(image).save(path)
    return path


def stand_in() -> Any:
    """A comparison of colours."""
    fake = ColourEmbedder()
    return SimpleNamespace(
        cut=lambda image, landmarks: list(cut_chips(image, landmarks, fake.chip)),
        templates=lambda chips: fake.embed(np.stack(chips)),
    )


class Nets:
    """Gives the fake detector and comparison, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.batches: list[int] = []

    def __call__(self) -> Any:
        self.asked += 1
        return self, stand_in()

    def detect(self, frames: Sequence[Pixels]) -> list[Detections]:
        self.batches.append(len(frames))
        return ColourDetector().detect(frames)


def ready(*paths: Path) -> list[ProbePicture]:
    digested, problems = digest_pictures(probe_pictures([parse_probe(path) for path in paths]))
    assert problems == []
    return digested


def embed(pictures: Iterable[ProbePicture], nets: Nets) -> list[ProbeImage | ProbeProblem]:
    return list(embed_probe_pictures(pictures, nets, QualitySettings(), lambda event: None))


def load(*texts: str | Path, events: list[Event] | None = None) -> tuple[Probe, ...]:
    listener = (events if events is not None else []).append
    return load_probes(
        probe_pictures([parse_probe(text) for text in texts]),
        ColourDetector(),
        stand_in(),
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


def test_digests_come_first_and_need_no_net(tmp_path: Path) -> None:
    one, two = save(tmp_path / "ann.png", "red"), save(tmp_path / "bob.png", "blue")
    pictures = ready(one, two)
    assert [picture.spec for picture in pictures] == [ProbeSpec("ann", one), ProbeSpec("bob", two)]
    assert [picture.sha256 for picture in pictures] == [
        hashlib.sha256(path.read_bytes()).hexdigest() for path in (one, two)
    ]


LIGHT = """
import sys
from pathlib import Path
from retrofr.probe_files import digest_pictures, parse_probe, probe_pictures
print(len(digest_pictures(probe_pictures([parse_probe(Path(sys.argv[1]))]))[0]))
print([name for name in ("torch", "openvino", "cv2", "PIL", "av") if name in sys.modules])
"""


def test_choosing_and_digesting_load_no_heavy_library(tmp_path: Path) -> None:
    path = save(tmp_path / "ann.png", "red")
    done = subprocess.run(
        [sys.executable, "-c", LIGHT, str(path)], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines() == ["1", "[]"]


def test_a_picture_that_cannot_be_read_is_a_problem_of_its_own(
    tmp_path: Path, permissions_hold: None
) -> None:
    good, secret = save(tmp_path / "ann.png", "red"), save(tmp_path / "bob.png", "red")
    secret.chmod(0)
    digested, problems = digest_pictures(probe_pictures([parse_probe(good), parse_probe(secret)]))
    assert [picture.spec.name for picture in digested] == ["ann"]
    assert [(problem.spec.name, str(problem.error)) for problem in problems] == [
        ("bob", f"{secret}: cannot be read (Permission denied)")
    ]
    with pytest.raises(ProbeError, match=r"bob\.png: cannot be read \(Permission denied\)") as caught:
        load(secret)
    assert caught.value.exit_code == 2
    secret.chmod(0o600)


def test_a_bad_picture_among_many_does_not_end_the_run(tmp_path: Path) -> None:
    paths = [
        save(tmp_path / "ann.png", "red"),
        save(tmp_path / "wall.png"),
        save(tmp_path / "group.png", "red", "blue"),
        tmp_path / "text.jpg",
        save(tmp_path / "bob.png", "blue"),
    ]
    paths[3].write_text("hello")
    nets = Nets()
    found = embed(ready(*paths), nets)
    assert [each.error.reason if isinstance(each, ProbeProblem) else each.path.name for each in found] == [
        "ann.png",
        "no face was found in this picture",
        "2 faces were found, and a probe is one",
        "is not a picture that can be read",
        "bob.png",
    ]
    assert (nets.asked, nets.batches) == (1, [4])


def test_nets_are_asked_for_only_where_there_is_a_picture(tmp_path: Path) -> None:
    text = tmp_path / "text.jpg"
    text.write_text("hello")
    nets = Nets()
    assert embed([], nets) == []
    (problem,) = embed(ready(text), nets)
    assert isinstance(problem, ProbeProblem)
    assert nets.asked == 0


def test_many_pictures_go_in_batches_of_bounded_size_and_give_what_single_ones_give(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    colours = list(COLOURS) * 2
    paths = [save(tmp_path / f"{number}.png", colour) for number, colour in enumerate(colours)]
    pictures = ready(*paths)
    singles = [embed_probe_picture(each, Nets(), QualitySettings(), lambda event: None) for each in pictures]
    for limit, value, sizes in (
        ("BATCH_PICTURES", 3, [3, 3, 2]),
        ("BATCH_PIXELS", 5 * 320 * 240, [5, 3]),
        ("BATCH_PIXELS", 10, [1] * 8),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(probes, limit, value)
            nets = Nets()
            found = embed(pictures, nets)
        assert nets.batches == sizes
        for one, other in zip(found, singles, strict=True):
            assert isinstance(one, ProbeImage)
            assert (one.path, one.sha256) == (other.path, other.sha256)
            np.testing.assert_array_equal(one.template, other.template)
            np.testing.assert_array_equal(one.box, other.box)


def test_a_picture_that_changed_since_its_digest_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "ann.png", "red")
    (picture,) = ready(path)
    save(path, "blue")
    with pytest.raises(ProbeError) as caught:
        embed_probe_picture(picture, Nets(), QualitySettings(), lambda event: None)
    assert str(caught.value) == f"{path}: was changed while it was read\nrun this again"


def test_pictures_are_gathered_by_name_in_order(tmp_path: Path) -> None:
    paths = [save(tmp_path / f"{name}.png", "red") for name in ("b", "a", "c")]
    found = [image for image in embed(ready(*paths), Nets()) if isinstance(image, ProbeImage)]
    gathered = gather_probes(zip(["bob", "ann", "bob"], found, strict=True))
    assert [(probe.name, [image.path.stem for image in probe.images]) for probe in gathered] == [
        ("bob", ["b", "c"]),
        ("ann", ["a"]),
    ]


def test_a_list_of_persons_is_a_folder_of_pictures_and_folders(tmp_path: Path) -> None:
    (tmp_path / "ann").mkdir()
    for name in ("10 bob.png", "2 eve.jpg", "notes.txt", ".hidden.jpg", "Thumbs.db"):
        (tmp_path / name).write_bytes(b"")
    assert probe_list(tmp_path) == [
        ProbeSpec("2 eve", tmp_path / "2 eve.jpg"),
        ProbeSpec("10 bob", tmp_path / "10 bob.png"),
        ProbeSpec("ann", tmp_path / "ann"),
        ProbeSpec("notes", tmp_path / "notes.txt"),
    ]


def test_a_list_of_persons_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ProbeError) as caught:
        probe_list(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: nobody is in this folder\nput a picture, or a folder of pictures, of each person in it"
    )
    with pytest.raises(ProbeError, match=r"none: no such folder\ncheck the path after --probes-from"):
        probe_list(tmp_path / "none")
    with pytest.raises(ProbeError, match=r"ann\.png: is not a folder\n--probes-from takes a folder of many"):
        probe_list(save(tmp_path / "ann.png", "red"))
    (tmp_path / "ann").mkdir()
    with pytest.raises(ProbeError, match=r"ann and ann\.png would both be called ann\nrename one of them"):
        probe_list(tmp_path)


def test_an_empty_folder_in_a_list_is_a_problem_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "ann").mkdir()
    bob = save(tmp_path / "bob.png", "blue")
    pictures, problems = find_pictures(probe_list(tmp_path))
    assert pictures == {"bob": [ProbeSpec("bob", bob)]}
    assert [(problem.spec.name, problem.error.reason) for problem in problems] == [
        ("ann", "no picture in this folder")
    ]
