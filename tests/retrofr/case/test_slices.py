"""Streams and slices: committed whole, once, in order; read back exactly; what is not indexed is said."""

from __future__ import annotations

import dataclasses
import os
import signal
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrofr.case import (
    Case,
    active_recipe,
    case_coverage,
    commit_slice,
    exhibits,
    face_picture,
    find_exhibit,
    finish_stream,
    note_unsearched,
    open_case,
    open_stream,
    put_exhibit,
    put_recipe,
    recipes,
    stored_tracklet,
    streams,
    template_blocks,
    template_count,
    tracklet_count,
    tracklet_table,
    unsearched,
)
from retrofr.case.verifying import verify_case
from retrofr.errors import CaseError
from retrofr.indexed import IndexedSlice, IndexedTracklet
from retrofr.records import Tracklet
from retrofr.results import Unsearched

RECIPE, OTHER = "a" * 64, "b" * 64


# ---- recipes and exhibits --------------------------------------------------------------------------------------


def test_the_recipe_put_last_is_the_active_one(case: Case, filling: Any) -> None:
    assert active_recipe(case) is None
    first = put_recipe(case, filling.recipe)
    second = put_recipe(case, filling.other_recipe)
    assert active_recipe(case) == filling.other_recipe
    assert (put_recipe(case, filling.recipe), put_recipe(case, filling.recipe)) == (first, first)
    assert active_recipe(case) == filling.recipe
    assert recipes(case) == [filling.recipe, filling.other_recipe]
    assert second != first


def test_what_was_never_put_is_said(case: Case) -> None:
    for read in (tracklet_table, tracklet_count, template_count, case_coverage):
        with pytest.raises(CaseError, match="holds nothing of the recipe aaaaaaaaaaaa"):
            read(case, RECIPE)
    with pytest.raises(CaseError, match="holds no tracklet 7"):
        stored_tracklet(case, 7)
    assert face_picture(case, 7, 0) is None


def test_an_exhibit_is_known_by_its_digest(case: Case, filling: Any) -> None:
    first = put_exhibit(case, filling.exhibit("cam1.mp4"), hash_check="sha256 as listed", notices=["odd"])
    moved = dataclasses.replace(filling.exhibit("moved.mp4"), camera="yard")
    assert put_exhibit(case, moved, hash_check=None, notices=()) == first
    second = put_exhibit(case, filling.exhibit("cam2.mp4", "cd"), hash_check=None, notices=())
    found = exhibits(case)
    assert [(e.id, e.exhibit, e.hash_check, e.notices) for e in found] == [
        (first, moved, "sha256 as listed", ()),
        (second, filling.exhibit("cam2.mp4", "cd"), None, ()),
    ]
    assert find_exhibit(case, sha256="ab" * 32) == found[0]
    assert find_exhibit(case, path=Path("moved.mp4").absolute()) == found[0]
    assert find_exhibit(case, path=Path("cam1.mp4")) is None
    assert find_exhibit(case, sha256="cd" * 32, path=Path("moved.mp4")) is None


def test_of_two_files_in_one_place_the_later_is_found(case: Case, filling: Any) -> None:
    for digest in ("ab", "cd", "ab"):
        put_exhibit(case, filling.exhibit("cam1.mp4", digest), hash_check=None, notices=())
    found = find_exhibit(case, path=Path("cam1.mp4"))
    assert found is not None
    assert found.exhibit.sha256 == "ab" * 32


def test_names_that_are_not_utf8(case: Case, filling: Any) -> None:
    name = os.fsdecode(b"caf\xe9.mp4")
    stream = filling.stream(case, name)
    assert exhibits(case)[0].exhibit.name == name
    note_unsearched(case, RECIPE, [Unsearched(name, "gone")], [], [name])
    assert unsearched(case, RECIPE) == ([Unsearched(name, "gone")], [], [name])
    finish_stream(case, stream.id, filling.coverage(name))
    assert unsearched(case, RECIPE) == ([], [], [])


# ---- slices ----------------------------------------------------------------------------------------------------


def same_tracklet(one: Tracklet, other: Tracklet) -> bool:
    def plain(tracklet: Tracklet) -> Any:
        return [
            [value.tolist() if isinstance(value, np.ndarray) else value for value in vars(part).values()]
            for part in (tracklet, *tracklet.best)
        ]

    left, right = plain(one), plain(other)
    left[0][5] = right[0][5] = None  # best: compared face by face
    return bool(left == right)


def test_a_slice_is_read_back_exactly(case: Case, filling: Any) -> None:
    stream = filling.stream(case)
    given = [filling.tracklet(1, 4, seed=0.1), filling.tracklet(2, 4, vectors=1)]
    commit_slice(case, stream.id, filling.slice(4, *given))
    ids = tracklet_table(case, RECIPE).ids.tolist()
    for tracklet_id, tracklet in zip(ids, given, strict=True):
        read = stored_tracklet(case, tracklet_id)
        expected = dataclasses.replace(tracklet, exhibit=filling.exhibit())
        assert same_tracklet(read, expected)
        assert read.templates.dtype == np.float32
    assert face_picture(case, ids[0], 1) == b"\xff\xd8jpeg"
    assert face_picture(case, ids[0], 2) is None
    assert (tracklet_count(case, RECIPE), template_count(case, RECIPE)) == (2, 3)


def test_a_slice_without_tracklets_counts_as_well(case: Case, filling: Any) -> None:
    stream = filling.stream(case)
    commit_slice(case, stream.id, filling.slice(3))
    (now,) = streams(case, RECIPE)
    assert (now.next_slice, now.coverage) == (4, None)
    assert now.progress is not None
    assert vars(now.progress) == vars(filling.progress(20.0))


def test_a_tracklet_without_templates_is_kept(case: Case, filling: Any) -> None:
    stream = filling.stream(case)
    bare = filling.tracklet(1, 0, vectors=0)
    commit_slice(case, stream.id, IndexedSlice(0, (IndexedTracklet(bare),), filling.progress()))
    assert (tracklet_count(case, RECIPE), len(tracklet_table(case, RECIPE))) == (1, 0)
    assert list(template_blocks(case, RECIPE)) == []
    assert stored_tracklet(case, 1).templates.shape == (0, 3)


@pytest.mark.parametrize("number", [0, 3, 5])
def test_no_slice_is_committed_twice(case: Case, filling: Any, number: int) -> None:
    stream = filling.stream(case)
    filling.commit(case, stream, 3, 5)
    with pytest.raises(CaseError) as error:
        filling.commit(case, stream, number)
    assert error.value.reason == (
        f"slice {number} of stream {stream.id}, or a later one, is in it already (the next is 6)"
    )
    assert tracklet_count(case, RECIPE) == 2


def test_templates_of_other_dimensions_are_refused(case: Case, filling: Any) -> None:
    stream = filling.stream(case)
    wide = dataclasses.replace(filling.tracklet(1, 0), templates=np.zeros((2, 4), np.float32))
    with pytest.raises(
        CaseError, match="templates of 4 dimensions do not belong to its recipe, which makes 3"
    ):
        commit_slice(case, stream.id, filling.slice(0, wide))
    assert streams(case, RECIPE)[0].next_slice == 0


def test_a_failure_half_way_keeps_nothing_of_the_slice(case: Case, filling: Any) -> None:
    stream = filling.stream(case)
    twice = [filling.tracklet(1, 0), filling.tracklet(1, 0)]
    with pytest.raises(Exception, match="UNIQUE"):
        commit_slice(case, stream.id, filling.slice(0, *twice))
    with pytest.raises(ValueError, match="tracklet of slice 1 in slice 0"):
        commit_slice(case, stream.id, filling.slice(0, filling.tracklet(1, 1)))
    assert (tracklet_count(case, RECIPE), streams(case, RECIPE)[0].next_slice) == (0, 0)
    verify_case(case)


def test_the_last_slice_finishes_the_stream(case: Case, filling: Any) -> None:
    stream = filling.stream(case)
    indexed = filling.slice(0, filling.tracklet(1, 0))
    commit_slice(case, stream.id, indexed, coverage=filling.coverage())
    assert streams(case, RECIPE)[0].coverage == filling.coverage()
    with pytest.raises(CaseError, match=f"stream {stream.id} is indexed to its end already"):
        filling.commit(case, stream, 1)
    renewed = dataclasses.replace(filling.coverage(), sha256_after="cd" * 32)
    finish_stream(case, stream.id, renewed)
    assert streams(case, RECIPE)[0].coverage == renewed


def test_a_stream_is_begun_once(case: Case, filling: Any) -> None:
    first = filling.stream(case)
    filling.commit(case, first, 0)
    again = filling.stream(case)
    assert (again.id, again.next_slice, dict(again.reading)) == (first.id, 1, {})
    assert filling.stream(case, recipe=filling.other_recipe).id != first.id


def test_a_stream_read_otherwise_is_refused(case: Case, filling: Any) -> None:
    stream = filling.stream(case)
    with pytest.raises(CaseError) as error:
        open_stream(case, stream.exhibit_id, RECIPE, 0, {"pixel_aspect": Fraction(4, 3), "windows": []})
    assert str(error.value) == (
        "cam1.mp4, stream 0: was indexed otherwise before: pixel aspect was not given, now it is 4/3\n"
        "index it as before, or into another case"
    )


# ---- templates in blocks -----------------------------------------------------------------------------------------


@pytest.fixture
def mixed(case: Case, filling: Any) -> Case:
    """Tracklets of two recipes by turns, of one to four templates."""
    first, second = filling.stream(case), filling.stream(case, recipe=filling.other_recipe)
    for number in range(12):
        filling.commit(case, (first, first, second)[number % 3], number, vectors=1 + number % 4)
    return case


@pytest.mark.parametrize("most", [1, 3, 7, 1000])
def test_blocks_hold_each_template_once(mixed: Case, most: int) -> None:
    blocks = list(template_blocks(mixed, RECIPE, block_templates=most))
    ids = np.concatenate([block.tracklets for block in blocks])
    assert ids.tolist() == tracklet_table(mixed, RECIPE).ids.tolist()
    assert all(len(b.templates) <= most or len(b.tracklets) == 1 for b in blocks)
    parts = [part for b in blocks for part in np.split(b.templates, np.cumsum(b.counts)[:-1])]
    for tracklet_id, part in zip(ids.tolist(), parts, strict=True):
        assert np.array_equal(part, stored_tracklet(mixed, tracklet_id).templates)
    assert sum(len(b.templates) for b in blocks) == template_count(mixed, RECIPE)


@pytest.mark.parametrize("most", [2, 1000])
def test_only_some_tracklets(mixed: Case, most: int) -> None:
    ids = tracklet_table(mixed, RECIPE).ids
    foreign = tracklet_table(mixed, OTHER).ids
    only = np.array([ids[5], ids[0], ids[6], foreign[0], 10_000], np.int64)
    blocks = list(template_blocks(mixed, RECIPE, only=only, block_templates=most))
    assert np.concatenate([b.tracklets for b in blocks]).tolist() == [ids[0], ids[5], ids[6]]
    assert list(template_blocks(mixed, RECIPE, only=np.zeros(0, np.int64))) == []


def test_the_table_says_when_and_how_good(mixed: Case) -> None:
    table = tracklet_table(mixed, RECIPE)
    for place, tracklet_id in enumerate(table.ids.tolist()):
        tracklet = stored_tracklet(mixed, tracklet_id)
        assert table.slices[place] == tracklet.slice
        assert table.start_seconds[place] == float(tracklet.first.seconds)
        assert table.end_seconds[place] == float(tracklet.last.until_seconds)
        assert (table.faces[place], table.eye_distance[place], table.rank[place]) == (2, 40.0, 0.5)
    kinds = {field.name: getattr(table, field.name).dtype for field in dataclasses.fields(table)}
    assert kinds["ids"] == np.int64
    assert (kinds["end_seconds"], kinds["rank"]) == (np.float64, np.float32)


def test_a_template_that_is_not_as_it_was_written_is_noticed(mixed: Case) -> None:
    mixed.execute("DELETE FROM templates WHERE tracklet_id = 1")
    with pytest.raises(CaseError, match="templates of some tracklets are not as they were written"):
        list(template_blocks(mixed, RECIPE))
    with pytest.raises(CaseError, match="is damaged: 1 tracklets whose templates are missing or cut"):
        verify_case(mixed)


# ---- coverage ----------------------------------------------------------------------------------------------------


def test_a_finished_stream_stands_under_its_present_name(case: Case, filling: Any) -> None:
    stream = filling.stream(case)
    finish_stream(case, stream.id, filling.coverage())
    renamed = dataclasses.replace(filling.exhibit("moved.mp4"), camera="yard")
    put_exhibit(case, renamed, hash_check=None, notices=())
    coverage = case_coverage(case, RECIPE)
    expected = dataclasses.replace(filling.coverage(), exhibit="moved.mp4", camera="yard")
    assert (coverage.streams, coverage.has_gaps) == ((expected,), False)


def test_an_unfinished_stream_says_how_far_it_is(case: Case, filling: Any) -> None:
    filling.commit(case, filling.stream(case), 0)
    coverage = case_coverage(case, RECIPE)
    (stream,) = coverage.streams
    assert stream.problems == ("indexed to 0:00:05.000; what follows is not indexed yet",)
    assert (stream.faces, stream.faces_unfit, stream.unfit_reasons) == (7, 2, (("too small", 2),))
    assert (stream.frames, stream.samples, stream.searched_seconds) == (100, 10, Fraction(5))
    assert stream.declared_seconds == Fraction(60)
    assert coverage.has_gaps


def test_what_is_not_indexed_with_the_recipe_is_said(case: Case, filling: Any) -> None:
    filling.stream(case)
    finish_stream(case, filling.stream(case, "cam2.mp4", "cd").id, filling.coverage("cam2.mp4"))
    put_recipe(case, filling.other_recipe)
    go_on = "run `retrofr index` again with this footage: it goes on where it stopped"
    assert case_coverage(case, RECIPE).unsearched == (
        Unsearched("cam1.mp4, stream 0", "none of it is indexed yet", go_on, "stopped"),
    )
    assert case_coverage(case, OTHER).unsearched == (
        Unsearched("cam1.mp4", "is not indexed with these settings", go_on, "stopped"),
        Unsearched("cam2.mp4", "is not indexed with these settings", go_on, "stopped"),
    )


def test_notes_are_replaced_by_subject(case: Case, filling: Any) -> None:
    put_recipe(case, filling.recipe)
    broken, left = Unsearched("a.mp4", "no video"), Unsearched("b.mp4", "not asked for")
    note_unsearched(case, RECIPE, [broken], [left], ["c.txt"])
    note_unsearched(case, RECIPE, [Unsearched("a.mp4", "still no video")], [], ["c.txt"])
    coverage = case_coverage(case, RECIPE)
    assert coverage.unsearched == (Unsearched("a.mp4", "still no video"),)
    assert (coverage.left_out, coverage.ignored) == ((left,), ("c.txt",))


def test_a_note_goes_once_its_exhibit_is_finished(case: Case, filling: Any) -> None:
    stream = filling.stream(case)
    stopped = Unsearched("cam1.mp4", "the run was stopped before it", kind="stopped")
    note_unsearched(case, RECIPE, [stopped, Unsearched("cam2.mp4", "gone")], [], [])
    finish_stream(case, stream.id, filling.coverage())
    assert [item.subject for item in case_coverage(case, RECIPE).unsearched] == ["cam2.mp4"]


# ---- other processes -----------------------------------------------------------------------------------------------

INDEX = """
import sys, runpy
from pathlib import Path
from retrofr.case import open_case, streams
parts = runpy.run_path(sys.argv[1])
filling = parts["Filling"]()
with open_case(Path(sys.argv[2]), write=True) as case:
    stream = filling.stream(case)
    for number in range(stream.next_slice, 100_000):
        filling.commit(case, stream, number)
        print(number, flush=True)
"""


def test_a_reader_sees_what_is_committed_while_a_writer_writes(
    case: Case, folder: Path, filling: Any
) -> None:
    stream = filling.stream(case)
    with open_case(folder) as reader:
        for number in range(3):
            filling.commit(case, stream, number)
            assert tracklet_count(reader, RECIPE) == number + 1
        with case.transaction():
            filling.commit(case, stream, 3)
            assert tracklet_count(reader, RECIPE) == 3
        blocks = template_blocks(reader, RECIPE, block_templates=2)
        next(blocks)
        filling.commit(case, stream, 4)
        assert len(list(blocks)) == 3


def test_a_killed_writer_loses_only_what_it_had_not_committed(
    case: Case, folder: Path, filling: Any, start_script: Callable[..., Any]
) -> None:
    case.close()
    for _ in range(2):
        process = start_script(INDEX, Path(__file__).with_name("conftest.py"), folder)
        said = -1
        for _ in range(7):
            said = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
        rest = process.communicate()[0].split()
        said = int(rest[-1]) if rest else said
        with open_case(folder, write=True) as again:
            verify_case(again)
            (stream,) = streams(again, RECIPE)
            assert stream.next_slice in (said + 1, said + 2)  # one may have been committed and not yet told
            assert tracklet_count(again, RECIPE) == stream.next_slice
