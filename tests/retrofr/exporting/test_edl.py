"""Edit decision lists: frame rates, dropped frames, many events, long recordings."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exported import clocked, exported, read_edl
from retrofr.exporting._timecode import STANDARD, Timecode, timecode_for

NTSC = Fraction(30000, 1001)
DROP = Timecode(NTSC, drop=True)


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        (0, "00:00:00;00"),
        (1799, "00:00:59;29"),
        (1800, "00:01:00;02"),
        (17_981, "00:09:59;29"),
        (17_982, "00:10:00;00"),
        (107_892, "01:00:00;00"),
        (2_589_407, "23:59:59;29"),
    ],
)
def test_dropped_numbers_keep_up_with_the_clock(frame: int, text: str) -> None:
    assert DROP.text(frame) == text


def test_59_94_drops_four_numbers_a_minute() -> None:
    counting = timecode_for(Fraction(60000, 1001))
    assert counting is not None
    assert (counting.text(3599), counting.text(3600)) == ("00:00:59;59", "00:01:00;04")


@pytest.mark.parametrize("counting", STANDARD, ids=lambda each: str(each.rate))
@settings(max_examples=25)
@given(frame=st.integers(0, 2_000_000))
def test_every_frame_has_a_number_of_its_own(counting: Timecode, frame: int) -> None:
    one, next_one = counting.text(frame), counting.text(frame + 1)
    assert one < next_one
    hours, minutes, rest = one.split(":", 2)
    seconds, frames = rest.replace(";", ":").split(":")
    assert int(frames) < counting.base
    if counting.drop:
        shown = int(hours) * 3600 + int(minutes) * 60 + int(seconds) + Fraction(int(frames), counting.base)
        assert abs(shown - frame / counting.rate) < Fraction(1, 10) + frame / counting.rate / 500_000


def test_a_frame_after_24_hours_has_none() -> None:
    with pytest.raises(ValueError, match="beyond 24 hours"):
        DROP.text(2_589_408)


@pytest.mark.parametrize(
    ("rate", "counted"),
    [
        (Fraction(25), Fraction(25)),
        (Fraction(2997, 100), NTSC),
        (Fraction(359, 12), None),
        (Fraction(25, 2), None),
        (Fraction(23976, 1000), Fraction(24000, 1001)),
        (None, None),
    ],
)
def test_rates_that_timecode_counts(rate: Fraction | None, counted: Fraction | None) -> None:
    found = timecode_for(rate)
    assert (found and found.rate) == counted


@pytest.mark.parametrize("rate", [each.rate for each in STANDARD], ids=str)
def test_requirement_29_every_rate_is_read_back(rate: Fraction) -> None:
    spans = [
        (Fraction(125, 2), Fraction(66)),
        (Fraction(605), Fraction(3611)),
        (Fraction(7000), Fraction(7001)),
    ]
    files, said = exported("edl", clocked(spans, rate=rate))
    assert (read_edl(files), said) == (spans, [])
    (text,) = (data.decode() for data in files.values())
    assert ("FCM: DROP FRAME" in text) is (rate.denominator == 1001 and rate > 24)


def test_pycmx_reads_it() -> None:
    pycmx = pytest.importorskip("pycmx")
    import io

    files, _ = exported("edl", clocked([(Fraction(25, 2), Fraction(17)), (Fraction(15), Fraction(20))]))
    (text,) = (data.decode() for data in files.values())
    parsed = pycmx.parse_cmx3600(io.StringIO(text))
    edits = [edit for event in parsed.events for edit in event.edits]
    assert [(e.source_in, e.source_out, e.record_in, e.record_out) for e in edits] == [
        ("00:00:12:12", "00:00:17:00", "00:00:00:00", "00:00:04:13"),
        ("00:00:15:00", "00:00:20:00", "00:00:04:13", "00:00:09:13"),
    ]
    assert [e.clip_name for e in edits] == ["cam1.mp4"] * 2
    assert not list(parsed.unrecognized_statements)


@pytest.mark.parametrize(
    ("rate", "told"),
    [(Fraction(25, 2), "12.5 frames/s"), (Fraction(2000, 67), "29.8507 frames/s"), (None, "unknown")],
)
def test_a_rate_that_cannot_be_counted_is_said(rate: Fraction | None, told: str) -> None:
    spans = [(Fraction(2, 25), Fraction(1))]
    files, said = exported("edl", clocked(spans, rate=rate))
    assert said == [f"the frames of cam1.mp4 ({told}), which timecode cannot count: times are at 25 frames/s"]
    assert read_edl(files) == spans


def test_a_list_numbers_999_events_and_no_more() -> None:
    spans = [(Fraction(n), n + Fraction(1, 2)) for n in range(1001)]
    files, _ = exported("edl", clocked(spans))
    assert list(files) == ["cam1.edl", "cam1-2.edl"]
    assert read_edl(files) == spans


def test_what_timecode_does_not_reach_is_said() -> None:
    day = Fraction(24 * 3600)
    files, said = exported("edl", clocked([(Fraction(1), Fraction(2)), (day + 1, day + 2)]))
    assert said == ["1 appearance after 24 hours of a recording, which timecode does not reach"]
    assert read_edl(files) == [(1, 2)]
