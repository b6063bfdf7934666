"""How many faces each detector finds, how many it invents, how well it places landmarks, and how long it takes.

    python benchmarks/detectors.py --data ../shared/data

Needs the shared clips and photos. Printed per detector and smallest wanted face:

    photos     share of the labelled photos in which a face is found
    at N px    the same photos shrunk until the face is N px large (side of a square as large as its box): share in
               which it is found, and the median error of its landmarks, in parts of the distance between the eyes;
               the truth is where YuNet places them when the face is 200 px large in its input
    filled     share of photos cut down to the very box of the face in which it is found
    people     share of the samples of scenes with labelled people in which somebody is found (composite clip, three
               samples a second; some people turn away or leave, so 1.0 cannot be reached)
    desk       the same of the clips of people at a desk
    street     faces found per frame of a crowded street
    invented   faces found in 100 samples without people (composite's empty scenes, bottles, cars)
    ms         milliseconds a frame at 1920 × 1080 (street) and 640 × 480 (desk), on the wall and of all cores
               together: medians over interleaved rounds
"""

from __future__ import annotations

import argparse
import csv
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np

from retrofr import registry
from retrofr.detectors.base import Detector
from retrofr.records import Detections, Floats, Pixels
from retrofr.runtime import Device, resolve_device

TRUE_SIZE = 200
COMPOSITE_RATE = 15
SHRUNK_SIZES = (16, 20, 24, 32, 48)


@dataclass(frozen=True)
class Portrait:
    """A photo and its main face: box (4,), landmarks (5, 2)."""

    picture: Pixels
    box: Floats
    landmarks: Floats


@dataclass(frozen=True)
class Material:
    """Everything that is looked at, decoded."""

    photos: list[Pixels]
    portraits: list[Portrait]
    people: list[Pixels]
    desk: list[Pixels]
    street: list[Pixels]
    empty: list[Pixels]


def frames_of(path: Path, per_second: float) -> list[tuple[float, Pixels]]:
    """(seconds, frame) of a clip, so many a second of media time."""
    frames: list[tuple[float, Pixels]] = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            seconds = float(frame.time or 0.0)
            if not frames or seconds >= frames[-1][0] + 1 / per_second - 1e-6:
                frames.append((seconds, np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)))
    return frames


def read_photo(path: Path) -> Pixels:
    picture = cv2.imread(str(path))
    if picture is None:
        raise SystemExit(f"{path} is not a picture")
    return np.ascontiguousarray(picture[..., ::-1], np.uint8)


def read_material(data: Path, every: int) -> Material:
    with (data / "faces/index.tsv").open(encoding="utf-8") as file:
        names = [row["file"] for row in csv.DictReader(file, delimiter="\t")]
    photos = [read_photo(data / "faces" / name) for name in names[::every]]
    composite = data / "clips/composite"
    with (composite / "ground_truth.tsv").open(encoding="utf-8") as file:
        scenes = list(csv.DictReader(file, delimiter="\t"))
    people: list[Pixels] = []
    empty: list[Pixels] = []
    for seconds, frame in frames_of(composite / "composite.mp4", 3):
        number = round(seconds * COMPOSITE_RATE)
        scene = next(s for s in scenes if number < int(s["end_frame_excl"]))
        (empty if scene["identities_on_screen"] == "-" else people).append(frame)
    for name in ("bottle-detection.mp4", "car-detection.mp4"):
        empty += [frame for _, frame in frames_of(data / "clips/street" / name, 2)]
    desk = [
        frame for clip in sorted((data / "clips/webcam").glob("*.mkv")) for _, frame in frames_of(clip, 2)
    ]
    street = [frame for _, frame in frames_of(data / "clips/street/street_1080p.mp4", 3)]
    return Material(photos, portraits(photos), people, desk, street, empty)


def portraits(photos: Sequence[Pixels]) -> list[Portrait]:
    """The photos whose largest face is at least 100 px large, with the truth about it."""
    module = registry.load("detectors", "yunet")
    # The smallest face decides on the scale: a face of TRUE_SIZE becomes one of 12 / smallest of that, so a second
    # pass over the photo resized to the face's size places the landmarks.
    detector = module.build(module.SETTINGS(min_face_pixels=12), resolve_device("cpu"))
    found: list[Portrait] = []
    for photo in photos:
        first = largest(detector.detect([photo])[0])
        if first is None or size_of(first[0]) < 100:
            continue
        scaled, ratio = scaled_by(photo, TRUE_SIZE / size_of(first[0]))
        truth = largest(detector.detect([scaled])[0])
        if truth is not None:
            found.append(Portrait(photo, (truth[0].reshape(2, 2) / ratio).reshape(4), truth[1] / ratio))
    return found


def scaled_by(picture: Pixels, scale: float) -> tuple[Pixels, Floats]:
    """The picture in another size, and the exact ratios of width and height."""
    width, height = (max(1, round(side * scale)) for side in picture.shape[1::-1])
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    ratio = np.array([width / picture.shape[1], height / picture.shape[0]], np.float32)
    return np.asarray(cv2.resize(picture, (width, height), interpolation=method), np.uint8), ratio


def size_of(box: Floats) -> float:
    return float(np.sqrt(max(box[2] - box[0], 0) * max(box[3] - box[1], 0)))


def largest(found: Detections) -> tuple[Floats, Floats] | None:
    if not len(found):
        return None
    best = max(range(len(found)), key=lambda index: size_of(found.boxes[index]))
    return found.boxes[best], found.landmarks[best]


def shrunk_recall(detector: Detector, portraits: Sequence[Portrait], size: int) -> tuple[float, float]:
    """Share of the faces found when they are ``size`` pixels large, and the median landmark error."""
    hits, errors = 0, []
    for portrait in portraits:
        picture, ratio = scaled_by(portrait.picture, size / size_of(portrait.box))
        (found,) = detector.detect([picture])
        points = portrait.landmarks * ratio
        distances = np.abs(found.landmarks - points).mean(axis=(1, 2)) / np.linalg.norm(points[1] - points[0])
        if len(distances) and distances.min() < 0.5:
            hits += 1
            errors.append(float(distances.min()))
    return hits / len(portraits), statistics.median(errors) if errors else float("nan")


def share_found(detector: Detector, frames: Sequence[Pixels]) -> float:
    return sum(len(found) > 0 for found in detector.detect(frames)) / len(frames)


def filled(portraits: Sequence[Portrait]) -> list[Pixels]:
    cut = []
    for portrait in portraits:
        x1, y1, x2, y2 = np.maximum(portrait.box, 0).astype(int)
        cut.append(np.ascontiguousarray(portrait.picture[y1:y2, x1:x2]))
    return cut


def found_in(detector: Detector, material: Material) -> str:
    cells = [f"{share_found(detector, material.photos):.3f}"]
    for size in SHRUNK_SIZES:
        share, error = shrunk_recall(detector, material.portraits, size)
        cells.append(f"{share:.2f} ({error:.3f})")
    cells.append(f"{share_found(detector, filled(material.portraits)):.3f}")
    cells += [f"{share_found(detector, frames):.3f}" for frames in (material.people, material.desk)]
    cells.append(f"{sum(map(len, detector.detect(material.street))) / len(material.street):.1f}")
    cells.append(f"{100 * sum(map(len, detector.detect(material.empty))) / len(material.empty):.1f}")
    return " | ".join(cells)


def time_of(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds on the wall, and of all processor cores together."""
    wall, cores = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cores


def timings(detectors: dict[str, Detector], material: Material, rounds: int) -> dict[str, str]:
    """Median milliseconds a frame on the street and at a desk; the detectors take turns."""
    sets = {"street": material.street[:6], "desk": material.desk[:24]}
    measured: dict[str, dict[str, list[tuple[float, float]]]] = {
        name: {key: [] for key in sets} for name in detectors
    }
    for _ in range(rounds + 1):
        for name, detector in detectors.items():
            for key, frames in sets.items():
                wall, cores = time_of(partial(detector.detect, frames))
                measured[name][key].append((1000 * wall / len(frames), 1000 * cores / len(frames)))
    return {
        name: " | ".join(
            f"{statistics.median(wall):.1f} | {statistics.median(cores):.1f}"
            for wall, cores in (zip(*values[1:], strict=True) for values in by_set.values())
        )
        for name, by_set in measured.items()
    }


def build_all(wanted: Sequence[str], device: Device) -> dict[str, Detector]:
    """Detectors from ``name:smallest face[:threshold]``."""
    built: dict[str, Detector] = {}
    for text in wanted:
        name, smallest, *threshold = text.split(":")
        module = registry.load("detectors", name)
        settings = module.SETTINGS.from_mapping(
            {"min_face_pixels": smallest, **({"score_threshold": threshold[0]} if threshold else {})}
        )
        built[text] = module.build(settings, device)
    return built


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder of shared clips and faces")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--every", type=int, default=4, help="take every so-many-th photo")
    parser.add_argument("--rounds", type=int, default=7, help="rounds of timing")
    parser.add_argument("--timings-only", action="store_true")
    parser.add_argument(
        "detectors",
        nargs="*",
        default=[
            "yunet:16",
            "yunet:20",
            "yunet:24",
            "yunet:32",
            "yunet:40",
            "mtcnn:20",
            "mtcnn:24",
            "mtcnn:40",
        ],
        help="name:smallest face in pixels[:score threshold]",
    )
    arguments = parser.parse_args()
    device = resolve_device(arguments.device)
    print(device.describe())
    detectors = build_all(arguments.detectors, device)
    material = read_material(arguments.data, arguments.every)
    print(
        f"{len(material.photos)} photos, {len(material.portraits)} with a large face; samples: "
        f"{len(material.people)} people, {len(material.desk)} desk, {len(material.street)} street, "
        f"{len(material.empty)} empty\n"
    )
    if not arguments.timings_only:
        sizes = " | ".join(f"at {size} px" for size in SHRUNK_SIZES)
        print(f"detector | photos | {sizes} | filled | people | desk | street | invented")
        for name, detector in detectors.items():
            print(f"{name} | {found_in(detector, material)}", flush=True)
    print("\ndetector | street: ms | core ms | desk: ms | core ms")
    for name, cells in timings(detectors, material, arguments.rounds).items():
        print(f"{name} | {cells}")


if __name__ == "__main__":
    main()
