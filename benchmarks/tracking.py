"""How well the faces of a made clip are joined into tracklets, and how many of them would be embedded.

    python benchmarks/tracking.py --data ../shared/data --work FOLDER [--kind busy] [--seconds 300] [--seed 1]

Faces are found, tracked and chosen as `retrofr index` does it, in slices of a minute; nothing is embedded. A tracklet
is pure where all its faces that the truth knows are of one visit. Prints as well where visits are cut in two.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from _footage import RATE, Clip, clip
from _found import NOBODY, PLAIN_TO_SEE, Truth, pairs, read_truth

FALSE = 0
"""In place of a visit: the truth knows of no face there."""


@dataclass(eq=False)
class Made:
    """A tracklet: where its faces are, as (number of the sample, number of the face), and how many are embedded."""

    track: Any
    slice: int
    faces: list[tuple[int, int]] = field(default_factory=list)


@dataclass(eq=False)
class Replay:
    """Tracks the samples of a clip; ``found`` are their frame's number, detections, and visits of the truth."""

    truth: dict[int, Truth]
    found: list[tuple[int, Any, list[int]]] = field(default_factory=list)
    made: list[Made] = field(default_factory=list)
    cpu_seconds: float = 0.0

    def take(self, samples: Iterator[tuple[Any, Any]], settings: Any) -> None:
        """Track samples, given with their detections."""
        from retrofr.tracking import Tracker

        tracker: Any = Tracker(settings.track)
        live: dict[int, Made] = {}
        number = 0
        for sample, detections in samples:
            if sample.frame.seconds // int(settings.video.slice_seconds) != number:
                number = int(sample.frame.seconds // int(settings.video.slice_seconds))
                tracker.finish()
            began = time.process_time()
            for frame in sample.held:
                tracker.hold(frame)
            tracks, _ = tracker.update(sample.frame, sample.image, detections, sample.shot)
            self.cpu_seconds += time.process_time() - began
            for i, track in enumerate(tracks):
                if id(track) not in live:
                    live[id(track)] = Made(track, number)  # holds the track, so that no other gets its id
                    self.made.append(live[id(track)])
                live[id(track)].faces.append((len(self.found), i))
                _choose(track, sample, detections, i, settings.quality)
            frame = round(float(sample.frame.seconds) * RATE)
            self.found.append((frame, detections, _visits(detections.boxes, self.truth.get(frame, NOBODY))))

    def visits(self, made: Made) -> Counter[int]:
        """Whose faces a tracklet has, and how many of each."""
        seen = Counter(self.found[sample][2][face] for sample, face in made.faces)
        return Counter({visit: count for visit, count in seen.items() if visit != FALSE})

    def rows(self) -> list[tuple[str, str]]:
        """The figures."""
        by = [self.visits(made) for made in self.made]
        visits = {visit for seen in by for visit in seen}
        parts = {(visit, made.slice) for seen, made in zip(by, self.made, strict=True) for visit in seen}
        impure = [made for seen, made in zip(by, self.made, strict=True) if len(seen) > 1]
        plain = [self._plain(frame) for frame, _, _ in self.found]
        there = sum(len(visits) for visits in plain)
        hits = sum(len(visits & set(of)) for visits, (_, _, of) in zip(plain, self.found, strict=True))
        faces = sum(len(made.faces) for made in self.made)
        joins = sum(len(seen) for seen in by)
        return [
            ("samples", f"{len(self.found):,}"),
            ("faces found", f"{faces:,}"),
            ("faces of truth found, of those plain to see", f"{hits:,} of {there:,}"),
            ("visits found", f"{len(visits):,}"),
            ("visits found, counted once in each slice", f"{len(parts):,}"),
            ("tracklets", f"{len(self.made):,}"),
            ("tracklets without a face of truth", f"{sum(not seen for seen in by):,}"),
            ("tracklets a visit", f"{joins / max(1, len(visits)):.2f}"),
            ("pure tracklets", f"{100 * (1 - len(impure) / max(1, len(self.made))):.1f} %"),
            (
                "impure tracklets, and faces in them",
                f"{len(impure):,}, {sum(len(m.faces) for m in impure):,}",
            ),
            ("faces embedded", f"{sum(len(made.track.kept) for made in self.made):,}"),
            ("tracklets without a face fit to embed", f"{sum(not m.track.kept for m in self.made):,}"),
            ("seconds of a core for tracking", f"{self.cpu_seconds:.2f}"),
        ]

    def breaks(self) -> Counter[str]:
        """Where a visit goes on in another tracklet, by what lies between."""
        pieces: dict[int, list[Made]] = {}
        for made in self.made:
            seen = self.visits(made)
            if seen:
                pieces.setdefault(seen.most_common(1)[0][0], []).append(made)
        causes: Counter[str] = Counter()
        for visit, several in pieces.items():
            for one, other in pairwise(sorted(several, key=lambda made: made.faces[0])):
                causes[self._cause(visit, one, other)] += 1
        return causes

    def _cause(self, visit: int, one: Made, other: Made) -> str:
        if one.slice != other.slice:
            return "a slice ended"
        last, first = one.faces[-1][0], other.faces[0][0]
        if first <= last:
            return "a single sample between those of the other tracklet"
        hidden = any(visit not in self._plain(self.found[i][0]) for i in range(last, first + 1))
        missed = first - last - 1
        length = (
            "no sample missed" if not missed else f"{'1 to 5' if missed < 6 else '6 or more'} samples missed"
        )
        return f"{length}, {'partly hidden or cut by the edge' if hidden else 'plain to see'}"

    def _plain(self, frame: int) -> set[int]:
        known = self.truth.get(frame, NOBODY)
        return set(known.visits[known.visible >= PLAIN_TO_SEE].tolist())


def _choose(track: Any, sample: Any, found: Any, i: int, settings: Any) -> None:
    """Keep a face among its tracklet's best as :class:`retrofr.faces.FaceFinder` does, without its picture."""
    from retrofr.face_view import FaceView
    from retrofr.faces import Kept, beside_another
    from retrofr.quality import measure_quality
    from retrofr.records import Face

    box, landmarks, score = found.boxes[i], found.landmarks[i], float(found.scores[i])
    quality = measure_quality(sample.image, box, landmarks, score, settings)
    if not quality.comparable:
        return
    face, thumbnail = Face(sample.frame, box, landmarks, score, quality), track.looks[-1].thumbnail
    stay = beside_another(track.kept, face, thumbnail, settings.best_faces)
    if stay is not None:
        view = FaceView(np.zeros((1, 1, 3), np.uint8), landmarks)
        track.kept = [*stay, Kept(face, thumbnail, view, None, found.boxes[:0])]


def _visits(boxes: Any, known: Truth) -> list[int]:
    """Whose each box is."""
    of = [FALSE] * len(boxes)
    for i, j in pairs(boxes, known.boxes):
        of[i] = int(known.visits[j])
    return of


def detected(made: Clip, settings: Any) -> Iterator[tuple[Any, Any]]:
    """The samples of a clip with what is found in each."""
    from retrofr import registry
    from retrofr.runtime import resolve_device
    from retrofr.video.container import open_exhibit
    from retrofr.video.footage import find_footage
    from retrofr.video.plan import ReadingPlan
    from retrofr.video.reader import read_samples

    module, own = registry.load_with_settings("detectors", settings.detect.detector, settings.parts)
    detector = module.build(own, resolve_device("cpu"))
    (file,) = find_footage([made.path]).files
    exhibit = open_exhibit(file)
    plan = ReadingPlan(settings.sampling, settings.video)
    with read_samples(exhibit, exhibit.streams[0].index, plan) as reader:
        while batch := list(islice(reader, settings.detect.batch_frames)):
            yield from zip(batch, detector.detect([sample.image for sample in batch]), strict=True)


def _table(rows: Sequence[tuple[str, str]]) -> str:
    return "\n".join(f"| {name} | {value} |" for name, value in rows)


def main() -> None:
    """Print the figures of one clip."""
    from retrofr.settings import Settings

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of shared faces, to make the clip from"
    )
    parser.add_argument("--work", type=Path, required=True, help="where clips are kept")
    parser.add_argument("--kind", default="busy", help="of clip, see _footage.py")
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--seed", type=int, default=1, help="another gives other people on other ways")
    parser.add_argument("--rate", type=float, default=2.0, help="samples a second")
    parser.add_argument("--smallest", type=int, default=40, help="pixels of the smallest face")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    made = clip(options.kind, options.seconds, options.data / "faces", options.work, options.seed)
    parts = {"yunet": {"min_face_pixels": options.smallest}}
    settings = Settings.from_mapping({"sampling": {"rate": options.rate}, "parts": parts})
    replay = Replay(read_truth(made.truth))
    replay.take(detected(made, settings), settings)
    print(f"{made.path.name}\n\n{_table(replay.rows())}\n\nWhere visits go on in another tracklet:\n")
    print(_table([(cause, str(count)) for cause, count in replay.breaks().most_common()]))


if __name__ == "__main__":
    main()
