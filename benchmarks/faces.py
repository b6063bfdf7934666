"""How well embedders tell people apart: one photo against one photo, over labelled photos.

    python benchmarks/faces.py --data ../shared/data/faces

The data is a folder with ``index.tsv`` (file, identity). In each photo the largest face near the middle is used. A
photo without a face counts as one whose mated pairs are all missed. Printed are the true match rate (TMR, the share
of pairs of one person at or above the threshold) at given false match rates (FMR, the share of pairs of different
people at or above it), the thresholds, and 95 % intervals from resampling the people. Pairs of people listed in
``faces_excluded.toml`` are left out; figures with them are printed as well.
"""

from __future__ import annotations

import argparse
import csv
import json
import platform
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from retrofr import registry
from retrofr.comparison import Comparison, build_comparison
from retrofr.evaluation.photos import embed_photos
from retrofr.records import Floats
from retrofr.runtime import resolve_device
from retrofr.settings import QualitySettings

EXCLUDED = Path(__file__).with_name("faces_excluded.toml")
FMRS = (1e-2, 1e-3, 1e-4, 1e-5)
RESAMPLES = 500
Scores = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Pairs:
    """All pairs of two photos: the people's numbers, and which pairs are left out."""

    left: npt.NDArray[np.intp]
    right: npt.NDArray[np.intp]
    people: npt.NDArray[np.intp]
    excluded: npt.NDArray[np.bool_]

    @property
    def mated(self) -> npt.NDArray[np.bool_]:
        return np.asarray(self.people[self.left] == self.people[self.right])


def main() -> None:
    options = _options()
    rows = list(csv.DictReader((options.data / "index.tsv").open(encoding="utf-8"), delimiter="\t"))
    names = sorted({row["identity"] for row in rows})
    people = np.array([names.index(row["identity"]) for row in rows])
    pairs = _pairs(people, names)
    print(f"{len(rows)} photos of {len(names)} people, {platform.processor() or platform.machine()}")
    device = resolve_device(options.device)
    results: dict[str, object] = {}
    for text in options.embedder:
        comparison = build_comparison(text, {}, device, refine=not options.no_refine)
        for name in options.detector:
            templates, found, seconds = _embed(
                options.data, [row["file"] for row in rows], name, comparison, device
            )
            print(
                f"\ndetector {name}, {'landmarks as detected' if options.no_refine else 'landmarks refined'}, "
                f"{device.describe()}: {len(rows) - int(found.sum())} photos without a face, {seconds:.0f} s"
            )
            results[f"{name} {text}"] = _report(comparison, templates, found, pairs)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with index.tsv and the photos")
    parser.add_argument(
        "--embedder", nargs="+", default=["sface+dlib-resnet"], help="a fused one is shown by part too"
    )
    parser.add_argument("--detector", nargs="+", default=["yunet", "mtcnn"])
    parser.add_argument("--no-refine", action="store_true", help="cut chips by the detector's landmarks")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    return parser.parse_args()


def _pairs(people: npt.NDArray[np.intp], names: Sequence[str]) -> Pairs:
    left, right = np.triu_indices(len(people), 1)
    excluded = np.zeros(len(left), bool)
    for entry in tomllib.loads(EXCLUDED.read_text(encoding="utf-8"))["pair"]:
        if not {str(person) for person in entry["people"]} <= set(names):
            continue
        one, other = (names.index(str(person)) for person in entry["people"])
        excluded |= (people[left] == one) & (people[right] == other)
        excluded |= (people[left] == other) & (people[right] == one)
    return Pairs(left, right, people, excluded)


def _embed(
    folder: Path, files: Sequence[str], detector_name: str, comparison: Comparison, device: object
) -> tuple[Floats, npt.NDArray[np.bool_], float]:
    """Templates of all photos, which photos have one, and how long it took."""
    module = registry.load("detectors", detector_name)
    detector = module.build(module.SETTINGS(), device)
    started = time.perf_counter()
    paths = [folder / file for file in files]
    faces = embed_photos(paths, detector, comparison, QualitySettings(), gate=False)
    for path, reason in zip(paths, faces.unreadable, strict=True):
        if reason:
            raise SystemExit(f"{path}: {reason}")
    return faces.templates, faces.acquired, time.perf_counter() - started


def _report(
    comparison: Comparison, templates: Floats, found: npt.NDArray[np.bool_], pairs: Pairs
) -> dict[str, object]:
    results: dict[str, object] = {}
    start = 0
    if len(comparison.embedders) > 1:
        for part in comparison.embedders:
            vectors = templates[:, start : start + part.dimensions]
            start += part.dimensions
            results[part.name] = _rates(part.name, part.compare(vectors, vectors), found, pairs)
            results[part.name + " likeness"] = _spread(part.name, part.index_vectors(vectors), found, pairs)
    matrix = comparison.compare(templates, templates)
    results[comparison.name] = _rates(comparison.name, matrix, found, pairs)
    if comparison.default_threshold is not None:
        results["default threshold"] = _at_threshold(comparison.default_threshold, matrix, found, pairs)
    return results


def _at_threshold(
    threshold: float, matrix: Floats, found: npt.NDArray[np.bool_], pairs: Pairs
) -> dict[str, float]:
    reached = (matrix >= threshold)[pairs.left, pairs.right] & found[pairs.left] & found[pairs.right]
    tmr = float(reached[pairs.mated].mean())
    false = int((reached & ~pairs.mated & ~pairs.excluded).sum())
    doubtful = int((reached & pairs.excluded).sum())
    print(
        f"  default threshold {threshold:g}: TMR {tmr:.3f}, reached by {false} non-mated pairs "
        f"and by {doubtful} of those left out"
    )
    return {"threshold": threshold, "tmr": tmr, "non_mated": false, "left_out": doubtful}


def _rates(name: str, matrix: Floats, found: npt.NDArray[np.bool_], pairs: Pairs) -> dict[str, object]:
    scores = matrix[pairs.left, pairs.right].astype(np.float64)
    both = found[pairs.left] & found[pairs.right]
    scores[~both] = -np.inf
    kept = ~pairs.excluded
    rates, thresholds = _tmr(scores[kept], pairs.mated[kept])
    without = _tmr(scores, pairs.mated)[0]
    low, high = _intervals(scores, pairs, kept)
    print(
        f"{name}: {int((pairs.mated & kept).sum()):,} mated, {int((~pairs.mated & kept).sum()):,} non-mated pairs"
    )
    for number, fmr in enumerate(FMRS):
        print(
            f"  FMR {fmr:.0e}: TMR {rates[number]:.3f} [{low[number]:.3f}, {high[number]:.3f}], threshold "
            f"{thresholds[number]:.3f} (nothing left out: TMR {without[number]:.3f})"
        )
    return {
        "fmr": list(FMRS),
        "tmr": rates.tolist(),
        "tmr_low": low.tolist(),
        "tmr_high": high.tolist(),
        "threshold": thresholds.tolist(),
        "tmr_nothing_left_out": without.tolist(),
    }


def _tmr(
    scores: Scores, mated: npt.NDArray[np.bool_], weights: Scores | None = None
) -> tuple[Scores, Scores]:
    """TMR and threshold at each FMR. ``weights`` counts each pair so many times."""
    counts = np.ones(len(scores)) if weights is None else weights
    order = np.argsort(-scores[~mated], kind="stable")
    falls = scores[~mated][order]
    share = np.cumsum(counts[~mated][order])
    share /= share[-1]
    # The strictest threshold that still keeps the FMR: just above the first non-mated score that would exceed it.
    first_too_many = np.minimum(np.searchsorted(share, FMRS, side="right"), len(falls) - 1)
    thresholds = np.nextafter(falls[first_too_many], np.inf)
    true, weight = scores[mated], counts[mated]
    rates = np.array([weight[true >= threshold].sum() for threshold in thresholds]) / weight.sum()
    return rates, thresholds


def _intervals(scores: Scores, pairs: Pairs, kept: npt.NDArray[np.bool_]) -> tuple[Scores, Scores]:
    """95 % intervals of the TMR from resampling people with replacement."""
    random = np.random.default_rng(0)
    people = int(pairs.people.max()) + 1
    mated = pairs.mated
    one, other = pairs.people[pairs.left], pairs.people[pairs.right]
    rates = []
    for _ in range(RESAMPLES):
        times = np.bincount(random.integers(0, people, people), minlength=people).astype(np.float64)
        weights = np.where(mated, times[one], times[one] * times[other]) * kept
        rates.append(_tmr(scores, mated, weights)[0])
    low, high = np.percentile(rates, [2.5, 97.5], axis=0)
    return low, high


def _spread(name: str, vectors: Floats, found: npt.NDArray[np.bool_], pairs: Pairs) -> dict[str, float]:
    """What data/comparison.toml holds of a part: how minus the squared distance spreads over non-mated pairs."""
    use = ~pairs.mated & ~pairs.excluded & found[pairs.left] & found[pairs.right]
    wide = vectors.astype(np.float64)
    likeness = -((wide[pairs.left[use]] - wide[pairs.right[use]]) ** 2).sum(axis=1)
    print(
        f"  likeness of {name} over non-mated pairs: mean {likeness.mean():.4f}, deviation {likeness.std():.4f}"
    )
    return {"mean": float(likeness.mean()), "deviation": float(likeness.std())}


if __name__ == "__main__":
    main()
