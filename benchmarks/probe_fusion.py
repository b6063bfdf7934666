"""How several enrolled photos of a person are best fused: one photo against two, three or four of a person.

    python benchmarks/probe_fusion.py --data ../shared/data/faces

Of each person the first N photos, in the order of a fixed shuffle, are the probe, and every other photo is compared
with it, each a tracklet of one face. Several shuffles are taken together. Printed are the true match rate (TMR) at
given false match rates (FMR) with 95 % intervals from resampling the people, the same people for every way, how
often ``best`` is beaten by each other way, and what the default threshold gives.
"""

from __future__ import annotations

import argparse
import csv
import platform
import tomllib
from pathlib import Path

import numpy as np
import numpy.typing as npt
from faces import EXCLUDED, _embed

from retrofr.comparison import Comparison, build_comparison
from retrofr.gallery.fusion import FUSIONS, face_scores, fused_templates
from retrofr.records import Floats
from retrofr.runtime import resolve_device

FMRS = (1e-3, 1e-4)
SHUFFLES = 10
RESAMPLES = 300
Ids = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with index.tsv and the photos")
    parser.add_argument("--embedder", default="sface+dlib-resnet")
    options = parser.parse_args()
    rows = list(csv.DictReader((options.data / "index.tsv").open(encoding="utf-8"), delimiter="\t"))
    names = sorted({row["identity"] for row in rows})
    people = np.array([names.index(row["identity"]) for row in rows])
    device = resolve_device("cpu")
    comparison = build_comparison(options.embedder, {}, device)
    templates, found, _ = _embed(options.data, [row["file"] for row in rows], "yunet", comparison, device)
    print(f"{int(found.sum())} photos with a face of {len(names)} people, {platform.machine()}")
    templates, people = templates[found], people[found]
    apart = _left_out(names)
    for enrolled in (1, 2, 3, 4):
        _report(comparison, templates, people, apart, enrolled)


def _left_out(names: list[str]) -> Flags:
    """(people, people): pairs of which the labels are in doubt."""
    table = np.zeros((len(names), len(names)), bool)
    for entry in tomllib.loads(EXCLUDED.read_text(encoding="utf-8"))["pair"]:
        if {str(person) for person in entry["people"]} <= set(names):
            one, other = (names.index(str(person)) for person in entry["people"])
            table[one, other] = table[other, one] = True
    return table


def _report(comparison: Comparison, templates: Floats, people: Ids, apart: Flags, enrolled: int) -> None:
    """Print a row for each way of fusing so many photos."""
    ways = {
        fusion: _scores(comparison, templates, people, enrolled, fusion)
        for fusion in (FUSIONS if enrolled > 1 else FUSIONS[:1])
    }
    _, owners, others = ways["best"]
    kept = ~apart[owners, others]
    mated = owners == others
    print(
        f"\n{enrolled} photos enrolled: {int((mated & kept).sum()):,} mated, {int((~mated & kept).sum()):,} non-mated"
    )
    resampled = {name: _resampled(scores, owners, others, kept) for name, (scores, _, _) in ways.items()}
    for name, (scores, _, _) in ways.items():
        cells = []
        for number, fmr in enumerate(FMRS):
            rate, threshold = _tmr(scores[kept], mated[kept], np.ones(int(kept.sum())), fmr)
            low, high = np.percentile(resampled[name][:, number], [2.5, 97.5])
            over = float((resampled[name][:, number] > resampled["best"][:, number]).mean())
            cells.append(
                f"FMR {fmr:.0e}: TMR {rate:.3f} [{low:.3f}, {high:.3f}] at {threshold:.2f}, better in {over:.2f}"
            )
        line = "; ".join(cells)
        default = comparison.default_threshold
        if default is not None:
            reached = scores >= default
            line += (
                f"; at {default:g}: TMR {reached[mated & kept].mean():.3f}, "
                f"FMR {reached[~mated & kept].mean():.1e} ({int(reached[~mated & kept].sum())})"
            )
        print(f"  {name:<14} {line}", flush=True)


def _scores(
    comparison: Comparison, templates: Floats, people: Ids, enrolled: int, fusion: str
) -> tuple[Floats, Ids, Ids]:
    """Scores of all probes with all photos that are in no probe of that person, and both sides' people."""
    scores, owners, others = [], [], []
    random = np.random.default_rng(0)
    for _ in range(SHUFFLES):
        for person in np.unique(people):
            own = random.permutation(np.flatnonzero(people == person))
            if len(own) <= enrolled:
                continue
            rest = np.setdiff1d(np.arange(len(people)), own[:enrolled])
            side = fused_templates(templates[own[:enrolled]], fusion)
            scores.append(face_scores(comparison.compare(side, templates[rest]), fusion))
            owners.append(np.full(len(rest), person))
            others.append(people[rest])
    return np.concatenate(scores), np.concatenate(owners), np.concatenate(others)


def _tmr(scores: Floats, mated: Flags, weights: npt.NDArray[np.float64], fmr: float) -> tuple[float, float]:
    order = np.argsort(-scores[~mated], kind="stable")
    falls, share = scores[~mated][order], np.cumsum(weights[~mated][order])
    first = min(int(np.searchsorted(share / share[-1], fmr, side="right")), len(falls) - 1)
    threshold = float(np.nextafter(falls[first], np.float32(np.inf)))
    true, weight = scores[mated], weights[mated]
    return float(weight[true >= threshold].sum() / weight.sum()), threshold


def _resampled(scores: Floats, owners: Ids, others: Ids, kept: Flags) -> npt.NDArray[np.float64]:
    """(RESAMPLES, FMRS): the rates with the people drawn anew."""
    random = np.random.default_rng(0)
    count = int(others.max()) + 1
    mated = owners == others
    # Only the highest of the non-mated can be at a threshold: the others are counted, not sorted.
    high = mated | (scores >= np.quantile(scores[~mated & kept], 0.95))
    rates = []
    for _ in range(RESAMPLES):
        times = np.bincount(random.integers(0, count, count), minlength=count).astype(np.float64)
        weights = np.where(mated, times[owners], times[owners] * times[others]) * kept
        total = weights[~mated].sum()
        share = weights[~mated & high].sum() / total
        rates.append([_tmr(scores[high], mated[high], weights[high], fmr / share)[0] for fmr in FMRS])
    return np.array(rates)


if __name__ == "__main__":
    main()
