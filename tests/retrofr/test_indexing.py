"""From footage to a case, with drawn faces: nothing is done twice, nothing is lost, every change is explained."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clips import make_clip, numbered_picture
from fakes import COLOURS, draw_face, scene
from retrofr import case_search
from retrofr.case.keys import KeyStore
from retrofr.case.reading import case_coverage, stored_tracklet, tracklet_table
from retrofr.case.store import Case, create_case, open_case
from retrofr.case_search import search_case
from retrofr.case_selection import CaseSelection
from retrofr.engines.base import Died, Outcome, Prepare
from retrofr.engines.inline import InlineEngine
from retrofr.errors import CaseError, ModelError, UsageError
from retrofr.events import Event, Listener, Warned
from retrofr.indexing import IndexCounts, IndexResult, index, settings_of
from retrofr.notes import FootageNotes
from retrofr.pipeline import search
from retrofr.records import Pixels
from retrofr.request import FootageRequest
from retrofr.selection import Selection, TimeWindow
from retrofr.settings import Settings
from retrofr.sidecar import Given

Parts = dict[str, dict[str, object]]
SLICES = {"video": {"slice_seconds": 2.0}}


def visitors(number: int, width: int, height: int) -> Pixels:
    """Red is there all the time, blue now and then."""
    image = np.ascontiguousarray(numbered_picture(number, width, height))
    draw_face(image, COLOURS["red"], 20 + number % 30, 60, 60)
    if number % 60 < 30:
        draw_face(image, COLOURS["blue"], 200, 100, 60)
    return image


@pytest.fixture
def keys(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path / "keys")


@pytest.fixture
def case(tmp_path: Path, keys: KeyStore) -> Iterator[Case]:
    create_case(tmp_path / "case", keys=keys).close()
    with open_case(tmp_path / "case", keys=keys, write=True) as opened:
        yield opened


@pytest.fixture
def settings(fake_parts: Parts) -> Settings:
    return Settings.from_mapping({**fake_parts, **SLICES})


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "cam1_20240330_171105.mp4", frames=150, picture=visitors)


def face_of(colour: str, path: Path) -> Path:
    image = scene()
    draw_face(image, COLOURS[colour], 100, 80)
    Image.fromarray(image).save(path)
    return path


def contents(case: Case, recipe_key: str) -> list[tuple[object, ...]]:
    """Everything of the tracklets that must not depend on how often a run was broken off."""
    found = []
    for tracklet_id in sorted(tracklet_table(case, recipe_key).ids):
        t = stored_tracklet(case, int(tracklet_id))
        faces = tuple((f.frame, f.box.tolist(), f.quality) for f in t.best)
        found.append(
            (t.exhibit.sha256, t.slice, t.number, t.first, t.last, t.faces, faces, t.templates.tolist())
        )
    return sorted(found, key=lambda entry: entry[:3])


def test_footage_is_indexed_once(case: Case, settings: Settings, clip: Path) -> None:
    first = index([clip], case, settings=settings)
    assert first.exit_code == 0
    assert (first.counts.slices, first.counts.streams_known) == (3, 0)
    assert first.counts.tracklets == len(tracklet_table(case, first.recipe.key)) > 3
    again = index([clip], case, settings=settings)
    assert again.counts == IndexCounts(streams_known=1)
    assert again.coverage == first.coverage
    assert case_coverage(case, first.recipe.key).streams == first.coverage.streams


def test_without_settings_those_of_the_case_hold(
    case: Case, fake_parts: Parts, clip: Path, tmp_path: Path
) -> None:
    faster = Settings.from_mapping({**fake_parts, **SLICES, "sampling": {"rate": 5.0}})
    first = index([clip], case, settings=faster)
    own = settings_of(case)
    assert (own.sampling.rate, own.video.slice_seconds, own.detect.detector) == (5.0, 2.0, "fake")
    other = make_clip(tmp_path / "cam2.mp4", frames=60, picture=visitors)
    second = index([clip, other], case, settings=replace(own, index=faster.index))
    assert second.recipe == first.recipe
    assert (second.counts.streams_known, second.counts.slices) == (1, 2)


def test_the_hits_are_those_of_a_one_shot_search(
    case: Case, settings: Settings, clip: Path, tmp_path: Path
) -> None:
    index([clip], case, settings=settings)
    probes = [face_of("red", tmp_path / "red.png"), face_of("blue", tmp_path / "blue.png")]
    once = search([clip], probes, settings=settings)
    told: list[Event] = []
    in_case = search_case(case, probes, settings=settings, listener=told.append)
    assert [hit.probe for hit in once.hits] == ["red", "blue"]

    def plain(hit: object) -> dict[str, object]:
        own = {"search", "tracklet", "best_face", "still_pictures"}
        return {name: value for name, value in vars(hit).items() if name not in own}

    assert [plain(hit) for hit in in_case.hits] == [plain(hit) for hit in once.hits]
    assert {hit.search for hit in in_case.hits} == {1}
    assert in_case.coverage == once.coverage
    assert in_case.compared == once.compared
    assert in_case.run["device"] != "not used"
    again = search_case(case, probes, settings=settings)
    assert again.run["device"] == "not used"
    assert [plain(hit) for hit in again.hits] == [plain(hit) for hit in in_case.hits]


def test_one_person_seen_over_slices_is_one_appearance(
    case: Case, settings: Settings, clip: Path, tmp_path: Path
) -> None:
    index([clip], case, settings=settings)
    (hit,) = search_case(case, [face_of("red", tmp_path / "red.png")], settings=settings).hits
    assert (hit.start_seconds, hit.end_seconds, hit.tracklets) == (0, Fraction(139, 25), 3)


def test_other_settings_are_refused_and_named(
    case: Case, settings: Settings, fake_parts: Parts, clip: Path
) -> None:
    first = index([clip], case, settings=settings)
    other = Settings.from_mapping({**fake_parts, **SLICES, "sampling": {"rate": 5.0}})
    with pytest.raises(CaseError, match=r"sampling\.rate: 2\.0 before, 5\.0 now") as refused:
        index([clip], case, settings=other)
    assert "--again" in (refused.value.hint or "")
    second = index([clip], case, settings=other, again=True)
    assert second.recipe.key != first.recipe.key
    assert second.counts.slices == 3
    assert len(tracklet_table(case, first.recipe.key)) == first.counts.tracklets


def test_templates_of_other_weights_are_not_compared(
    case: Case, settings: Settings, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = index([clip], case, settings=settings).recipe
    monkeypatch.setattr(case_search, "active_recipe", lambda _case: replace(recipe, comparison_key="0" * 64))
    with pytest.raises(ModelError, match="has other weights here than those that the case's templates were"):
        search_case(case, [face_of("red", tmp_path / "red.png")], settings=settings)


def test_what_only_changes_speed_is_no_other_recipe(
    case: Case, settings: Settings, fake_parts: Parts, clip: Path
) -> None:
    index([clip], case, settings=settings)
    batches = {**fake_parts, **SLICES, "detect": {"detector": "fake", "batch_frames": 3}}
    assert index([clip], case, settings=Settings.from_mapping(batches)).counts == IndexCounts(streams_known=1)


def test_a_file_that_changed_is_not_taken_for_the_one_that_was_indexed(
    case: Case, settings: Settings, clip: Path
) -> None:
    first = index([clip], case, settings=settings)
    make_clip(clip, frames=100, picture=visitors)
    second = index([clip], case, settings=settings)
    assert second.exit_code == 4
    (item,) = second.coverage.unsearched
    assert item.kind == "integrity"
    assert item.reason.startswith("changed since it was indexed on ")
    assert first.coverage.streams[0].exhibit_sha256 in item.reason
    assert len(tracklet_table(case, first.recipe.key)) == first.counts.tracklets


def test_the_same_recording_under_two_names_is_indexed_once(
    case: Case, settings: Settings, clip: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.mp4"
    shutil.copy(clip, copy)
    result = index([clip, copy], case, settings=settings)
    assert (result.exit_code, result.counts.slices) == (0, 3)
    (item,) = result.coverage.left_out
    assert item.reason.startswith("it is the same recording, byte for byte, as ")


def test_a_stopped_run_is_gone_on_with(
    case: Case, settings: Settings, clip: Path, tmp_path: Path, keys: KeyStore
) -> None:
    heard: list[Event] = []
    stopped = index([clip], case, settings=settings, listener=heard.append, stop=lambda: len(heard) >= 4)
    assert stopped.exit_code == 130
    assert 0 < stopped.counts.slices < 3
    rest = index([clip], case, settings=settings)
    assert (rest.exit_code, rest.counts.streams_continued) == (0, 1)
    assert stopped.counts.slices + rest.counts.slices == 3
    create_case(tmp_path / "undisturbed", keys=keys).close()
    with open_case(tmp_path / "undisturbed", keys=keys, write=True) as other:
        whole = index([clip], other, settings=settings)
        assert contents(case, rest.recipe.key) == contents(other, whole.recipe.key)
    assert rest.coverage == whole.coverage


def test_what_becomes_known_of_a_clock_later_is_renewed(
    case: Case, settings: Settings, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "cam1.mp4", frames=60, picture=visitors)
    index([clip], case, settings=settings)
    start = FootageNotes.under(settings.clock, Given(start=datetime(2024, 3, 30, 17, 11)))
    heard: list[Event] = []
    later = index([clip], case, settings=settings, request=FootageRequest(start), listener=heard.append)
    assert later.counts == IndexCounts(streams_known=1)
    assert [e.message for e in heard if isinstance(e, Warned)] == [
        "what is known of it changed: its name, camera or clock are renewed"
    ]
    hit = search_case(case, [face_of("red", tmp_path / "red.png")], settings=settings).hits[0]
    assert hit.start_time == "2024-03-30T17:11:00.000000"


def test_another_window_is_explained(case: Case, settings: Settings, clip: Path) -> None:
    index([clip], case, settings=settings)
    window = FootageRequest(FootageNotes.under(settings.clock), Selection(TimeWindow.parse("1", "2")))
    result = index([clip], case, settings=settings, request=window)
    (item,) = result.coverage.unsearched
    assert "was indexed otherwise before" in item.reason
    assert "windows" in item.reason


class DyingEngine(InlineEngine):
    """An engine whose worker dies after its first piece, a few times."""

    deaths = 0

    def receive(self) -> Outcome:
        outcome = super().receive()
        if type(self).deaths:
            type(self).deaths -= 1
            task, self._pieces = self._task, None
            return Died(task, "the worker crashed (SIGSEGV)")
        return outcome


def with_deaths(monkeypatch: pytest.MonkeyPatch, deaths: int) -> None:
    from retrofr.engines import inline

    def build(_settings: object, prepare: Prepare, _count: int, tell: Listener, stop: object) -> DyingEngine:
        return DyingEngine(prepare, tell, stop)  # type: ignore[arg-type]

    DyingEngine.deaths = deaths
    monkeypatch.setattr(inline, "build", build)


def indexed(case: Case, clip: Path, settings: Settings) -> IndexResult:
    return index([clip], case, settings=settings)


def test_a_worker_that_dies_once_costs_nothing(
    case: Case, settings: Settings, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_deaths(monkeypatch, 1)
    result = indexed(case, clip, settings)
    assert (result.exit_code, result.counts.slices) == (0, 3)


def test_a_worker_that_dies_again_leaves_the_stream_for_the_next_run(
    case: Case, settings: Settings, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_deaths(monkeypatch, 2)
    result = indexed(case, clip, settings)
    assert result.exit_code == 3
    (item,) = result.coverage.unsearched
    assert item.reason == "the worker crashed (SIGSEGV) each time it was worked on"
    assert indexed(case, clip, settings).exit_code == 0


class TestPartOfACase:
    """Searches of a part of what is indexed."""

    @pytest.fixture
    def indexed(self, case: Case, settings: Settings, clip: Path, tmp_path: Path) -> Case:
        other = make_clip(tmp_path / "cam2.mp4", frames=60, picture=visitors)
        index([clip, other], case, settings=settings)
        return case

    def hits(
        self, case: Case, settings: Settings, tmp_path: Path, **part: object
    ) -> list[tuple[str, float, float]]:
        probe = face_of("red", tmp_path / "red.png")
        result = search_case(case, [probe], settings=settings, selection=CaseSelection(**part))  # type: ignore[arg-type]
        return [(h.exhibit, float(h.start_seconds), float(h.end_seconds)) for h in result.hits]

    def test_an_exhibit_by_name_or_digest(self, indexed: Case, settings: Settings, tmp_path: Path) -> None:
        assert [hit[0] for hit in self.hits(indexed, settings, tmp_path, exhibits=("cam2*",))] == ["cam2.mp4"]
        with pytest.raises(UsageError, match="the case has no exhibit cam3"):
            self.hits(indexed, settings, tmp_path, exhibits=("cam3",))

    def test_a_window(self, indexed: Case, settings: Settings, tmp_path: Path, clip: Path) -> None:
        window = Selection(TimeWindow.parse("4.5", "5"))
        probe = face_of("red", tmp_path / "red.png")
        result = search_case(indexed, [probe], settings=settings, selection=CaseSelection(window))
        assert [(h.exhibit, float(h.start_seconds)) for h in result.hits] == [(clip.name, 4.0)]
        assert result.coverage.searched_seconds == 0.5
        assert {s.exhibit: float(s.outside_seconds) for s in result.coverage.streams} == {
            clip.name: 5.5,
            "cam2.mp4": 2.4,
        }

    def test_a_least_quality(self, indexed: Case, settings: Settings, tmp_path: Path) -> None:
        assert self.hits(indexed, settings, tmp_path, min_quality=1.0) == []
