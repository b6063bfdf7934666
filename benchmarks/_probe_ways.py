"""Ways of fusing three photos of a person against one photo, and their table."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from _chip_ways import PARTS
from _photos import EMBEDDER, table

from retrofr.gallery.fusion import FUSIONS, face_scores, fused_templates
from retrofr.rates.comparisons import Comparisons, Numbers, Scores
from retrofr.rates.intervals import resample_people
from retrofr.rates.verification import Weighted, threshold_at
from retrofr.records import Floats
from retrofr.scoring import build_scorer

ENROLLED = 3
SHUFFLES = 10
_SCORER = build_scorer(EMBEDDER, {})


def fused_probes(
    vectors: Mapping[str, Floats],
    people: Numbers,
    rank: Floats,
    kept: npt.NDArray[np.bool_],
    fmrs: tuple[float, ...],
    resamples: int,
) -> list[dict[str, object]]:
    """Print the table of three photos against one, and give its figures.

    Args:
        vectors: by part, (n, D).
        rank: (n,) quality of each photo's face.
        kept: (n, n) False where two photos are of people whose labels are in doubt where they meet.
    """
    templates = np.concatenate([vectors[part] for part in PARTS], axis=1)
    found: dict[str, list[Scores]] = {}
    probes, subjects, sure = [], [], []
    random = np.random.default_rng(0)
    for _ in range(SHUFFLES):
        for person in np.unique(people):
            own = random.permutation(np.flatnonzero(people == person))[:ENROLLED]
            rest = np.setdiff1d(np.arange(len(people)), own)
            for name, scores in _scores(templates[own], templates[rest], rank[own]).items():
                found.setdefault(name, []).append(scores)
            probes.append(np.full(len(rest), person))
            subjects.append(people[rest])
            sure.append(kept[own[0], rest])
    sides = (np.concatenate(probes), np.concatenate(subjects))
    pairs = {name: Comparisons(np.concatenate(scores), *sides) for name, scores in found.items()}
    return _table(pairs, np.concatenate(sure), fmrs, resamples)


def _scores(own: Floats, rest: Floats, rank: Floats) -> dict[str, Scores]:
    """(m,) scores of each way of fusing."""
    by_face = _SCORER.compare(own, rest)
    out = {"the first photo alone": by_face[0]}
    for fusion in FUSIONS:
        out[f"`{fusion}`"] = face_scores(_SCORER.compare(fused_templates(own, fusion), rest), fusion)
    share = rank / rank.sum()
    out["mean template, by quality"] = _SCORER.compare(share[None] @ own, rest)[0]
    out["mean of `best` and `mean_template`"] = (out["`best`"] + out["`mean_template`"]) / 2
    return {name: np.asarray(scores, np.float64) for name, scores in out.items()}


def _table(
    pairs: Mapping[str, Comparisons], sure: npt.NDArray[np.bool_], fmrs: tuple[float, ...], resamples: int
) -> list[dict[str, object]]:
    some = next(iter(pairs.values()))
    print(
        f"{ENROLLED} photos of a person against one, {SHUFFLES} draws: {int(some.mated.sum()):,} mated, "
        f"{int((~some.mated).sum()):,} non-mated comparisons.\n"
    )
    rows, figures = [], []
    for name, own in pairs.items():
        low, high = resample_people(own, Weighted(own, fmrs).tmr, resamples=resamples)
        rates = [_rate(own, fmr) for fmr in fmrs]
        left_out = _rate(own.only(sure), fmrs[-1])
        cells = [f"{rates[n]:.3f} [{low[n]:.3f}, {high[n]:.3f}]" for n in range(len(fmrs))]
        rows.append((name, *cells, f"{left_out:.3f}"))
        figures.append(
            {"way": name, "fmr": list(fmrs), "tmr": rates, "low": low.tolist(), "high": high.tolist()}
        )
    heads = [f"TMR at FMR {fmr:g}" for fmr in fmrs]
    print(table(("fused by", *heads, f"at {fmrs[-1]:g}, doubtful left out"), rows))
    return figures


def _rate(comparisons: Comparisons, fmr: float) -> float:
    return float((comparisons.mated_scores >= threshold_at(comparisons, fmr)).mean())
