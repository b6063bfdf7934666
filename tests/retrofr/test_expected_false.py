"""The statement of what chance gives is held against a thousand searches of people who are not there."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import fakes
from retrofr.calibration.operating import FmrPoint
from retrofr.gallery.base import SliceGallery
from retrofr.operating import Threshold, state_search
from retrofr.rates.intervals import clopper_pearson
from retrofr.records import Floats, Probe, ProbeImage, Tracklet
from retrofr.searching import Search
from retrofr.settings import SearchSettings

DIMENSIONS = 24
SEARCHES = 1000
PEOPLE = 200


def unit(random: np.random.Generator, number: int) -> Floats:
    """Templates of people drawn at random, (number, DIMENSIONS)."""
    vectors = random.standard_normal((number, DIMENSIONS))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


COMPARISON = SimpleNamespace(
    name="cosine",
    dimensions=DIMENSIONS,
    default_threshold=None,
    threshold_source="",
    compare=lambda left, right: np.asarray(left @ right.T, np.float32),
    index_vectors=lambda vectors: vectors,
)


def measured(random: np.random.Generator, threshold: float, people: int = 700) -> FmrPoint:
    """Error rates at a threshold, from all pairs of people of whom none is searched for."""
    faces = unit(random, people)
    scores = (faces @ faces.T)[np.triu_indices(people, 1)]
    share = clopper_pearson(int((scores >= threshold).sum()), len(scores))
    assert share.value is not None
    return FmrPoint(threshold, share.value, share.low, share.high, share.errors, share.trials, 0.1, 0.05, 0.2)


def tracklets(random: np.random.Generator, faces: int) -> list[Tracklet]:
    """One of each of PEOPLE, none of whom is searched for; its faces are nearly the same."""
    found = []
    for number, person in enumerate(unit(random, PEOPLE)):
        near = person + 0.02 * random.standard_normal((faces, DIMENSIONS)).astype(np.float32)
        templates = np.asarray(near / np.linalg.norm(near, axis=1, keepdims=True), np.float32)
        whole = fakes.tracklet(number * 10, number * 10 + 1)
        best = tuple(fakes.face(number * 10 + i / 10) for i in range(faces))
        found.append(Tracklet(**{**vars(whole), "best": best, "templates": templates, "number": number + 1}))
    return found


@pytest.mark.parametrize("faces", [1, 3])
@pytest.mark.parametrize("threshold", [0.55, 0.65])
def test_requirement_16_a_thousand_searches_of_people_who_are_not_there(threshold: float, faces: int) -> None:
    random = np.random.default_rng([int(threshold * 100), faces])
    point = measured(random, threshold)
    box = np.zeros(4, np.float32)
    probes = [
        Probe(f"{n}", (ProbeImage(Path("p.jpg"), "00", box, fakes.quality(), template),))
        for n, template in enumerate(unit(random, SEARCHES))
    ]
    settings = SearchSettings(threshold=threshold, index="exact")
    search = Search(probes, COMPARISON, settings, {})
    search.look_through(SliceGallery(tracklets(random, faces), lambda *_: None))

    by_search = np.bincount([standing.probe for standing in search.found()[0]], minlength=SEARCHES)
    stated = state_search(
        Threshold(threshold, "measured", point=point),
        compared=search.compared,
        compared_faces=search.compared_templates,
        pictures=[1] * SEARCHES,
        fusion="best",
    )
    each, whole = stated.each_probe, stated.whole_search
    assert each is not None
    assert whole is not None
    observed, with_any = int(by_search.sum()), int((by_search > 0).sum())
    print(  # noqa: T201  observed against expected is for a person to read: pytest -rP
        f"\nthreshold {threshold}, {faces} face(s) a tracklet, "
        f"FMR {point.fmr:.3g} [{point.low:.3g}, {point.high:.3g}]: "
        f"{SEARCHES:,} searches of {PEOPLE} tracklets: expected {whole.expected:.1f} "
        f"[{whole.expected_low:.1f}, {whole.expected_high:.1f}] false candidates, observed {observed}; "
        f"P(at least one) {each.at_least_one:.4f}, observed {with_any / SEARCHES:.4f}"
    )
    assert search.compared == PEOPLE
    # The interval of the FMR, widened by what a thousand draws may scatter: one tracklet meets a thousand probes, so
    # that the spread is a little more than Poisson's.
    scatter = 4 * np.sqrt(whole.expected)
    assert whole.expected_low - scatter <= observed <= whole.expected_high + scatter
    share = each.at_least_one
    scatter = 4 * np.sqrt(SEARCHES * share * (1 - share))
    assert (
        SEARCHES * each.at_least_one_low - scatter <= with_any <= SEARCHES * each.at_least_one_high + scatter
    )
