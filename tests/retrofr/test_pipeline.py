"""From files to appearances, with drawn faces: a colour is a person."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import retrofr
from clips import Picture, make_clip, numbered_picture
from fakes import COLOURS, draw_face, scene
from retrofr.errors import ModelError, ProbeError, RefusedError, UsageError
from retrofr.events import (
    Advanced,
    Digesting,
    Event,
    ExhibitFinished,
    ExhibitStarted,
    Found,
    RunStarted,
    Skipped,
    Warned,
)
from retrofr.records import Pixels
from retrofr.results import Appearance
from retrofr.settings import Settings

Parts = dict[str, dict[str, object]]


def people(*visits: tuple[str, int, int, int]) -> Picture:
    """Pictures in which (colour, from frame, until frame, x) stand about; y follows from the order."""

    def picture(number: int, width: int, height: int) -> Pixels:
        image = np.ascontiguousarray(numbered_picture(number, width, height))
        for row, (colour, start, end, x) in enumerate(visits):
            if start <= number < end:
                draw_face(image, COLOURS[colour], x, 30 + 70 * (row % 3), 60)
        return image

    return picture


@pytest.fixture
def red_probe(tmp_path: Path) -> Path:
    image = scene()
    draw_face(image, COLOURS["red"], 100, 80)
    path = tmp_path / "red.png"
    Image.fromarray(image).save(path)
    return path


def spans(found: Sequence[Appearance]) -> list[tuple[str, float, float]]:
    return [(a.exhibit, float(a.start_seconds), float(a.end_seconds)) for a in found]


def chosen(parts: Parts, **stages: dict[str, object]) -> Settings:
    merged = {name: {**parts.get(name, {}), **stages.get(name, {})} for name in {*parts, *stages}}
    return Settings.from_mapping(merged)


def test_a_visit_is_one_appearance_with_exact_times(
    tmp_path: Path, red_probe: Path, fake_parts: Parts
) -> None:
    clip = make_clip(
        tmp_path / "cam1_20240330_171105.mp4",
        frames=150,
        picture=people(("red", 25, 75, 40), ("blue", 0, 150, 200)),
    )
    result = retrofr.search([clip], [red_probe], settings=chosen(fake_parts))
    (hit,) = result.hits
    # 2 samples a second at 25 frames a second: frames 0, 13, 25, 38, 50, 63, 75, ... Of the four that show the visit
    # one shows nothing new, so it is not looked at and counts for the time alone. A face that stays where it is is
    # embedded once.
    assert (hit.start_seconds, hit.end_seconds) == (1, 64 * hit.end_seconds.__class__(1, 25))
    assert (hit.start_time, hit.end_time) == ("2024-03-30T17:11:06.000000", "2024-03-30T17:11:07.560000")
    assert (hit.probe, hit.exhibit, hit.time_source) == ("red", clip.name, "pts")
    assert (hit.faces, hit.faces_seen) == (1, 4)
    assert len(hit.exhibit_sha256) == 64
    assert hit.score > 0.9
    assert result.exit_code == 0
    assert result.compared == 2
    (stream,) = result.coverage.streams
    assert (stream.frames, stream.samples, stream.searched_seconds) == (150, 12, 6)
    assert (stream.faces, stream.faces_unfit, stream.problems) == (16, 0, ())


def test_several_visits_files_and_probes(tmp_path: Path, red_probe: Path, fake_parts: Parts) -> None:
    image = scene()
    draw_face(image, COLOURS["blue"], 100, 80)
    Image.fromarray(image).save(tmp_path / "blue.png")
    folder = tmp_path / "footage"
    folder.mkdir()
    make_clip(folder / "cam2.mp4", frames=250, picture=people(("red", 0, 50, 40), ("red", 200, 250, 40)))
    make_clip(folder / "cam10.mp4", frames=75, picture=people(("blue", 25, 50, 40), ("green", 0, 75, 200)))
    result = retrofr.search([folder], [red_probe, tmp_path / "blue.png"], settings=chosen(fake_parts))
    found = sorted((h.probe, *span) for h, span in zip(result.hits, spans(result.hits), strict=True))
    assert [f[:2] for f in found] == [("blue", "cam10.mp4"), ("red", "cam2.mp4"), ("red", "cam2.mp4")]
    assert [h.rank for h in result.hits] == [1, 2, 3]
    assert [s.exhibit for s in result.coverage.streams] == ["cam2.mp4", "cam10.mp4"]


def test_unreadable_footage_is_reported_and_the_run_goes_on(
    tmp_path: Path, red_probe: Path, fake_parts: Parts
) -> None:
    folder = tmp_path / "footage"
    folder.mkdir()
    (folder / "a_text.mp4").write_text("this is no video")
    (folder / "b_empty.mp4").touch()
    (folder / "notes.txt").write_text("x")
    make_clip(folder / "c_good.mp4", frames=50, picture=people(("red", 0, 50, 40)))
    events: list[Event] = []
    result = retrofr.search([folder], [red_probe], settings=chosen(fake_parts), listener=events.append)
    assert [h.exhibit for h in result.hits] == ["c_good.mp4"]
    assert [u.subject for u in result.coverage.unsearched] == ["a_text.mp4", "b_empty.mp4"]
    assert result.coverage.ignored == ("notes.txt",)
    assert result.exit_code == 10
    assert [e.subject for e in events if isinstance(e, Skipped)] == ["a_text.mp4", "b_empty.mp4"]


def test_nothing_readable_at_all_is_exit_3(tmp_path: Path, red_probe: Path, fake_parts: Parts) -> None:
    (tmp_path / "a.mp4").write_text("this is no video")
    result = retrofr.search([tmp_path / "a.mp4"], [red_probe], settings=chosen(fake_parts))
    assert (result.hits, result.exit_code) == ((), 3)


def test_events_tell_the_whole_story_in_order(tmp_path: Path, red_probe: Path, fake_parts: Parts) -> None:
    clip = make_clip(tmp_path / "a.mp4", frames=250, picture=people(("red", 0, 50, 40)))
    events: list[Event] = []
    retrofr.search([clip], [red_probe], settings=chosen(fake_parts), listener=events.append)
    kinds = [type(e) for e in events if not isinstance(e, Warned)]
    assert [kind for kind in kinds if kind not in (Advanced, Digesting)] == [
        RunStarted, ExhibitStarted, Found, ExhibitFinished,
    ]  # fmt: skip
    assert [e.after for e in events if isinstance(e, Digesting)] == [False, True]
    positions = [e.position_seconds for e in events if isinstance(e, Advanced)]
    assert positions == sorted(positions)
    assert positions


def test_stopping_gives_what_was_found_and_says_what_was_not_searched(
    tmp_path: Path, red_probe: Path, fake_parts: Parts
) -> None:
    for name in ("a.mp4", "b.mp4"):
        make_clip(tmp_path / name, frames=500, picture=people(("red", 0, 500, 40)))
    seen: list[Event] = []
    result = retrofr.search(
        [tmp_path / "a.mp4", tmp_path / "b.mp4"],
        [red_probe],
        settings=chosen(fake_parts),
        listener=seen.append,
        stop=lambda: any(isinstance(e, Advanced) for e in seen),
    )
    assert result.coverage.interrupted
    assert result.exit_code == 130
    assert [h.exhibit for h in result.hits] == ["a.mp4"]
    assert result.hits[0].end_seconds < 10
    (stream,) = result.coverage.streams
    assert stream.problems[0].endswith(", then the run was stopped")
    assert [u.reason for u in result.coverage.unsearched] == ["the run was stopped before it was opened"]


def test_stopping_while_a_file_is_digested(tmp_path: Path, red_probe: Path, fake_parts: Parts) -> None:
    clip = make_clip(tmp_path / "a.mp4", frames=50)
    seen: list[Event] = []
    answers = iter([False, True])  # before the file, and while it is digested
    result = retrofr.search(
        [clip], [red_probe], settings=chosen(fake_parts), listener=seen.append, stop=lambda: next(answers)
    )
    assert result.exit_code == 130
    assert [u.reason for u in result.coverage.unsearched] == ["the run was stopped while it was digested"]
    assert not any(isinstance(e, ExhibitStarted) for e in seen)


def test_a_shot_cut_separates_two_people_in_the_same_place(
    tmp_path: Path, red_probe: Path, fake_parts: Parts
) -> None:
    def picture(number: int, width: int, height: int) -> Pixels:
        image = np.full((height, width, 3), 60 if number < 60 else 180, np.uint8)
        draw_face(image, COLOURS["red" if number < 60 else "blue"], 100, 80)
        return image

    clip = make_clip(tmp_path / "a.mp4", frames=120, picture=picture)
    (hit,) = retrofr.search([clip], [red_probe], settings=chosen(fake_parts)).hits
    assert float(hit.end_seconds) <= 60 / 25


def test_someone_seen_only_right_after_a_cut_is_found(
    tmp_path: Path, red_probe: Path, fake_parts: Parts
) -> None:
    def picture(number: int, width: int, height: int) -> Pixels:
        image = np.full((height, width, 3), 60 if number < 53 else 180, np.uint8)
        if 53 <= number < 56:  # between the samples at frames 50 and 63
            draw_face(image, COLOURS["red"], 100, 80)
        return image

    clip = make_clip(tmp_path / "a.mp4", frames=100, picture=picture)
    (hit,) = retrofr.search([clip], [red_probe], settings=chosen(fake_parts)).hits
    assert float(hit.start_seconds) == 53 / 25


def test_stills_are_made_for_hits_when_asked_for(tmp_path: Path, red_probe: Path, fake_parts: Parts) -> None:
    clip = make_clip(tmp_path / "a.mp4", frames=50, picture=people(("red", 0, 50, 40), ("blue", 0, 50, 200)))
    with_stills = retrofr.search([clip], [red_probe], settings=chosen(fake_parts), keep_stills=True)
    (hit,) = with_stills.hits
    assert hit.still_pictures is not None
    assert hit.still_pictures.frame_jpeg[:2] == b"\xff\xd8"
    assert hit.still_pictures.face_png[1:4] == b"PNG"
    (plain,) = retrofr.search([clip], [red_probe], settings=chosen(fake_parts)).hits
    assert plain.still_pictures is None


def test_requirement_10_two_runs_give_the_same_hits(
    tmp_path: Path, red_probe: Path, fake_parts: Parts
) -> None:
    clip = make_clip(
        tmp_path / "a.mp4", frames=150, picture=people(("red", 20, 90, 40), ("green", 0, 150, 200))
    )
    first, second = (
        retrofr.search([clip], [red_probe], settings=chosen(fake_parts, search={"top": 5})) for _ in range(2)
    )
    assert first.hits == second.hits or [vars(h) for h in first.hits] == [vars(h) for h in second.hits]
    assert [(a.rank, a.score) for a in first.candidates] == [(a.rank, a.score) for a in second.candidates]


def test_requirement_10_run_record_names_everything_it_ran_on_and_holds_no_template(
    tmp_path: Path, red_probe: Path, fake_parts: Parts
) -> None:
    clip = make_clip(tmp_path / "a.mp4", frames=50, picture=people(("red", 0, 50, 40)))
    result = retrofr.search([clip], [red_probe], settings=chosen(fake_parts))
    run = result.run
    assert set(run) == {
        "started", "finished", "device", "threshold", "settings",
        "detector", "embedder", "probes", "selection", "exhibits", "versions",
        "authority", "operator", "reason", "policy", "probe_records", "templates_outside_scope",
    }  # fmt: skip
    assert run["exhibits"][0]["sha256"] == result.hits[0].exhibit_sha256  # type: ignore[index]
    assert run["threshold"] == {"score": 0.8, "source": "given for this run (override)"}
    assert run["templates_outside_scope"] == 0
    assert "template" not in repr(run).replace("templates_outside_scope", "")


def test_what_makes_no_sense_is_refused_before_any_work(
    tmp_path: Path, red_probe: Path, fake_parts: Parts
) -> None:
    settings = chosen(fake_parts)
    clip = make_clip(tmp_path / "a.mp4", frames=10)
    with pytest.raises(UsageError):
        retrofr.search([], [red_probe], settings=settings)
    with pytest.raises(ProbeError, match="no probe was given"):
        retrofr.search([clip], [], settings=settings)
    with pytest.raises(RefusedError):
        retrofr.search(["rtsp://camera/1"], [red_probe], settings=settings)
    with pytest.raises(UsageError, match="no detector is called 'yolo'"):
        retrofr.search([clip], [red_probe], settings=chosen(fake_parts, detect={"detector": "yolo"}))
    with pytest.raises(UsageError, match="no embedder is called 'arcface'"):
        retrofr.search([clip], [red_probe], settings=chosen(fake_parts, embed={"embedder": "arcface"}))
    with pytest.raises(ModelError):
        retrofr.search([clip], [red_probe], settings=Settings(device="cuda:7"))


def test_memory_does_not_grow_with_footage(tmp_path: Path, red_probe: Path, fake_parts: Parts) -> None:
    peaks = []
    for number, frames in enumerate((400, 1200)):
        clip = make_clip(
            tmp_path / f"{number}.mp4",
            frames=frames,
            picture=people(("blue", 0, frames, 40)),
            size=(640, 480),
        )
        gc.collect()
        tracemalloc.start()
        retrofr.search([clip], [red_probe], settings=chosen(fake_parts), keep_stills=True)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.25
