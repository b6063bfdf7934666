"""How error rates move as pictures get worse: smaller, blurred, moving, noisy, compressed, grey, dark.

    python benchmarks/conditions.py --data ../shared/data/faces --chart docs/accuracy-sizes.svg

Of each person the first photos with at least 40 px between the eyes are made worse (``--each``, two unless told; a
sample, so that the run takes minutes) and compared with every other photo of the data as it is, as a face in footage
is compared with a probe. Size: the eyes so many pixels apart. All other copies have 40 px between the eyes first, and
then one weakness, whose amount is in pixels or grey levels of that copy. The face is detected anew in the copy, with
the default settings, and is taken to be the one where it must lie; a face that is not found there counts as below
every threshold, as one does that is found and not compared because of the quality gates.

The thresholds are fixed: that of FMR 1e-4 among the photos as they are, nothing left out, and the default one.
FNMR is of all mated comparisons; intervals are 95 %, from drawing people. FMR is of all faces found, whatever the gates
say, at the first threshold and with the number of comparisons that reach it; doubtful pairs of people
(``faces_excluded.toml``) are left out there, since wrong labels say nothing of a condition.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from _photos import (
    Ready,
    distances,
    doubtful,
    embed_in_batches,
    find_faces,
    photos_or_skip,
    pictures,
    ready,
    table,
)

from retrofr.evaluation import degrading
from retrofr.evaluation.material import PhotoMaterial
from retrofr.probe_files import read_picture
from retrofr.quality import measure_quality
from retrofr.rates.comparisons import FAILED, Comparisons, Scores, all_pairs
from retrofr.rates.intervals import clopper_pearson, resample_people
from retrofr.rates.verification import threshold_at
from retrofr.records import Detections, Floats, Pixels

FMR = 1e-4
STANDARD = 40.0
SIZES = (40, 32, 24, 20, 16, 14, 12, 10, 8)
RESAMPLES = 200
Copy = Callable[[Pixels, str], Pixels]


@dataclass(frozen=True)
class Condition:
    """One kind of copy: how it is called, the distance of the eyes it has, and what is done to it then."""

    kind: str
    amount: str
    eyes: float
    make: Copy


@dataclass(frozen=True)
class Outcome:
    """What came of a condition; shares, with intervals of 95 % where there are two more."""

    kind: str
    amount: str
    eyes: float
    found: float
    fit: float
    mean_mated: float
    fnmr: float
    fnmr_low: float
    fnmr_high: float
    fnmr_default: float
    fnmr_ungated: float
    fmr: float
    fmr_high: float
    false: int
    non_mated: int
    mated: int


def conditions() -> list[Condition]:
    """All of them, in the order of the table."""
    as_it_is: Copy = lambda image, _name: image  # noqa: E731
    made = [Condition("as it is", "", np.inf, as_it_is)]
    made += [Condition("size", f"{size} px between the eyes", size, as_it_is) for size in SIZES]

    def add(
        kind: str, amounts: Sequence[float], unit: str, make: Callable[[Pixels, str, float], Pixels]
    ) -> None:
        for amount in amounts:
            copy: Copy = lambda image, name, amount=amount: make(image, name, amount)  # type: ignore[misc]  # noqa: E731
            made.append(Condition(kind, unit.format(amount), STANDARD, copy))

    add("out of focus", (1, 2, 3, 4), "Gaussian, deviation {:g} px", lambda i, _, a: degrading.blur(i, a))
    add("motion", (4, 8, 12), "{:g} px", lambda i, n, a: degrading.motion_blur(i, a, n))
    add("noise", (20, 40), "deviation {:g} of 255", lambda i, n, a: degrading.noise(i, a, n))
    add("JPEG", (20, 10, 5), "quality {:g}", lambda i, _, a: degrading.jpeg(i, int(a)))
    add("grey", (0,), "no colour", lambda i, _n, _a: degrading.grey(i))
    infrared = degrading.infrared
    add("infrared-like", (0,), "lamp", lambda i, n, _: infrared(i, n, eye_distance_pixels=STANDARD))
    add("low light", (4, 6, 8), "{:g} stops, gained", lambda i, n, a: degrading.low_light(i, a, n))
    add("dark", (4, 6), "{:g} stops, not gained", lambda i, _, a: degrading.dark(i, a))
    return made


def main() -> None:
    options = _options()
    material = photos_or_skip(options.data)
    if material is None:
        return
    started = time.perf_counter()
    nets = ready(options.device)
    found = find_faces(pictures(material), nets.detector)
    clean = _clean_templates(material, nets, found.landmarks)
    people = material.people
    base = all_pairs(np.asarray(nets.comparison.compare(clean, clean), np.float64), people)
    threshold = threshold_at(base, FMR)
    chosen = _chosen(people, distances(found.landmarks), options.each)
    print(
        f"{len(chosen)} photos of {len(set(people[chosen]))} people made worse, each compared with {len(people) - 1} "
        f"photos as they are; threshold of FMR {FMR:g} among those: {threshold:.2f}; {nets.device.describe()}\n"
    )
    run = _Run(material, nets, found.landmarks, clean, chosen, threshold)
    outcomes = [run.outcome(condition) for condition in conditions()]
    print(_table(outcomes, threshold, nets.comparison.default_threshold))
    print(f"\n{time.perf_counter() - started:.0f} s")
    if options.json:
        options.json.write_text(json.dumps([asdict(each) for each in outcomes], indent=2) + "\n", "utf-8")
    if options.chart:
        from _size_chart import size_chart

        options.chart.write_text(size_chart(outcomes, FMR), encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with index.tsv and the photos")
    parser.add_argument("--each", type=int, default=2, help="photos a person that are made worse")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--chart", type=Path, help="write the chart of sizes here, as SVG")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    return parser.parse_args()


def _clean_templates(material: PhotoMaterial, nets: Ready, landmarks: Floats) -> Floats:
    cut = nets.comparison.cut
    chips = (cut(image, points[None])[0] for image, points in zip(pictures(material), landmarks, strict=True))
    return embed_in_batches(nets.comparison, chips)


def _chosen(people: npt.NDArray[np.int64], apart: Floats, each: int) -> npt.NDArray[np.int64]:
    """The first photos of each person with enough pixels; no score takes part in the choice."""
    large = np.flatnonzero(apart >= STANDARD)
    return np.concatenate([large[people[large] == person][:each] for person in np.unique(people)])


class _Run:
    """The photos to be made worse, and all others to compare with."""

    def __init__(
        self,
        material: PhotoMaterial,
        nets: Ready,
        landmarks: Floats,
        clean: Floats,
        chosen: npt.NDArray[np.int64],
        threshold: float,
    ) -> None:
        self.nets, self.clean, self.chosen, self.threshold = nets, clean, chosen, threshold
        self.photos = [material.photos[number] for number in chosen]
        self.landmarks = landmarks[chosen]
        self.people = material.people
        # A photo is not compared with itself.
        self.kept = np.arange(len(self.people))[None] != chosen[:, None]
        self.doubtful = doubtful(material)[chosen]

    def outcome(self, condition: Condition) -> Outcome:
        found, fit, templates = self._copies(condition)
        scores = np.asarray(self.nets.comparison.compare(templates, self.clean), np.float64)
        scores[~found] = FAILED
        gated = np.where(fit[:, None], scores, FAILED)
        comparisons, ungated = self._comparisons(gated), self._comparisons(scores)
        fnmr = float((comparisons.mated_scores < self.threshold).mean())
        low, high = resample_people(comparisons, _Fnmr(comparisons, self.threshold), resamples=RESAMPLES)
        sure = ~self.doubtful[self.kept] & ~comparisons.mated
        false = int((ungated.scores[sure] >= self.threshold).sum())
        share = clopper_pearson(false, int(sure.sum()))
        default = self.nets.comparison.default_threshold
        mated = ungated.mated_scores
        print(f"  {condition.kind} {condition.amount}: FNMR {fnmr:.3f}", flush=True)
        return Outcome(
            *(condition.kind, condition.amount, float(min(condition.eyes, 1e9))),
            *(float(found.mean()), float(fit.mean()), float(mated[np.isfinite(mated)].mean())),
            *(fnmr, min(float(low[0]), fnmr), max(float(high[0]), fnmr)),
            float("nan") if default is None else float((comparisons.mated_scores < default).mean()),
            float((mated < self.threshold).mean()),
            *(false / share.trials, share.high, false, share.trials, len(mated)),
        )

    def _comparisons(self, scores: Scores) -> Comparisons:
        probes = np.repeat(self.people[self.chosen][:, None], len(self.people), axis=1)
        subjects = np.repeat(self.people[None], len(self.chosen), axis=0)
        return Comparisons(scores[self.kept], probes[self.kept], subjects[self.kept])

    def _copies(self, condition: Condition) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], Floats]:
        """Which faces were found in the copies, which of those may be compared, and their templates."""
        found, fit = np.zeros(len(self.chosen), bool), np.zeros(len(self.chosen), bool)
        chips = []
        for number, (copy, expected) in enumerate(self._made(condition)):
            seen = self.nets.detector.detect([copy])[0]
            face = _nearest(seen, expected)
            if face is None:
                continue
            found[number] = True
            quality = measure_quality(
                *(copy, seen.boxes[face], seen.landmarks[face], float(seen.scores[face])), self.nets.quality
            )
            fit[number] = not quality.problems
            chips.append(self.nets.comparison.cut(copy, seen.landmarks[face][None])[0])
        templates = np.zeros((len(self.chosen), self.nets.comparison.dimensions), np.float32)
        templates[found] = embed_in_batches(self.nets.comparison, chips)
        return found, fit, templates

    def _made(self, condition: Condition) -> Iterator[tuple[Pixels, Floats]]:
        """The copies, and where the landmarks of the face must lie in them."""
        for photo, points in zip(self.photos, self.landmarks, strict=True):
            image, factor = read_picture(photo.path), 1.0
            if np.isfinite(condition.eyes):
                image, factor = degrading.scale_to_eye_distance(image, points, condition.eyes)
            copy = condition.make(image, photo.name)
            yield copy, np.asarray((points + 0.5) * factor - 0.5, np.float32)


def _nearest(seen: Detections, expected: Floats) -> int | None:
    """The face whose landmarks lie nearest to where they must; None where none is within half an eye distance."""
    if not len(seen):
        return None
    away = np.hypot(*np.moveaxis(seen.landmarks - expected, -1, 0)).mean(axis=1)
    near = int(np.argmin(away))
    return near if away[near] <= np.hypot(*(expected[1] - expected[0])) / 2 else None


class _Fnmr:
    """The FNMR of weighted comparisons."""

    def __init__(self, comparisons: Comparisons, threshold: float) -> None:
        self._mated = comparisons.mated
        self._below = comparisons.mated_scores < threshold

    def __call__(self, weights: Scores) -> Scores:
        own = weights[self._mated]
        return np.array([own[self._below].sum() / own.sum()])


def _table(outcomes: Sequence[Outcome], threshold: float, default: float | None) -> str:
    head = (
        *("copy", "amount", "found", "and fit", f"FNMR at {threshold:.2f}"),
        *("without gates", f"FNMR at {default:g}", "FMR without gates", "mean mated score"),
    )
    rows = []
    for each in outcomes:
        fmr = f"{each.fmr:.1e} ({each.false})" if each.false else f"at most {each.fmr_high:.1e} (0)"
        rows.append(
            (
                *(each.kind, each.amount, f"{each.found:.1%}", f"{each.fit:.1%}"),
                f"{each.fnmr:.1%} [{each.fnmr_low:.1%}, {each.fnmr_high:.1%}]",
                *(f"{each.fnmr_ungated:.1%}", f"{each.fnmr_default:.1%}", fmr, f"{each.mean_mated:.2f}"),
            )
        )
    return table(head, rows)


if __name__ == "__main__":
    main()
