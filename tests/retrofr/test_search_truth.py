"""A search finds what comparing every probe with every tracklet finds: the same hits, the same best below."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fakes import exhibit, face, frame_ref, quality
from retrofr.errors import CaseError
from retrofr.gallery import scan
from retrofr.gallery.base import Gallery, Ids, SliceGallery, TemplateBlock
from retrofr.gallery.fusion import FUSIONS, face_scores, fused_templates, tracklet_score, tracklet_scores
from retrofr.gallery.gallery_index import GalleryRecall, IndexedGallery, build_index, measure
from retrofr.gallery.resident import ResidentGallery
from retrofr.gallery.saved_index import gallery_stamp, open_index, saved
from retrofr.gallery.scan import Pictures, Reach, VectorBlock, Wide
from retrofr.indexes import annoy
from retrofr.records import Floats, Probe, ProbeImage, Still, Tracklet
from retrofr.scoring import build_scorer
from retrofr.searching import Search
from retrofr.settings import SearchSettings

NAMES = ("sface", "dlib-resnet", "sface+dlib-resnet")
SCORERS = {name: build_scorer(name, {}) for name in NAMES}
THRESHOLDS = {"sface": 0.5, "dlib-resnet": 0.4, "sface+dlib-resnet": 3.0}


class BlocksGallery:
    """Tracklets in memory that come in blocks of ``size``, with ids that are not their places."""

    def __init__(self, tracklets: list[Tracklet], size: int) -> None:
        self.tracklets = tracklets
        self.size = size
        self.asked = 0

    def blocks(self, only: Ids | None = None) -> Iterator[TemplateBlock]:
        wanted = [n for n in range(len(self.tracklets)) if only is None or 1000 + 7 * n in only]
        for start in range(0, len(wanted), self.size):
            part = wanted[start : start + self.size]
            templates = [self.tracklets[n].templates for n in part]
            ids = np.array([1000 + 7 * n for n in part], np.int64)
            yield TemplateBlock(ids, np.array([len(t) for t in templates]), np.concatenate(templates))

    def tracklet(self, tracklet_id: int) -> Tracklet:
        self.asked += 1
        return self.tracklets[(tracklet_id - 1000) // 7]

    def still(self, tracklet_id: int, face: int) -> Still | None:
        return Still(b"%d" % tracklet_id, b"%d" % face)

    def person(self, tracklet_id: int) -> int | None:
        return tracklet_id // 10


@dataclass(frozen=True, eq=False, repr=False)
class Scene:
    """Probes and tracklets of people whose faces are about as alike as real ones."""

    name: str
    probes: list[Probe]
    tracklets: list[Tracklet]


def people(count: int, random: np.random.Generator) -> Floats:
    """Templates of the size that the nets give: sface's of any length, dlib-resnet's about 1.4 around a mean."""
    sface = random.normal(size=(count, 128)) * random.uniform(2, 10)
    dlib = random.normal(0, 0.053, (count, 128)) + 0.09
    return np.concatenate([sface, dlib], axis=1).astype(np.float32)


def columns(name: str) -> slice:
    return {"sface": slice(0, 128), "dlib-resnet": slice(128, 256)}.get(name, slice(0, 256))


@cache
def scene(name: str, seed: int, tracklets: int, probes: int) -> Scene:
    random = np.random.default_rng(seed)
    faces = people(12, random)
    spread = np.where(np.arange(256) < 128, faces[:, :128].std(), 0.05).astype(np.float32)

    def seen(person: int, count: int) -> Floats:
        noise = random.normal(size=(count, 256)) * spread * random.uniform(0.2, 1.2, (count, 1))
        return np.ascontiguousarray((faces[person] + noise).astype(np.float32)[:, columns(name)])

    found = []
    for number in range(tracklets):
        count = int(random.integers(1, 7))
        found.append(
            Tracklet(
                exhibit=exhibit(),
                number=number + 1,
                first=frame_ref(number * 10),
                last=frame_ref(number * 10 + 1),
                faces=count,
                best=tuple(face(number * 10 + i / 10) for i in range(count)),
                templates=seen(int(random.integers(12)), count),
            )
        )
    if tracklets > 3:  # equal scores: the first stays
        found[3] = replace(found[3], best=found[1].best, templates=found[1].templates)
    wanted = []
    for number in range(probes):
        pictures = seen(number % 12, int(random.integers(1, 4)))
        images = [ProbeImage(Path("p.jpg"), "00", np.zeros(4, np.float32), quality(), t) for t in pictures]
        wanted.append(Probe(f"p{number}", tuple(images)))
    return Scene(name, wanted, found)


Listed = list[tuple[int, int, float]]


def naive(made: Scene, threshold: float, top: int, fusion: str) -> tuple[Listed, Listed]:
    """Probe, tracklet and score of every hit, and of the best below, each probe with each tracklet."""
    scorer = SCORERS[made.name]
    hits, below = [], []
    for p, probe in enumerate(made.probes):
        side = fused_templates(probe.templates, fusion)
        every = [
            (p, t, tracklet_score(face_scores(scorer.compare(side, each.templates), fusion)))
            for t, each in enumerate(made.tracklets)
        ]
        hits += [each for each in every if each[2] >= threshold]
        rest = sorted((each for each in every if each[2] < threshold), key=lambda e: (-e[2], e[1]))
        below += rest[:top]
    return sorted(hits), sorted(below)


def searched(made: Scene, galleries: list[Gallery], chosen: SearchSettings) -> Search:
    search = Search(made.probes, SCORERS[made.name], chosen, {"auto": {"annoy_templates": 1}})
    for gallery in galleries:
        search.look_through(gallery)
    return search


def listed(search: Search) -> tuple[Listed, Listed]:
    hits, below = search.found()
    one, other = (
        [(s.probe, s.order, s.candidate.score) for s in found if s.candidate] for found in (hits, below)
    )
    return sorted(one), sorted(other)


def assert_same(found: tuple[Listed, Listed], truth: tuple[Listed, Listed]) -> None:
    for one, other in zip(found, truth, strict=True):
        assert [(p, t) for p, t, _ in one] == [(p, t) for p, t, _ in other]
        assert [s for _, _, s in one] == pytest.approx([s for _, _, s in other], abs=1e-5)


@settings(max_examples=25, deadline=None)
@given(
    name=st.sampled_from(NAMES),
    seed=st.integers(0, 10_000),
    size=st.tuples(st.integers(1, 40), st.integers(1, 12)),
    top=st.sampled_from([0, 1, 5, 100]),
    fusion=st.sampled_from(FUSIONS),
    shift=st.floats(-1, 1),
    block=st.integers(1, 30),
)
@example(
    "sface+dlib-resnet", 13, (13, 11), 5, "mean_template", 0.75, 3
)  # the last place filled by a near miss
def test_the_exact_scan_finds_what_comparing_all_with_all_finds(
    name: str, seed: int, size: tuple[int, int], top: int, fusion: str, shift: float, block: int
) -> None:
    made = scene(name, seed, *size)
    threshold = THRESHOLDS[name] + shift * (0.3 if name != "sface+dlib-resnet" else 3)
    chosen = SearchSettings(threshold=threshold, top=top, fusion=fusion, index="exact")
    truth = naive(made, threshold, top, fusion)
    whole = BlocksGallery(made.tracklets, block)
    assert_same(listed(searched(made, [whole], chosen)), truth)
    resident = ResidentGallery(whole, SCORERS[name])
    assert_same(listed(searched(made, [resident], chosen)), truth)
    slices = [SliceGallery(made.tracklets[n : n + block]) for n in range(0, len(made.tracklets), block)]
    assert_same(listed(searched(made, list(slices), chosen)), truth)


@pytest.mark.parametrize("name", NAMES)
def test_a_score_of_exactly_the_threshold_is_a_hit_however_the_tracklets_come(name: str) -> None:
    made = scene(name, 3, 24, 3)
    _, every = naive(made, 1e9, 100, "best")
    for probe, number, score in every[::14]:
        chosen = SearchSettings(threshold=score, index="exact")
        for size in (1, 5, 24):
            hits, _ = listed(searched(made, [BlocksGallery(made.tracklets, size)], chosen))
            assert (probe, number, score) in hits


def test_small_tables_of_distances_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    made = scene("sface+dlib-resnet", 5, 80, 20)
    chosen = SearchSettings(threshold=3.0, top=4)
    whole = listed(searched(made, [BlocksGallery(made.tracklets, 50)], chosen))
    monkeypatch.setattr(scan, "ROWS_AT_ONCE", 7)
    monkeypatch.setattr(scan, "PICTURES_AT_ONCE", 3)
    monkeypatch.setattr("retrofr.gallery.proposing.PICTURES_AT_ONCE", 3)
    monkeypatch.setattr("retrofr.gallery.rescoring.PAIRS_AT_ONCE", 5)
    pieces = listed(searched(made, [BlocksGallery(made.tracklets, 50)], chosen))
    assert pieces == whole
    assert len(whole[0]) > 20


def test_only_what_may_matter_is_compared_exactly_and_fetched() -> None:
    made = scene("sface+dlib-resnet", 1, 300, 3)
    gallery = BlocksGallery(made.tracklets, 100)
    search = searched(made, [gallery], SearchSettings(threshold=3.0))
    hits, _ = search.found()
    assert gallery.asked == len({standing.order for standing in hits}) > 0
    candidate = hits[0].candidate
    assert candidate is not None
    assert candidate.still is not None
    assert candidate.still.frame_jpeg == b"%d" % hits[0].tracklet
    assert candidate.person == hits[0].tracklet // 10
    assert (search.compared, search.compared_templates) == (300, sum(len(t.best) for t in made.tracklets))


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(NAMES),
    st.integers(0, 10_000),
    st.floats(-12, 7.5),
)
def test_no_face_beyond_the_reach_of_a_score_has_it(name: str, seed: int, score: float) -> None:
    scorer = SCORERS[name]
    score = score if name == "sface+dlib-resnet" else score / 8
    templates = np.concatenate([t.templates for t in scene(name, seed, 12, 1).tracklets])
    vectors = scorer.index_vectors(templates).astype(np.float64)
    reach = Reach(scorer, templates[0]).of(score)
    distances = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
    reached = scorer.compare(templates, templates) >= score
    assert (distances[reached] <= reach).all()


def test_the_reach_is_close_to_the_distance_of_the_score() -> None:
    scorer = SCORERS["sface+dlib-resnet"]
    face = np.full((1, 256), 0.1, np.float32)
    best = float(scorer.compare(face, face)[0, 0])
    reach = Reach(scorer, face[0])
    assert reach.of(3.5) == pytest.approx(np.sqrt(best - 3.5), rel=1e-2)
    assert reach.of([-np.inf, 1e9]).tolist() == [np.inf, 0.0]
    assert Reach(scorer, np.zeros(256, np.float32)).of(3.5) >= np.sqrt(best - 3.5)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 100), st.booleans())
def test_distances_in_a_byte_a_number_stay_within_the_stated_error(seed: int, size: float, far: bool) -> None:
    random = np.random.default_rng(seed)
    vectors = (random.normal(size=(50, 16)) * size + (far * 100)).astype(np.float32)
    scorer = SCORERS["dlib-resnet"]  # its index vectors are its templates
    gallery = SliceGallery([replace_templates(vectors)])
    (small,) = ResidentGallery(gallery, scorer).vector_blocks()
    moved = np.linalg.norm(small.float_vectors().astype(np.float64) - vectors, axis=1)
    assert small.vectors.dtype == np.int8
    assert moved.max() <= small.error
    assert small.error <= 2 * moved.max() + 1e-9


def replace_templates(vectors: Floats) -> Tracklet:
    faces = tuple(face(0) for _ in vectors)
    return Tracklet(exhibit(), 1, frame_ref(0), frame_ref(1), len(faces), faces, vectors)


@given(st.lists(st.lists(st.floats(-9, 9, width=32), min_size=1, max_size=9), min_size=1, max_size=9))
def test_scores_of_many_tracklets_are_those_of_each(faces: list[list[float]]) -> None:
    flat = np.array([value for each in faces for value in each], np.float32)
    together = tracklet_scores(flat, np.array([len(each) for each in faces]))
    alone = [tracklet_score(np.array(each, np.float32)) for each in faces]
    assert together == pytest.approx(alone, abs=1e-5)


def test_pictures_of_a_probe_are_fused_as_asked() -> None:
    scores = np.array([[0.2, 0.9], [0.6, 0.1]], np.float32)
    assert face_scores(scores, "best").tolist() == pytest.approx([0.6, 0.9])
    assert face_scores(scores, "mean_score").tolist() == pytest.approx([0.4, 0.5])
    assert fused_templates(scores, "mean_template") == pytest.approx(np.array([[0.4, 0.5]]))
    assert fused_templates(scores, "best") is scores


def test_a_resident_gallery_narrowed_has_only_the_chosen() -> None:
    made = scene("sface", 2, 40, 2)
    resident = ResidentGallery(BlocksGallery(made.tracklets, 16), SCORERS["sface"])
    ids = np.array([1000 + 7 * n for n in (0, 1, 17, 39)])
    chosen = SearchSettings(threshold=-2.0)
    hits, _ = searched(made, [resident.only(ids)], chosen).found()
    assert {standing.tracklet for standing in hits} == set(ids.tolist())
    assert resident.templates == sum(len(t.best) for t in made.tracklets)
    assert resident.size_bytes == resident.templates * 128
    with pytest.raises(ValueError, match="vectors for sface, searched with dlib-resnet"):
        searched(scene("dlib-resnet", 2, 1, 1), [resident], chosen)


# ---- through annoy's trees over the gallery -------------------------------------------------------------------


@pytest.mark.parametrize("top", [0, 5])
def test_an_index_over_a_gallery_finds_the_same(top: int) -> None:
    made = scene("sface+dlib-resnet", 4, 200, 4)
    gallery = BlocksGallery(made.tracklets, 50)
    scorer = SCORERS[made.name]
    reach = float(Reach(scorer, made.probes[0].templates[0]).of(3.0))
    indexed = build_index(gallery, scorer, annoy.Settings(), reach)
    search = searched(made, [indexed], SearchSettings(threshold=3.0, top=top))
    assert_same(listed(search), naive(made, 3.0, top, "best"))
    use = search.use()
    assert (use.index, use.fell_back, use.queries) == ("annoy", False, 200)
    assert use.recall is not None
    assert use.recall >= 0.999
    templates, pictures = search.compared_templates, sum(len(p.images) for p in made.probes)
    assert use.reason == (
        f"annoy: {templates:,} templates × {pictures} probe pictures; an index is open, and 1 templates or more lie "
        "beyond what was measured"
    )


def test_a_person_with_hundreds_of_tracklets_is_found_whole() -> None:
    made = scene("sface", 4, 2, 1)
    own = made.probes[0].images[0].template
    random = np.random.default_rng(1)
    many = [
        replace_templates((own + random.normal(0, 0.01, (1, 128))).astype(np.float32)) for _ in range(500)
    ]
    indexed = build_index(SliceGallery(many), SCORERS["sface"], annoy.Settings(), 1.0)
    hits, _ = searched(made, [indexed], SearchSettings(threshold=0.9, index="annoy")).found()
    assert len(hits) == 500


class Forgetful(annoy.AnnoyNeighbours):
    """Annoy's trees that keep every tenth neighbour to themselves."""

    def within(self, queries: Floats, reach: Wide) -> list[Ids]:
        return [ids[np.arange(len(ids)) % 10 > 0] for ids in super().within(queries, reach)]


def test_an_index_that_misses_too_much_is_not_used() -> None:
    made = scene("sface+dlib-resnet", 4, 200, 4)
    scorer = SCORERS[made.name]
    reach = float(Reach(scorer, made.probes[0].templates[0]).of(3.0))
    built = build_index(BlocksGallery(made.tracklets, 100), scorer, annoy.Settings(), reach)
    poor = measure(replace(built, index=Forgetful(built.index._trees, 20_000)), scorer, reach, 0)
    assert built.measured.recall == pytest.approx(1, abs=1e-3)
    assert poor.measured.recall is not None
    assert 0.5 < poor.measured.recall < 0.999
    search = searched(made, [poor], SearchSettings(threshold=3.0, index="annoy"))
    assert_same(listed(search), naive(made, 3.0, 0, "best"))
    use = search.use()
    assert (use.index, use.fell_back, use.recall) == ("exact", True, poor.measured.recall)
    assert f"the recall of annoy was measured at {poor.measured.recall:.4f}, and below 0.999" in use.reason


def test_recall_is_measured_again_for_a_lower_threshold() -> None:
    made = scene("sface+dlib-resnet", 4, 200, 2)
    scorer = SCORERS[made.name]
    built = build_index(BlocksGallery(made.tracklets, 100), scorer, annoy.Settings(), 1.0)
    nothing = IndexedGallery(built.gallery, built.block, built.index, GalleryRecall(1.0, 0, 200, None))
    search = searched(made, [nothing], SearchSettings(threshold=3.0, index="annoy"))
    assert (search.use().index, search.use().queries) == ("annoy", 200)
    strict = searched(made, [nothing], SearchSettings(threshold=7.0, index="annoy"))
    assert strict.use().fell_back
    assert "the recall of annoy could not be measured" in strict.use().reason


def test_pictures_find_the_nearest_faces_of_tracklets() -> None:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(30, 8)).astype(np.float32)
    block = VectorBlock(np.arange(10), np.full(10, 3), vectors)
    queries = random.normal(size=(5, 8)).astype(np.float32)
    table = Pictures(queries).nearest(block, np.arange(5), np.array([0, 0, 1, 1, 1]))
    squared = ((queries[:, None] - vectors[None]) ** 2).sum(axis=2).reshape(5, 10, 3).min(axis=2)
    assert table == pytest.approx(np.stack([squared[:2].min(axis=0), squared[2:].min(axis=0)]), abs=1e-4)


# ---- the saved index ------------------------------------------------------------------------------------------


class Blobs:
    """What a case does for a saved index: keeps pieces under a kind and key, and cuts them as it likes."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], bytes] = {}

    def put(self, kind: str, key: str, chunks: Iterable[bytes]) -> None:
        self.kept[kind, key] = b"".join(chunks)

    def get(self, kind: str, key: str) -> Iterator[bytes] | None:
        whole = self.kept.get((kind, key))
        return None if whole is None else (whole[n : n + 999] for n in range(0, len(whole), 999))


def opened(blobs: Blobs, gallery: BlocksGallery, stamp: str, **chosen: int) -> IndexedGallery:
    return open_index(
        gallery,
        SCORERS["sface"],
        annoy.Settings.from_mapping(chosen),
        reach=1.0,
        stamp=stamp,
        put_blob=blobs.put,
        get_blob=blobs.get,
    )


class CountedGallery(BlocksGallery):
    """Counts how often it was read."""

    reads = 0

    def blocks(self, only: Ids | None = None) -> Iterator[TemplateBlock]:
        self.reads += 1
        return super().blocks(only)


def test_a_saved_index_is_loaded_and_a_stale_or_damaged_one_built_again() -> None:
    made = scene("sface", 6, 60, 3)
    blobs, gallery = Blobs(), CountedGallery(made.tracklets, 20)
    ids = np.concatenate([block.tracklets for block in gallery.blocks()])
    stamp = gallery_stamp("recipe", ids)
    built = opened(blobs, gallery, stamp)
    gallery.reads = 0
    loaded = opened(blobs, gallery, stamp)
    assert gallery.reads == 0
    assert loaded.measured == built.measured
    assert loaded.block.tracklets.tolist() == ids.tolist()
    chosen = SearchSettings(threshold=0.5, index="annoy")
    trusted = replace(loaded, measured=replace(loaded.measured, recall=1.0))
    assert_same(listed(searched(made, [trusted], chosen)), naive(made, 0.5, 0, "best"))

    opened(blobs, gallery, gallery_stamp("recipe", ids[:-1]))
    opened(blobs, gallery, gallery_stamp("another", ids))
    opened(blobs, gallery, stamp, trees=3)
    assert len(blobs.kept) == 4

    (kind, key), whole = next(iter(blobs.kept.items()))
    for damaged in (b"", whole[:4000], whole[:5000], whole[:-7], b"{}" + whole[2:]):
        blobs.kept[kind, key] = damaged
        gallery.reads = 0
        opened(blobs, gallery, stamp)
        assert gallery.reads > 0
        assert len(blobs.kept[kind, key]) == len(whole)


def test_where_no_file_can_lie_in_memory_an_index_is_built_and_not_saved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = scene("sface", 6, 60, 3)
    blobs, gallery = Blobs(), BlocksGallery(made.tracklets, 20)
    monkeypatch.setattr(annoy, "can_be_saved", lambda: False)
    assert opened(blobs, gallery, "stamp").index.size > 60
    assert blobs.kept == {}
    with pytest.raises(CaseError, match=r"^this system has no files in memory \(memfd\)"):
        list(saved(opened(blobs, gallery, "stamp")))


def test_saving_writes_to_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    made = scene("sface", 6, 60, 3)
    blobs = Blobs()
    for _ in range(2):
        opened(blobs, BlocksGallery(made.tracklets, 20), "stamp")
    assert list(tmp_path.iterdir()) == []


def test_a_gallery_without_templates_has_no_index() -> None:
    with pytest.raises(CaseError, match=r"^there are no templates to build an index over$"):
        build_index(SliceGallery([]), SCORERS["sface"], annoy.Settings(), 1.0)
