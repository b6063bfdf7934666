"""Sentences and suggestions about a file's headers and packets."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction

import pytest

from retrofr.clock import NO_CLOCK, ClockOrigin, WallClock
from retrofr.records import VideoStream
from retrofr.video.decoding.timing import Break
from retrofr.video.facts import FirstLook, StreamFacts, StreamSurvey, Survey
from retrofr.video.findings import (
    clock_notes,
    end_in_name,
    file_problems,
    name_notes,
    refused_stream,
    stream_notes,
    stream_problems,
)
from retrofr.video.headers.rhythm import Rhythm
from retrofr.video.suggestions import Suggestion, likely_aspect, suggest

EVEN = Rhythm("constant", Fraction(1, 25), Fraction(1, 25), Fraction(1, 25), 249)
LOOK = FirstLook(704, 576, "yuv420p", interlaced=False, rotation_degrees=0)
START = datetime(2024, 3, 30, 17, 11, 5)
NAMED = WallClock(ClockOrigin(START, "file name"))


def stream(**changes: object) -> VideoStream:
    known = {"index": 0, "codec": "h264", "width": 704, "height": 576, "declared_seconds": Fraction(10)}
    return VideoStream(**known | {"average_rate": Fraction(25)} | changes)  # type: ignore[arg-type]


def surveyed(**changes: object) -> StreamSurvey:
    known: dict[str, object] = {
        "index": 0,
        "packets": 250,
        "start_seconds": Fraction(0),
        "end_seconds": Fraction(10),
        "recorded_seconds": Fraction(10),
        "rhythm": EVEN,
        "look": LOOK,
    }
    return StreamSurvey(**known | changes)  # type: ignore[arg-type]


def test_nothing_is_said_of_a_stream_that_is_as_declared() -> None:
    facts = StreamFacts(stream())
    assert stream_problems(facts, surveyed()) == []
    assert stream_notes(facts, surveyed(), decoded=False) == []


def test_a_stream_that_ends_early() -> None:
    assert stream_problems(StreamFacts(stream()), surveyed(end_seconds=Fraction(588, 100))) == [
        "ends at 0:00:05.880 of 0:00:10.000 declared"
    ]
    assert stream_problems(StreamFacts(stream()), surveyed(end_seconds=Fraction(96, 10))) == []


def test_breaks_and_holes_are_told_with_their_times() -> None:
    gap, back = Break("gap", Fraction(5), Fraction(605)), Break("back", Fraction(700), Fraction(-20))
    found = surveyed(
        breaks=(gap, back) * 3, gaps=3, steps_back=3, holes=((Fraction(1), Fraction(2)),), hole_count=1
    )
    assert stream_problems(StreamFacts(stream()), found) == [
        "no picture between 0:00:05.000 and 0:10:05.000",
        "time steps back from 0:11:40.000 to -0:00:20.000",
        "no picture between 0:00:05.000 and 0:10:05.000",
        "time steps back from 0:11:40.000 to -0:00:20.000",
        "2 more breaks in time",
        "frames are missing between 0:00:01.000 and 0:00:02.000",
    ]


def test_problems_of_the_whole_file() -> None:
    assert file_problems(Survey(())) == []
    assert file_problems(Survey((), unreadable_places=1, unfinished=True, endless=True)) == [
        "1 place in it could not be read",
        "the rest of the file could not be read",
        "the file does not come to an end: more was read from it than it can hold",
    ]


def test_streams_that_cannot_be_searched_beside_others_that_can() -> None:
    assert refused_stream(StreamFacts(stream())) == []
    assert refused_stream(StreamFacts(stream(), encrypted=True)) == [
        "its video is encrypted, so none of it can be searched"
    ]
    assert refused_stream(StreamFacts(stream(), decodable=False)) == [
        "no decoder for its video, so none of it can be searched"
    ]


def test_what_to_know_of_a_stream() -> None:
    odd = FirstLook(704, 288, "yuv420p", interlaced=True, rotation_degrees=90)
    found = surveyed(look=odd, stamps_missing=3, empty_packets=2)
    assert stream_notes(StreamFacts(stream(average_rate=Fraction(30))), found, decoded=False) == [
        "3 of 250 frames have no time of their own; it is interpolated",
        "2 dropped frames, where the recorder repeated the last one",
        "declares 30 frames/s and has 25",
        "interlaced",
        "to be shown turned by 90° counter-clockwise",
        "the first picture that decodes has 704x288 pixels",
    ]


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        (Fraction(25), "25 frames/s, which its own headers state"),
        (Fraction(25, 2), "an assumed 25 frames/s"),
        (None, "an assumed 25 frames/s"),
    ],
)
def test_a_stream_without_times_says_what_is_counted(stated: Fraction | None, words: str) -> None:
    notes = stream_notes(
        StreamFacts(stream(), codec_rate=stated), surveyed(stamps_missing=250), decoded=False
    )
    assert notes == [f"has no times: they are counted at {words}"]


# ---- clocks --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("Ch02_20240330171105080_20240330172611160.mp4", datetime(2024, 3, 30, 17, 26, 11, 160_000)),
        ("cam_2024-03-30_17-11-05_2024-03-30_17-20-00.avi", datetime(2024, 3, 30, 17, 20)),
        ("cam_20240330_171105.mp4", None),
        ("cam_20240330171105_20230330171105.mp4", None),
        ("door.mp4", None),
    ],
)
def test_the_end_that_a_name_gives(name: str, end: datetime | None) -> None:
    assert end_in_name(name, START) == end


def test_a_name_that_spans_more_than_the_video_holds() -> None:
    end = datetime(2024, 3, 30, 17, 21, 5)
    assert name_notes(end, START, Fraction(552)) == [
        "the file name runs to 2024-03-30 17:21:05, 0:10:00.000 after its start; the video holds 0:09:12.000"
    ]
    assert name_notes(end, START, Fraction(602)) == []
    assert name_notes(None, START, Fraction(600)) == []


def test_a_creation_time_at_the_recordings_end() -> None:
    hint = ClockOrigin(datetime(2024, 3, 30, 17, 21, 6), "creation time", "creation time")
    clock = WallClock(NAMED.origin, hints=(hint,))
    (note,) = clock_notes(clock, Fraction(600))
    assert note.endswith("; that is the recording's end, when some recorders write it")
    (note,) = clock_notes(clock, Fraction(60))
    assert "end" not in note
    assert clock_notes(NAMED, None) == []


# ---- suggestions ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "aspect"),
    [
        ((704, 288), Fraction(6, 11)),
        ((720, 288), Fraction(6, 11)),
        ((704, 240), Fraction(5, 11)),
        ((720, 240), Fraction(5, 11)),
        ((352, 576), Fraction(24, 11)),
        ((352, 480), Fraction(20, 11)),
        ((960, 576), Fraction(4, 5)),
        ((1920, 540), Fraction(1, 2)),
        ((704, 576), None),
        ((352, 288), None),
        ((1280, 720), None),
        ((640, 480), None),
    ],
)
def test_the_pixel_aspect_that_a_size_makes_likely(size: tuple[int, int], aspect: Fraction | None) -> None:
    assert likely_aspect(*size) == aspect


def test_sar_is_suggested_where_none_or_square_is_stated() -> None:
    half = stream(height=288)
    assert suggest([(StreamFacts(half), None)], NAMED, None) == [
        Suggestion(
            "--sar",
            "6:11",
            "704x288 (PAL, one field) is usually recorded with pixels of 6:11; the file states none, "
            "so faces look flat",
            0,
        )
    ]
    (square,) = suggest([(StreamFacts(half, pixel_aspect=Fraction(1)), None)], NAMED, None)
    assert "states square pixels" in square.reason
    assert suggest([(StreamFacts(half, pixel_aspect=Fraction(6, 11)), None)], NAMED, None) == []


def test_fps_is_suggested_for_streams_without_times_only() -> None:
    bare = surveyed(stamps_missing=250)
    stated = StreamFacts(stream(), codec_rate=Fraction(25, 2))
    (made,) = suggest([(stated, bare)], NAMED, None)
    assert (made.flag, made.value) == ("--fps", "25/2")
    assert made.reason == "the stream has no times; its own headers state this rate"
    assert suggest([(stated, surveyed())], NAMED, None) == []
    assert suggest([(StreamFacts(stream(), codec_rate=Fraction(25)), bare)], NAMED, None) == []


@pytest.mark.parametrize(
    ("seconds", "rate"), [(Fraction(20), "25/2"), (Fraction(21), "12"), (Fraction(36), None)]
)
def test_fps_from_the_time_that_a_name_spans(seconds: Fraction, rate: str | None) -> None:
    (made,) = suggest([(StreamFacts(stream()), surveyed(stamps_missing=250))], NAMED, seconds)
    assert (made.flag, made.value) == ("--fps", rate)


def test_a_start_is_asked_for_and_never_guessed() -> None:
    (none,) = suggest([], WallClock(NO_CLOCK), None)
    assert (none.flag, none.value) == ("--start", None)
    odd = ClockOrigin(None, "none: 03-04-2024 in the file name can be read as 2024-03-04 or 2024-04-03")
    (made,) = suggest([], WallClock(odd), None)
    assert made.value is None
    assert made.reason.startswith("03-04-2024 in the file name can be read as")
    hint = ClockOrigin(datetime(2024, 3, 30, tzinfo=UTC), "creation time", "creation time")
    (made,) = suggest([], WallClock(hint), None)
    assert made.value is None
    assert "2024-03-30T00:00:00+00:00" in made.reason
    assert suggest([], NAMED, None) == []
