"""Who is in footage, as a person wrote it down, and what was found of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fakes import frame_ref, tracklet
from retrofr.errors import UsageError
from retrofr.evaluation.footage import comparisons_of
from retrofr.evaluation.seeing import Whose, presences, seen_of, whose
from retrofr.evaluation.truth import Scene, Truth, paired, read_truth
from retrofr.evaluation.watching import Look, Watched
from retrofr.rates.comparisons import FAILED
from retrofr.rates.identification import Searches
from retrofr.records import Tracklet

SCENES = "start_s\tend_s\tidentities_on_screen\n0\t2\t-\n2\t4\tann,ben\n4\t6\tann,(X)\n"


def truth_of(folder: Path, text: str, name: str = "truth.tsv") -> Truth:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_truth(path)


def placed(start: float, end: float, left: float) -> Tracklet:
    """A tracklet whose faces all lie ``left`` pixels from the left of a picture of 320."""
    box = np.array([left, 10, left + 40, 60], np.float32)
    found = tracklet(start, end)
    return replace(
        found, first_box=box, last_box=box, best=tuple(replace(face, box=box) for face in found.best)
    )


def look(seconds: float, *lefts: float) -> Look:
    boxes = np.array([(left, 10, left + 40, 60) for left in lefts], np.float64).reshape(-1, 4)
    return Look("cam1.mp4", frame_ref(seconds), 320, boxes)


def test_scenes(tmp_path: Path) -> None:
    truth = truth_of(tmp_path, SCENES)
    assert truth.scenes_of("cam1.mp4") == (
        Scene(0, 2, ()),
        Scene(2, 4, ("ann", "ben")),
        Scene(4, 6, ("ann",), others=True),
    )
    assert (truth.people, truth.files, truth.has_boxes) == (("ann", "ben"), ("",), False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("start\tend\n0\t1\n", "line 1: has neither the columns start, end and person nor frame"),
        ("start\tend\tperson\n", "truth.tsv: says nothing of anybody"),
        ("start\tend\tperson\n2\t1\ta\n", "line 2: 2 to 1 is no stretch of time"),
        ("start\tend\tperson\n0\tlate\ta\n", "line 2: 'late' in column end is no number"),
        ("start\tend\tperson\n0\t1\ta,-\n", "line 2: 'a,-' does not say who is there"),
        ("start\tend\tperson\n0\t1\ta,a\n", "line 2: 'a,a' does not say who is there"),
        ("start\tend\tperson\n0\t2\ta\n1\t3\tb\n", "scenes overlap: 0 to 2 s and 1 to 3 s"),
        ("frame\tx1\ty1\tx2\tperson\n0\t1\t1\t5\ta\n", "line 1: has no column y2"),
        ("frame\tx1\ty1\tx2\ty2\tperson\n0\t5\t1\t5\t9\ta\n", "line 2: is no face of anybody"),
        ("frame\tx1\ty1\tx2\ty2\tperson\n0.5\t1\t1\t5\t9\ta\n", "line 2: is no face of anybody"),
    ],
)
def test_mistakes_of_a_truth_name_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        truth_of(tmp_path, text)
    assert message in str(caught.value)


def test_a_tracklet_is_of_the_person_in_whose_part_it_lies(tmp_path: Path) -> None:
    truth = truth_of(tmp_path, SCENES)
    assert whose(placed(2, 3, 40), truth) == Whose("ann", 2, 2)
    assert whose(placed(2, 3, 240), truth) == Whose("ben", 2, 2)
    assert whose(placed(0, 1, 40), truth) == Whose("", 2, 2)
    assert whose(placed(4, 5, 40), truth) == Whose(None)
    assert whose(placed(7, 8, 40), truth) == Whose(None)


def test_a_tracklet_over_two_scenes_is_not_pure(tmp_path: Path) -> None:
    found = whose(placed(1.5, 3, 40), truth_of(tmp_path, SCENES))
    assert (found.sightings, found.own) == (2, 1)


def test_what_was_found_in_scenes(tmp_path: Path) -> None:
    truth = truth_of(tmp_path, SCENES)
    watched = Watched([placed(2, 3, 40)], [look(1, 50), look(1.5), look(2, 50), look(3, 50, 240), look(5)])
    owners = [whose(each, truth) for each in watched.tracklets]
    there = presences(watched, owners, truth)
    assert [(each.person, each.tracklets) for each in there] == [("ann", (0,)), ("ben", ()), ("ann", ())]
    seen = seen_of(watched, there, truth)
    assert (seen.missed.errors, seen.missed.trials) == (1, 4)
    assert (seen.false.errors, seen.false.trials) == (1, 2)
    assert (seen.absent.errors, seen.absent.trials) == (2, 3)
    assert not seen.by_boxes


BOXES = """frame,x1,y1,x2,y2,person,visible,file
50,50,10,90,60,ann,1,cam1.mp4
50,240,10,280,60,ben,0.5,cam1.mp4
75,50,10,90,60,ann,1,cam1.mp4
"""


def test_what_was_found_of_boxes(tmp_path: Path) -> None:
    truth = truth_of(tmp_path, BOXES, "truth.csv")
    assert (truth.files, truth.has_boxes, truth.people) == (("cam1.mp4",), True, ("ann", "ben"))
    watched = Watched([placed(2, 3, 52), placed(2, 3, 150)], [look(2, 52), look(3, 150), look(4, 10)])
    owners = [whose(each, truth) for each in watched.tracklets]
    assert owners == [Whose("ann", 2, 2), Whose("", 2, 2)]
    there = presences(watched, owners, truth)
    assert [(each.person, each.tracklets) for each in there] == [("ann", (0,))]
    seen = seen_of(watched, there, truth)
    assert (seen.missed.errors, seen.missed.trials) == (1, 2)  # ben is hidden by half and counts neither way
    assert (seen.false.errors, seen.false.trials) == (1, 1)


def test_boxes_of_photos_name_people_by_their_folder(tmp_path: Path) -> None:
    truth = truth_of(tmp_path, "frame\tphoto\tx1\ty1\tx2\ty2\n3\t7386/1.jpg\t0\t0\t9\t9\n")
    assert truth.people == ("7386",)


def test_boxes_are_paired_one_to_one() -> None:
    one = np.array([(0, 0, 10, 10), (1, 1, 11, 11), (100, 100, 110, 110)], np.float64)
    other = np.array([(1, 1, 11, 11), (50, 50, 60, 60)], np.float64)
    assert paired(one, other) == [(1, 0)]
    assert paired(np.zeros((0, 4)), other) == []


def test_of_whom_nobody_knows_who_it_is_counts_neither_way() -> None:
    searches = Searches(np.array([[1.0, 2.0, FAILED]]), np.array([1]), np.array([-1, 0, 1]))
    comparisons = comparisons_of(searches)
    assert comparisons.scores.tolist() == [2.0, FAILED]
    assert comparisons.mated.tolist() == [False, True]
