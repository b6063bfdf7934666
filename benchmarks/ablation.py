"""What each part of the default system is worth, and what was tried beside it: labelled photos, FMR 1e-4.

    python benchmarks/ablation.py --data ../shared/data/faces

Three tables: one photo against one photo, a row for every other way of cutting, embedding and scoring; three photos of
a person fused against one photo; and what limits the true match rate, the photos that are missed most.

Nothing is left out but in the column that says so. Intervals are 95 %, from drawing people; differences to the
default are of the same draws, so an interval that holds 0 is no evidence of a difference. "choosing" and "confirming"
are the people of even and of odd number by themselves: a way is worth adopting only if it is better in both. What is
learnt (weights, mean face) is learnt on the choosing half.
"""

from __future__ import annotations

import argparse
import json
import time
import tomllib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from _chip_ways import PARTS, Vectors, all_vectors
from _photos import Found, doubtful, find_faces, photos_or_skip, pictures, ready, table
from _probe_ways import fused_probes
from _score_ways import (
    alone,
    by_quality,
    centred,
    cohort,
    distances,
    fused,
    likeness,
    logistic,
    mean_of,
    weighted,
)

from retrofr.evaluation.material import PhotoMaterial
from retrofr.quality import measure_quality
from retrofr.rates.comparisons import Comparisons, Numbers, Scores, all_pairs
from retrofr.rates.intervals import resample_people
from retrofr.rates.verification import Weighted, threshold_at
from retrofr.records import Floats
from retrofr.settings import QualitySettings

FMR = 1e-4
FMRS = (1e-3, FMR)
RESAMPLES = 300
MISSED = Path(__file__).with_name("faces_missed.toml")
DEFAULT = "**default**"


def main() -> None:
    options = _options()
    material = photos_or_skip(options.data)
    if material is None:
        return
    started = time.perf_counter()
    nets = ready(options.device)
    found = find_faces(pictures(material), nets.detector)
    if np.isnan(found.scores).any():
        raise SystemExit("a photo has no face: this benchmark needs one in each")
    rank = _quality(material, found)
    vectors = all_vectors(material, nets, found)
    print(
        f"{len(rank)} photos of {len(material.names)} people, {nets.device.describe()}, "
        f"{time.perf_counter() - started:.0f} s for all vectors\n"
    )
    people, kept = material.people, ~doubtful(material)
    ways = _ways(vectors, people, rank)
    figures = {"one photo": _one_photo(ways, people, kept)}
    figures["three photos"] = fused_probes(vectors["default"].mean, people, rank, kept, FMRS, RESAMPLES)
    _limits(material, all_pairs(ways[DEFAULT][0], people))
    print(f"\n{time.perf_counter() - started:.0f} s")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with index.tsv and the photos")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    return parser.parse_args()


def _quality(material: PhotoMaterial, found: Found) -> Floats:
    """The rank of each photo's face, by which a tracklet's best faces are chosen."""
    return np.array(
        [
            measure_quality(image, box, points, float(score), QualitySettings()).rank
            for image, box, points, score in zip(
                pictures(material), found.boxes, found.landmarks, found.scores, strict=True
            )
        ],
        np.float32,
    )


def _ways(vectors: Mapping[str, Vectors], people: Numbers, rank: Floats) -> dict[str, tuple[Scores, float]]:
    """Scores by the name of the way, and how much work a face is beside the default."""
    own = vectors["default"].mean
    parts, learn = likeness(own), people % 2 == 0
    default = fused(own)
    both = mean_of(vectors, "default", "larger")
    tilted = mean_of(vectors, "default", "tilted")
    several = mean_of(vectors, "default", "larger", "smaller", "tilted")
    return {
        DEFAULT: (default, 1),
        "sface alone": (alone(PARTS[0], own), 0.45),
        "dlib-resnet alone": (alone(PARTS[1], own), 0.55),
        "no mirror images": (fused(vectors["default"].plain), 0.5),
        "landmarks as detected": (fused(vectors["detected"].mean), 1),
        "landmarks: mean of detected and refined": (fused(vectors["between"].mean), 1),
        "landmarks refined in a face turned upright": (fused(vectors["upright"].mean), 1),
        "weights 0.3 sface, 0.7 dlib-resnet": (weighted(parts, 0.3), 1),
        "weights 0.7 sface, 0.3 dlib-resnet": (weighted(parts, 0.7), 1),
        "weights by logistic regression": (logistic(parts, people, learn), 1),
        "distances, not squared": (distances(parts), 1),
        "sface without its mean face": (centred(own, parts, learn), 1),
        "face 5 % larger in the chip": (fused(vectors["larger"].mean), 1),
        "face 5 % smaller in the chip": (fused(vectors["smaller"].mean), 1),
        "mean of two sizes (100, 105 %)": (fused(both), 2),
        "the same, of the probe alone": (fused(both, own), 1),
        "mean of three turns (0, ±6°)": (fused(tilted), 2),
        "mean of three sizes and turns": (fused(several), 4),
        "local contrast equalised": (fused(vectors["equalised"].mean), 1),
        "cohort normalisation, everybody else": (cohort(default, people), 1),
        "cohort normalisation, nearest 100": (cohort(default, people, nearest=100), 1),
        "score times quality^0.1": (by_quality(default, rank, 0.1), 1),
    }


def _one_photo(
    ways: Mapping[str, tuple[Scores, float]], people: Numbers, kept: npt.NDArray[np.bool_]
) -> list[dict[str, object]]:
    pairs = {name: all_pairs(scores, people) for name, (scores, _) in ways.items()}
    sure = all_pairs(kept.astype(np.float64), people).scores > 0
    first = pairs[DEFAULT]
    low, high = resample_people(first, _Differences(pairs), resamples=RESAMPLES)
    numbers = np.unique(people)
    print(
        f"One photo against one: {int(first.mated.sum()):,} mated, {int((~first.mated).sum()):,} non-mated "
        f"comparisons. TMR at FMR 1e-4 but where another is given.\n"
    )
    rows, figures = [], []
    base = _rate(first, FMR)
    for place, (name, own) in enumerate(pairs.items()):
        rate = _rate(own, FMR)
        halves = [_rate(own.of_people(numbers[numbers % 2 == half]), FMR) for half in (0, 1)]
        span, apart = [(low[n], high[n]) for n in (place, len(pairs) + place)]
        left_out = _rate(own.only(sure), FMR)
        strict = _rate(own, 1e-3)
        rows.append(
            (
                *(name, f"{rate:.3f} [{span[0]:.3f}, {span[1]:.3f}]"),
                "" if name == DEFAULT else f"{rate - base:+.3f} [{apart[0]:+.3f}, {apart[1]:+.3f}]",
                *(f"{value:.3f}" for value in (*halves, left_out, strict)),
                f"{ways[name][1]:g}",
            )
        )
        figures.append(
            {
                "way": name,
                "tmr": rate,
                "low": float(span[0]),
                "high": float(span[1]),
                "difference": rate - base,
            }
            | {"difference_low": float(apart[0]), "difference_high": float(apart[1])}
            | {
                "choosing": halves[0],
                "confirming": halves[1],
                "doubtful_left_out": left_out,
                "at_1e-3": strict,
            }
        )
    head = (
        "way",
        "TMR",
        "difference",
        "choosing",
        "confirming",
        "doubtful left out",
        "at 1e-3",
        "work a face",
    )
    print(table(head, rows) + "\n")
    return figures


class _Differences:
    """TMR of every way for weighted comparisons, then the same less that of the first."""

    def __init__(self, pairs: Mapping[str, Comparisons]) -> None:
        self._each = [Weighted(own, (FMR,)) for own in pairs.values()]

    def __call__(self, weights: Scores) -> Scores:
        rates = np.array([each.tmr(weights)[0] for each in self._each])
        return np.concatenate([rates, rates - rates[0]])


def _rate(comparisons: Comparisons, fmr: float) -> float:
    return float((comparisons.mated_scores >= threshold_at(comparisons, fmr)).mean())


def _limits(material: PhotoMaterial, pairs: Comparisons) -> None:
    """Print which photos are missed most, and what is seen on them."""
    left, right = (each[pairs.mated] for each in np.triu_indices(len(material.photos), 1))
    missed = pairs.mated_scores < threshold_at(pairs, FMR)
    seen = tomllib.loads(MISSED.read_text(encoding="utf-8"))
    folders = {str(each["person"]): each["kind"] for each in seen["folder"]}
    kinds = {each["file"]: each["kind"] for each in seen["photo"]}
    of = [folders.get(photo.person) or kinds.get(photo.name, "") for photo in material.photos]
    order = ("several", "label", "turned", "covered", "expression", "age", "")
    # A pair counts once, for the graver of the kinds of its two photos.
    pair_kinds = np.array(
        [min(order.index(of[a]), order.index(of[b])) for a, b in zip(left, right, strict=True)]
    )
    print(
        f"\nWhat limits it: {int(missed.sum())} of {len(missed):,} mated comparisons are below the threshold of "
        f"FMR 1e-4. By what is seen on the graver of the two photos:\n"
    )
    rows = []
    for number, kind in enumerate(order):
        own = pair_kinds == number
        rows.append((kind or "nothing listed", f"{int(own.sum()):,}", f"{int(missed[own].sum()):,}"))
    print(table(("seen", "mated comparisons", "missed"), rows))
    sure = pair_kinds >= 2
    print(
        f"\nTMR at the same threshold over the comparisons that are not of a wrong label or a mixed folder, to be read "
        f"as a bound of what labels cost: {1 - missed[sure].mean():.3f}\n"
    )
    times = np.bincount(left[missed], minlength=len(of)) + np.bincount(right[missed], minlength=len(of))
    worst = [n for n in np.argsort(-times, kind="stable") if times[n] >= 4]
    print("Photos missed by at least 4 of the others of their person:\n")
    print(
        table(("photo", "seen", "missed"), [(material.photos[n].name, of[n], str(times[n])) for n in worst])
    )


if __name__ == "__main__":
    main()
