"""What a run would do: what it would read, and the arithmetic of how long it would take."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from clips import make_clip
from fakes import walker
from retrofr.case.keys import KeyStore
from retrofr.case.store import create_case, open_case
from retrofr.errors import RefusedError, UsageError
from retrofr.events import Event, Skipped
from retrofr.indexing import index
from retrofr.notes import FootageNotes
from retrofr.planning import (
    BESIDE,
    CASE_BYTES,
    RANGE,
    STARTS_SECONDS,
    TRACKLET_BYTES,
    RunPlan,
    free_bytes,
    plan_run,
)
from retrofr.request import FootageRequest
from retrofr.selection import Selection, TimeWindow
from retrofr.settings import Settings

Parts = dict[str, dict[str, object]]


@pytest.fixture
def settings(fake_parts: Parts, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr("retrofr.comparison.build_landmark_net", lambda *_: None)  # real, and slow to load
    return Settings.from_mapping({name: value for name, value in fake_parts.items() if name != "search"})


@pytest.fixture
def footage(tmp_path: Path) -> Path:
    """Four seconds and two seconds with a visitor, a text that calls itself a video, and notes."""
    folder = tmp_path / "footage"
    folder.mkdir()
    make_clip(folder / "cam1.mp4", frames=100, picture=walker)
    make_clip(folder / "cam2.mp4", frames=50, picture=walker)
    (folder / "text.mp4").write_text("no video at all")
    (folder / "notes.txt").write_text("x")
    return folder


def limited(window: TimeWindow) -> FootageRequest:
    return FootageRequest(FootageNotes.under(Settings().clock), Selection(window))


def test_it_says_what_would_be_read(footage: Path, settings: Settings) -> None:
    events: list[Event] = []
    plan = plan_run([footage], settings=settings, seconds=1, listener=events.append)
    assert [(each.name, each.kept) for each in plan.exhibits] == [("cam1.mp4", False), ("cam2.mp4", False)]
    assert plan.size_bytes == sum((footage / f"cam{n}.mp4").stat().st_size for n in (1, 2))
    assert (plan.asked_seconds, plan.samples, plan.unknown) == (6, 12, 0)
    assert [each.subject for each in plan.unsearched] == ["text.mp4"]
    assert [e.subject for e in events if isinstance(e, Skipped)] == ["text.mp4"]
    assert plan.ignored == ("notes.txt",)
    assert plan.exit_code == 10
    assert plan.measured is not None
    assert [each.name for each in plan.measured.recordings] == ["cam1.mp4", "cam2.mp4"]
    assert 2 <= plan.measured.media_seconds < 3  # whole samples


def test_the_selection_counts(footage: Path, settings: Settings) -> None:
    plan = plan_run(
        [footage], settings=settings, seconds=1, request=limited(TimeWindow(Fraction(1), Fraction(3)))
    )
    assert [each.asked_seconds for each in plan.exhibits] == [2, 1]
    outside = plan_run([footage], settings=settings, request=limited(TimeWindow(Fraction(60), None)))
    assert (outside.asked_seconds, outside.measured, outside.estimate()) == (0, None, None)


def test_what_a_case_keeps_is_not_done_again(footage: Path, settings: Settings, tmp_path: Path) -> None:
    keys = KeyStore(tmp_path / "keys")
    with create_case(tmp_path / "case", keys=keys) as case:
        index([footage / "cam1.mp4"], case, settings=settings)
    with open_case(tmp_path / "case", keys=keys) as case:
        plan = plan_run([footage / "cam1.mp4", footage / "cam2.mp4"], settings=settings, case=case, seconds=1)
        whole = plan_run([footage / "cam1.mp4"], settings=settings, case=case)
    assert [(each.name, each.kept) for each in plan.exhibits] == [("cam1.mp4", True), ("cam2.mp4", False)]
    assert (plan.asked_seconds, plan.exit_code) == (2, 0)
    assert (whole.to_do, whole.estimate(), whole.exit_code) == ((), None, 0)


def test_the_estimate_is_the_sum_of_its_parts(footage: Path, settings: Settings) -> None:
    plan = plan_run([footage / "cam1.mp4"], settings=settings, seconds=2, one_at_a_time=True)
    assert plan.measured is not None
    one = plan.measured.recordings[0].rounds[0].indexing
    measured = replace(plan.measured, load_seconds=0.5, cores=1)
    plan = replace(plan, measured=measured, digest_bytes_a_second=plan.size_bytes / 10)
    found = plan.estimate()
    assert found is not None
    assert found.startup_seconds == STARTS_SECONDS + 0.5
    assert found.digest_seconds == 20
    share = min(one.wall_seconds, max(BESIDE * one.cpu_seconds, one.wall_seconds / 8))
    times = 4 / float(plan.measured.media_seconds)
    assert 1 < times <= 2
    assert found.footage_seconds == pytest.approx(times * share)
    assert found.seconds == pytest.approx(22.5 + found.footage_seconds)
    low, high = found.range_seconds
    assert (low - 22.5, high - 22.5) == pytest.approx([end * found.footage_seconds for end in RANGE])
    assert found.case_bytes == CASE_BYTES + round(times * one.tracklets * TRACKLET_BYTES)


def test_more_cores_take_no_longer(footage: Path, settings: Settings) -> None:
    plan = plan_run([footage / "cam1.mp4"], settings=settings, seconds=1)
    assert plan.measured is not None
    takes = [replace(plan, measured=replace(plan.measured, cores=cores)).estimate() for cores in (1, 2, 16)]
    seconds = [each.seconds for each in takes if each is not None]
    assert seconds == sorted(seconds, reverse=True)


def test_nothing_that_can_be_read_is_exit_3(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "a.mp4").write_text("no video")
    plan = plan_run([tmp_path / "a.mp4"], settings=settings)
    assert (plan.exit_code, plan.estimate(), plan.exhibits) == (3, None, ())


def test_a_stopped_plan_gives_what_it_has(footage: Path, settings: Settings) -> None:
    plan = plan_run([footage], settings=settings, stop=lambda: True)
    assert (plan.exit_code, plan.measured) == (130, None)


def test_what_the_run_refuses_it_refuses(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="is an address"):
        plan_run(["rtsp://10.0.0.1/live"])
    with pytest.raises(UsageError, match="does not exist"):
        plan_run([tmp_path / "nowhere.mp4"])


def test_keyframes_have_no_number_of_samples() -> None:
    plan = RunPlan((), (), (), (), "keyframes", None, 1.0, True)
    assert plan.samples is None


def test_free_space_is_that_of_the_nearest_folder(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "not" / "yet" / "there") == pytest.approx(free_bytes(tmp_path), rel=0.1)
