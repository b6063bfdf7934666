"""Whether anybody who is hidden in stills and clips is found or recognised again, and whether the candidate still is.

    python benchmarks/redaction.py --data ../shared/data

Needs the shared clips and photos. Of every picture with several faces that can be compared each is the candidate once,
and all others are hidden. The pictures that come out are attacked: as they are, enlarged twice, with their contrast
stretched locally, and sharpened. Printed per material:

    pictures    looked at; candidates and bystanders in them
    found       bystanders in whose place the search's detector finds a face again
    alike       bystanders whose place, cut out where their eyes and mouth were, compares with their own unhidden face
                above the search's default threshold, by the best attack; and the best score. A flat grey compared with
                each of these faces is the chance level
    candidate   candidates who compare with their own unhidden face above that threshold; the least and median score

The same of clips of scenes of the composite clip with several people, written, read again and attacked in every
``--every``th frame. Once as they are cut for a search; and once as if the paths of all there had been taken for the
candidate's, so that nothing but comparing anew keeps them apart.
For comparison, the same of what is not recommended: each face reduced to 5 × 5 blocks.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from retrofr.nets import Nets, load_nets
from retrofr.operating import find_operating_points
from retrofr.probe_files import IMAGE_SUFFIXES, read_picture
from retrofr.quality import measure_quality
from retrofr.records import Detections, Exhibit, Floats, Pixels, Sample
from retrofr.redaction.between import FacePath
from retrofr.redaction.checking import PictureCheck, picture_check
from retrofr.redaction.clips import redacted_clip
from retrofr.redaction.geometry import are_same, widened
from retrofr.redaction.painting import with_hidden
from retrofr.redaction.recognising import Recogniser
from retrofr.searching import resolve_threshold
from retrofr.settings import SamplingSettings, Settings
from retrofr.video.container import open_exhibit
from retrofr.video.footage import FootageFile
from retrofr.video.isolated import DecoderProcess
from retrofr.video.plan import ReadingPlan

SCENES = ("F1,B1,W1", "U1,U2", "F1,M1")
"""Stretches of the composite clip with several people."""

Hide = Callable[[Pixels, Floats, Floats], Pixels]


def hidden(image: Pixels, others: Floats, shown: Floats) -> Pixels:
    """As retrofr does."""
    return with_hidden(image, others, [shown])


def in_blocks(image: Pixels, others: Floats, shown: Floats) -> Pixels:  # noqa: ARG001
    """5 × 5 blocks of the widened box, as a comparison."""
    painted = image.copy()
    for left, top, right, bottom in np.clip(widened(others, 0.25), 0, None).astype(int):
        place = painted[top:bottom, left:right]
        if place.size:
            blocks = cv2.resize(place, (5, 5), interpolation=cv2.INTER_AREA)
            place[:] = cv2.resize(blocks, place.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    return painted


def enlarged(image: Pixels, landmarks: Floats) -> tuple[Pixels, Floats]:
    """Twice as large."""
    size = (image.shape[1] * 2, image.shape[0] * 2)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC), np.uint8), landmarks * 2


def stretched(image: Pixels, landmarks: Floats) -> tuple[Pixels, Floats]:
    """With its contrast stretched place by place."""
    light, *colours = cv2.split(cv2.cvtColor(image, cv2.COLOR_RGB2LAB))
    light = cv2.createCLAHE(clipLimit=8.0, tileGridSize=(16, 16)).apply(light)
    joined = cv2.cvtColor(cv2.merge([light, *colours]), cv2.COLOR_LAB2RGB)
    return np.asarray(joined, np.uint8), landmarks


def sharpened(image: Pixels, landmarks: Floats) -> tuple[Pixels, Floats]:
    """With fine variation made three times as strong."""
    soft = cv2.GaussianBlur(image, (0, 0), 3)
    return np.asarray(cv2.addWeighted(image, 3.0, soft, -2.0, 0), np.uint8), landmarks


ATTACKS: dict[str, Callable[[Pixels, Floats], tuple[Pixels, Floats]]] = {
    "as it is": lambda image, landmarks: (image, landmarks),
    "enlarged": enlarged,
    "contrast": stretched,
    "sharpened": sharpened,
}


@dataclass
class Judge:
    """Finds and compares faces as a search does."""

    nets: Nets
    threshold: float
    settings: Settings

    def faces(self, image: Pixels) -> Detections:
        """Those that a search would compare."""
        (found,) = self.nets.detector.detect([image])
        fit = [
            measure_quality(
                image, found.boxes[i], found.landmarks[i], float(score), self.settings.quality
            ).comparable
            for i, score in enumerate(found.scores)
        ]
        return Detections(found.boxes[fit], found.landmarks[fit], found.scores[fit])

    def templates(self, image: Pixels, landmarks: Floats) -> Floats:
        comparison = self.nets.comparison
        return comparison.templates(comparison.cut(image, landmarks))

    def scores(self, ones: Floats, others: Floats) -> Floats:
        """Of each with its like."""
        return np.diagonal(self.nets.comparison.compare(ones, others)).astype(np.float32)


@dataclass
class Tally:
    """What came out of one material."""

    pictures: int = 0
    bystanders: int = 0
    found: dict[str, int] = field(default_factory=dict)
    alike: list[float] = field(default_factory=list)
    chance: list[float] = field(default_factory=list)
    kept: list[float] = field(default_factory=list)

    def row(self, name: str, threshold: float) -> str:
        alike, chance, kept = np.array(self.alike), np.array(self.chance), np.array(self.kept)
        found = ", ".join(f"{attack} {number}" for attack, number in self.found.items())
        return (
            f"{name}: {self.pictures} pictures, {len(kept)} candidates, {self.bystanders} bystanders\n"
            f"  found again: {found}\n"
            f"  alike: {int((alike >= threshold).sum())} of {len(alike)} at {threshold:.3f} or more, "
            f"best {alike.max(initial=-np.inf):.3f}, median {np.median(alike):.3f}; "
            f"flat grey: {int((chance >= threshold).sum())}, best {chance.max(initial=-np.inf):.3f}\n"
            f"  candidate: {int((kept >= threshold).sum())} of {len(kept)}, least {kept.min(initial=np.inf):.3f}, "
            f"median {np.median(kept):.3f}"
        )


def judge_pictures(judge: Judge, check: PictureCheck, pictures: Iterable[Pixels], hide: Hide) -> Tally:
    """Each face of each picture is the candidate once."""
    tally = Tally()
    for image in pictures:
        faces = judge.faces(image)
        if len(faces) < 2:
            continue
        own = judge.templates(image, faces.landmarks)
        for candidate in range(len(faces)):
            rest = [i for i in range(len(faces)) if i != candidate]
            others = check.others(image, faces.boxes[candidate], faces.boxes[rest])
            painted = hide(image, others, faces.boxes[candidate])
            attack_picture(tally, judge, painted, faces, own, candidate)
        tally.pictures += 1
    return tally


def attack_picture(
    tally: Tally, judge: Judge, painted: Pixels, faces: Detections, own: Floats, candidate: int
) -> None:
    """Look for the others of a picture in what came out of it."""
    rest = [i for i in range(len(faces)) if i != candidate]
    best = np.full(len(rest), -np.inf, np.float32)
    for name, attack in ATTACKS.items():
        image, landmarks = attack(painted, faces.landmarks)
        scale = image.shape[1] / painted.shape[1]
        (again,) = judge.nets.detector.detect([image])
        centres = (again.boxes[:, :2] + again.boxes[:, 2:]) / 2 / scale
        mine = are_same(again.boxes / np.float32(scale), faces.boxes[candidate])
        inside = [
            bool(((centres >= faces.boxes[i][:2]) & (centres <= faces.boxes[i][2:])).all(axis=1)[~mine].any())
            for i in rest
        ]
        tally.found[name] = tally.found.get(name, 0) + sum(inside)
        best = np.maximum(best, judge.scores(own[rest], judge.templates(image, landmarks[rest])))
        if name == "as it is":
            kept = judge.templates(image, landmarks[[candidate]])
            tally.kept += judge.scores(own[[candidate]], kept).tolist()
    grey = np.full_like(painted, 118)
    tally.alike += best.tolist()
    tally.chance += judge.scores(own[rest], judge.templates(grey, faces.landmarks[rest])).tolist()
    tally.bystanders += len(rest)


def photos(data: Path, most: int) -> Iterator[Pixels]:
    """Photos, of which some show several people."""
    for path in sorted(path for path in (data / "faces").rglob("*") if path.suffix in IMAGE_SUFFIXES)[:most]:
        yield read_picture(path)


@dataclass(frozen=True)
class Scene:
    """A stretch of a recording, and its frames, all of them."""

    exhibit: Exhibit
    start: Fraction
    end: Fraction


def scenes(data: Path) -> Iterator[Scene]:
    """Those of the composite clip with several people."""
    folder = data / "clips/composite"
    exhibit = open_exhibit(FootageFile(folder / "composite.mp4", "composite.mp4"))
    with (folder / "ground_truth.tsv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if row["identities_on_screen"] in SCENES:
                start, end = (Fraction(int(row[name]), 15) for name in ("start_frame", "end_frame_excl"))
                yield Scene(exhibit, start, end)


def frames(
    decoder: DecoderProcess, exhibit: Exhibit, rate: float, start: Fraction, end: Fraction
) -> list[Sample]:
    """So many a second of a stretch."""
    plan = ReadingPlan(SamplingSettings(rate=rate, gate=False), windows=((start, end),))
    with decoder.read_samples(exhibit, exhibit.streams[0].index, plan) as reader:
        return list(reader)


def judge_clips(
    judge: Judge, check: PictureCheck, decoder: DecoderProcess, data: Path, every: int, mixed: bool
) -> tuple[Tally, list[str]]:
    """Each person of each scene is the candidate once, known from one frame as from a search.

    ``mixed``: the faces of all others in that frame are taken for the candidate's as well.
    """
    tally, told = Tally(), []
    with tempfile.TemporaryDirectory() as folder:
        for number, scene in enumerate(scenes(data)):
            source = frames(decoder, scene.exhibit, 120.0, scene.start, scene.end)
            found = [judge.faces(sample.image) for sample in source]
            key = max(range(len(source)), key=lambda i: (len(found[i]), -i))
            own = judge.templates(source[key].image, found[key].landmarks)
            for candidate, box in enumerate(found[key].boxes):
                path = Path(folder) / f"{number}-{candidate}.mp4"
                known = [
                    FacePath(source[key].frame.stream, 0, (source[key].frame.seconds,), place[None])
                    for place in (found[key].boxes if mixed else box[None])
                ]
                began = time.perf_counter()
                clip = redacted_clip(
                    scene.exhibit,
                    scene.start,
                    scene.end,
                    known,
                    check,
                    path,
                    decoder=decoder,
                    recogniser=Recogniser(judge.nets.comparison, own[[candidate]], judge.threshold),
                )
                taken = time.perf_counter() - began
                told.append(
                    f"  {clip.frames} frames in {taken:.1f} s: {clip.paths_hidden} paths, {clip.faces_hidden} faces "
                    f"hidden, candidate in {clip.frames_with_candidate}, in doubt in {clip.frames_doubtful}"
                )
                attack_clip(tally, judge, decoder, source, found, path, own[candidate], every)
    return tally, told


def attack_clip(
    tally: Tally,
    judge: Judge,
    decoder: DecoderProcess,
    source: Sequence[Sample],
    found: Sequence[Detections],
    path: Path,
    who: Floats,
    every: int,
) -> None:
    """Look for the others in every so manieth frame of a clip. The candidate is whose face compares with ``who``."""
    written = open_exhibit(FootageFile(path, path.name))
    out = frames(decoder, written, 120.0, Fraction(0), Fraction(10_000))
    assert len(out) == len(source)
    for before, faces, after in list(zip(source, found, out, strict=True))[::every]:
        assert abs((before.frame.seconds - source[0].frame.seconds) - after.frame.seconds) < Fraction(1, 1000)
        if not len(faces):
            continue
        own = judge.templates(before.image, faces.landmarks)
        alike = judge.nets.comparison.compare(who[None], own)[0]
        candidate = int(np.argmax(alike))
        if alike[candidate] < judge.threshold:
            continue
        height, width = before.image.shape[:2]
        attack_picture(tally, judge, after.image[:height, :width], faces, own, candidate)
        tally.pictures += 1


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of shared clips and faces")
    parser.add_argument("--photos", type=int, default=640, help="how many photos are looked through")
    parser.add_argument(
        "--every", type=int, default=5, help="of a clip's frames are attacked: each fifth by default"
    )
    parser.add_argument("--only", choices=("photos", "composite", "street", "clips"), help="one material")
    options = parser.parse_args()
    settings = Settings()
    nets = load_nets(settings)
    operating = find_operating_points(settings.search, nets.comparison.identity(), nets.detector.name)
    judge = Judge(nets, resolve_threshold(settings.search, nets.comparison, operating).score, settings)
    check = picture_check(settings, lambda: nets.device)
    print(f"{nets.device.describe()}; threshold {judge.threshold:.3f}; {check.how.describe()}")
    with DecoderProcess(settings.video) as decoder:
        street = open_exhibit(FootageFile(options.data / "clips/street/street_1080p.mp4", "street"))
        stills = {
            "photos": lambda: photos(options.data, options.photos),
            "composite": lambda: (
                sample.image
                for s in scenes(options.data)
                for sample in frames(decoder, s.exhibit, 2.0, s.start, s.end)
            ),
            "street": lambda: (
                sample.image for sample in frames(decoder, street, 1.0, Fraction(0), Fraction(10_000))
            ),
        }
        for name, material in stills.items():
            if options.only not in (None, name):
                continue
            print(judge_pictures(judge, check, material(), hidden).row(name, judge.threshold))
            print(
                judge_pictures(judge, check, material(), in_blocks).row(
                    f"{name}, 5 × 5 blocks", judge.threshold
                )
            )
        if options.only not in (None, "clips"):
            return
        for name, mixed in {"clips": False, "clips, all paths taken for the candidate's": True}.items():
            tally, told = judge_clips(judge, check, decoder, options.data, options.every, mixed)
            print(tally.row(name, judge.threshold), *told, sep="\n", flush=True)


if __name__ == "__main__":
    main()
