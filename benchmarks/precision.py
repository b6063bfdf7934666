"""What float16 changes: faces, templates and scores of the same photos, in float32 and in float16.

    python benchmarks/precision.py --data ../shared/data/faces --every 60
    python benchmarks/precision.py --data ../shared/data/faces --every 10 --device cuda

On a CPU torch computes both, the second as it would for a GPU: in float16, channels-last. That is slow, and one thread
does it. Templates are of the faces that float32 finds, so that nothing but the embedders differs; detectors are shown
in float16 although they do not run so.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np

from retrofr import registry, runtime
from retrofr.comparison import build_comparison
from retrofr.records import Detections, Floats, Pixels
from retrofr.runtime import Device, resolve_device

PRECISIONS = ("float32", "float16")
EMBEDDER = "sface+dlib-resnet"
AT_ONCE = 4


def main() -> None:
    options = _options()
    files = sorted(options.data.glob("*/*.jpg"))[:: options.every]
    photos = [_read(file) for file in files]
    devices = [dataclasses.replace(_device(options.device), precision=each) for each in PRECISIONS]
    print(f"{len(photos)} photos, {' and '.join(device.describe() for device in devices)}")
    found = {}
    for name in options.detector:
        found[name] = _detect(photos, name, devices[0])
        _tell_boxes(name, found[name], _detect(photos, name, devices[1]))
    _tell_templates(photos, found[options.detector[0]], devices)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with folders of photos")
    parser.add_argument("--every", type=int, default=60, help="take every n-th photo")
    parser.add_argument(
        "--detector", nargs="+", default=["yunet", "mtcnn"], help="the first one's faces are embedded"
    )
    parser.add_argument("--device", default="cpu")
    return parser.parse_args()


def _device(text: str) -> Device:
    return resolve_device(text, backend="torch", threads=1)


def _read(path: Path) -> Pixels:
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise SystemExit(f"{path}: not a picture")
    return np.ascontiguousarray(picture[:, :, ::-1]).astype(np.uint8)


def _detect(photos: list[Pixels], name: str, device: Device) -> list[Detections]:
    """With the detector's nets in float16 where the device is, which its own file does not ask for."""
    made = runtime._run_by_torch
    part = registry.load("detectors", name)
    with patch.object(runtime, "_run_by_torch", lambda module, on, **_: made(module, on, half=True)):
        detector = part.build(part.SETTINGS(), device)
    groups = [photos[i : i + AT_ONCE] for i in range(0, len(photos), AT_ONCE)]
    return [found for group in groups for found in detector.detect(group)]


def _tell_boxes(name: str, plain: list[Detections], half: list[Detections]) -> None:
    lost = new = 0
    overlaps, moved, scores = [], [], []
    for one, other in zip(plain, half, strict=True):
        overlap = _overlaps(one.boxes, other.boxes)
        pairs = [(i, int(row.argmax())) for i, row in enumerate(overlap) if row.size and row.max() >= 0.5]
        lost += len(one) - len(pairs)
        new += len(other) - len(pairs)
        for i, j in pairs:
            eyes = float(np.linalg.norm(one.landmarks[i, 0] - one.landmarks[i, 1]))
            overlaps.append(float(overlap[i, j]))
            moved.append(float(np.abs(one.landmarks[i] - other.landmarks[j]).max()) / max(eyes, 1.0))
            scores.append(abs(float(one.scores[i] - other.scores[j])))
    print(
        f"{name}: {sum(map(len, plain))} faces, {lost} lost, {new} new; overlap (IoU) least {min(overlaps):.3f}, "
        f"median {np.median(overlaps):.4f}; landmarks moved by at most {max(moved):.3f} of the distance of the "
        f"eyes, median {np.median(moved):.4f}; score by at most {max(scores):.4f}"
    )


def _overlaps(left: Floats, right: Floats) -> Floats:
    corner = np.maximum(left[:, None, :2], right[None, :, :2])
    other = np.minimum(left[:, None, 2:], right[None, :, 2:])
    common = np.prod(np.maximum(other - corner, 0), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (left, right)]
    return np.asarray(common / (areas[0][:, None] + areas[1][None] - common), np.float32)


def _tell_templates(photos: list[Pixels], found: list[Detections], devices: list[Device]) -> None:
    made = []
    for device in devices:
        comparison = build_comparison(EMBEDDER, {}, device)
        started = time.perf_counter()
        pairs = zip(photos, found, strict=True)
        faces = [chip for photo, one in pairs for chip in comparison.cut(photo, one.landmarks[:1])]
        made.append(comparison.templates(faces))
        print(f"{device.precision}: {len(faces)} faces embedded in {time.perf_counter() - started:.1f} s")
    plain, half = made
    start = 0
    for part in comparison.embedders:
        one, other = (each[:, start : start + part.dimensions] for each in made)
        start += part.dimensions
        lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
        cosines = (one.astype(np.float64) * other).sum(axis=1) / lengths
        changed = np.abs(part.compare(one, one) - part.compare(other, other)).max()
        print(
            f"{part.name}: 1 - cosine at most {1 - cosines.min():.1e}; scores change by at most {changed:.1e}"
        )
    scores = comparison.compare(plain, plain)
    others = ~np.eye(len(plain), dtype=bool)
    print(
        f"{EMBEDDER}: scores of different photos from {scores[others].min():.1f} to {scores[others].max():.1f}"
    )
    for name, left in (("both in float16", half), ("one in float16", plain)):
        changed = np.abs(scores - comparison.compare(left, half))[others].max()
        print(f"with {name} none of {int(others.sum())} changes by more than {changed:.4f}")


if __name__ == "__main__":
    main()
