"""What is a hit, what is a candidate below the threshold, and what the index missed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from fakes import ColourEmbedder, exhibit, quality, tracklet
from retrofr import registry
from retrofr.errors import UsageError
from retrofr.gallery.base import SliceGallery
from retrofr.gallery.fusion import tracklet_score
from retrofr.gallery.scan import Wide
from retrofr.records import Probe, ProbeImage, Still, Tracklet
from retrofr.searching import Search, resolve_threshold
from retrofr.settings import SearchSettings

RED, GREEN, BLUE = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
STILL = Still(b"frame", b"face")


def comparison(threshold: float | None = 0.6) -> SimpleNamespace:
    """What Search needs of a Comparison, comparing colours."""
    fake = ColourEmbedder()
    return SimpleNamespace(
        name="fake",
        dimensions=3,
        default_threshold=threshold,
        threshold_source="set in the test",
        compare=fake.compare,
        index_vectors=fake.index_vectors,
    )


def probe(name: str, *vectors: Sequence[float] | Wide) -> Probe:
    box = np.zeros(4, np.float32)
    images = [ProbeImage(Path("p.jpg"), "00", box, quality(), np.array(v, np.float32)) for v in vectors]
    return Probe(name, tuple(images))


def add(search: Search, found: Tracklet, make_still: Callable[[int], Still | None]) -> None:
    """Look through a gallery of one tracklet."""
    search.look_through(SliceGallery([found], lambda _tracklet, face: make_still(face)))


def searched(*probes: Probe, index: str = "annoy", **settings: object) -> Search:
    chosen = SearchSettings.from_mapping({"index": index, **settings})
    return Search(probes, comparison(), chosen, {})


def names(search: Search) -> list[tuple[str, float]]:
    """Probe and start of every hit."""
    return [(a.probe, float(a.start_seconds)) for a in search.appearances()[0]]


@pytest.mark.parametrize("index", registry.names("indexes"))
def test_a_face_like_the_probe_is_a_hit_with_its_still(index: str) -> None:
    search = searched(probe("ann", RED), probe("bob", BLUE), index=index)
    add(search, tracklet(1, 2, (0.9, 0.1, 0)), lambda _: STILL)
    add(search, tracklet(10, 11, (0.5, 0.5, 0.5)), lambda _: pytest.fail("not a candidate: no still is made"))
    hits, below = search.appearances()
    assert [(h.probe, h.rank, h.hit, h.faces, h.still_pictures) for h in hits] == [("ann", 1, True, 2, STILL)]
    assert hits[0].score == pytest.approx(1 - np.hypot(0.1, 0.1), abs=1e-6)
    assert below == ()
    assert search.compared == 2


def test_top_lists_the_best_below_the_threshold_after_the_hits() -> None:
    search = searched(probe("ann", RED), top=2)
    for start, vector in [(0, RED), (20, (0.5, 0.4, 0)), (40, (0.5, 0.5, 0)), (60, BLUE)]:
        add(search, tracklet(start, start + 1, vector), lambda _: None)
    hits, below = search.appearances()
    assert [float(h.start_seconds) for h in hits] == [0]
    assert [(b.rank, b.hit, float(b.start_seconds)) for b in below] == [(2, False, 20), (3, False, 40)]


def test_candidates_below_are_bounded_however_long_the_footage() -> None:
    search = searched(probe("ann", RED), top=1)
    for number in range(200):
        add(search, tracklet(number * 20, number * 20 + 1, BLUE), lambda _: None)
    _, below = search.found()
    assert [(s.order, s.hit) for s in below] == [(0, False)]  # of equal ones the first stays


def test_several_pictures_of_one_probe_count_as_one_person() -> None:
    search = searched(probe("ann", RED, GREEN))
    add(search, tracklet(0, 1, GREEN), lambda _: None)
    add(search, tracklet(1.5, 3, RED), lambda _: None)
    hits, _ = search.appearances()
    assert [(float(h.start_seconds), float(h.end_seconds), h.probe) for h in hits] == [(0, 3.04, "ann")]


def test_a_tracklet_without_a_comparable_face_is_not_compared() -> None:
    search = searched(probe("ann", RED))
    nothing = replace(tracklet(0, 1), best=(), templates=np.zeros((0, 3), np.float32))
    add(search, nothing, lambda _: pytest.fail("not a candidate: no still is made"))
    assert search.compared == 0


def test_the_run_says_which_index_ran_and_why() -> None:
    search = searched(probe("ann", RED), probe("bob", BLUE, GREEN), index="auto")
    add(search, tracklet(0, 1, RED), lambda _: None)
    use = search.use()
    assert (use.index, use.queries, use.recall, use.fell_back) == ("exact", 0, None, False)
    assert use.reason == (
        "exact: 2 templates × 3 probe pictures; at every size that was measured it is faster than annoy "
        "(benchmarks/search.py)"
    )
    assert searched(probe("ann", RED), index="exact").use().reason == "exact: 0 templates × 1 probe picture"


def test_recall_of_an_index_over_probes_is_measured_on_the_faces_of_the_run() -> None:
    random = np.random.default_rng(0)
    search = searched(*(probe(f"p{i}", random.random(3)) for i in range(300)))
    for number in range(30):
        add(search, tracklet(number, number + 1, tuple(random.random(3))), lambda _: None)
    use = search.use()
    assert (use.index, use.queries, use.fell_back) == ("annoy", 60, False)
    assert use.recall is not None
    assert 0.999 <= use.recall <= 1
    assert use.reason == "annoy: 60 templates × 300 probe pictures; asked for"


def test_an_index_over_probes_that_misses_too_much_is_left() -> None:
    random = np.random.default_rng(0)
    probes = [probe(f"p{i}", random.random(3)) for i in range(300)]
    chosen = SearchSettings.from_mapping({"index": "annoy", "threshold": 0.9})
    poor = {"annoy": {"trees": 1, "visited": 1}}
    search = Search(probes, comparison(), chosen, poor)
    exact = Search(probes, comparison(), replace(chosen, index="exact"), {})
    for number in range(30):
        face = tracklet(number * 20, number * 20 + 1, tuple(random.random(3)))
        add(search, face, lambda _: None)
        add(exact, face, lambda _: None)
    use = search.use()
    assert (use.index, use.fell_back) == ("exact", True)
    assert use.recall is not None
    assert use.reason == (
        f"exact: 60 templates × 300 probe pictures; the recall of annoy was measured at {use.recall:.4f}, and below "
        "0.999 nothing may rest on it"
    )
    assert names(search) == names(exact)
    assert len(names(exact)) > 10


def test_an_index_over_probes_does_not_say_what_is_best_below() -> None:
    search = searched(probe("ann", RED), top=3)
    add(search, tracklet(0, 1, BLUE), lambda _: None)
    use = search.use()
    assert (use.index, use.fell_back, use.recall) == ("exact", True, None)
    assert use.reason == (
        "exact: 2 templates × 1 probe picture; annoy over probe pictures cannot say what is best below the "
        "threshold (top)"
    )


def test_one_lucky_face_does_not_make_a_hit() -> None:
    scores = np.array([0.9, 0.1, 0.1, 0.1], np.float32)
    assert tracklet_score(scores) == pytest.approx(0.5)


def test_threshold_needs_a_source() -> None:
    given = resolve_threshold(SearchSettings(threshold=0.5), comparison(None))
    assert (given.score, given.source) == (0.5, "given for this run (override)")
    with pytest.raises(
        UsageError, match=r"^embedder fake: has no documented threshold yet\nset one with --threshold"
    ):
        resolve_threshold(SearchSettings(), comparison(None))


def test_exhibits_are_told_apart() -> None:
    search = searched(probe("ann", RED))
    add(search, tracklet(0, 1, RED, of=exhibit("a.mp4")), lambda _: None)
    add(search, tracklet(0, 1, RED, of=exhibit("b.mp4")), lambda _: None)
    assert [h.exhibit for h in search.appearances()[0]] == ["a.mp4", "b.mp4"]
