"""What the table of ``retrofr search`` says about times, damage, gaps and digests."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from fractions import Fraction
from typing import Any, get_args

import pytest

from fixed_results import CHECKED_CLOCK, FILE_NAME_CLOCK, NIGHT, appearance, search_result, stream
from retrofr.clock import ClockOrigin, WallClock
from retrofr.integrity import NOT_LISTED
from retrofr.records import RangeKind, TimeRange
from retrofr.results import Coverage, SearchResult, Unsearched, mark_changed

SEARCH = ("search", "footage", "--probe", "suspect.jpg", "--format", "table")
ISO_NIGHT = NIGHT.isoformat()
Golden = Callable[[str, str], None]


def ranges(*spans: tuple[RangeKind, int, int]) -> tuple[TimeRange, ...]:
    return tuple(TimeRange(kind, Fraction(start), Fraction(end), 0) for kind, start, end in spans)


def eventful() -> SearchResult:
    """Everything at once that a statement can have to say."""
    coverage = Coverage(
        streams=(
            stream("cam1_20240114_225812.mp4", camera="front door", hash_check="md5 as in list.md5, line 1"),
            stream(
                "yard.mkv",
                searched_seconds=Fraction(90),
                suspect_seconds=Fraction(4),
                suspect_frames=100,
                missing_seconds=Fraction(12),
                lost_seconds=Fraction(8),
                outside_seconds=Fraction(10),
                problems=("the decoder crashed (SIGSEGV) at 0:00:50.000",),
                ranges=ranges(
                    ("searched", 0, 20),
                    ("suspect", 20, 22),
                    ("searched", 22, 50),
                    ("lost", 50, 58),
                    ("suspect", 58, 60),
                    ("searched", 60, 98),
                    ("missing", 98, 110),
                    ("outside", 110, 120),
                ),
                clock=CHECKED_CLOCK,
                sha256_after="f" * 64,
                hash_check=NOT_LISTED,
            ),
            stream("hall.mp4", codec_reports_damage=False, hash_check=NOT_LISTED),
        ),
        unsearched=(Unsearched("gate.mp4", "its md5 is 1, and list.md5, line 2, says 2", kind="integrity"),),
        not_in_footage=("player.exe", "cam9.mp4"),
    )
    note = f"this local time occurs twice in Europe/London, {ISO_NIGHT}+01:00 and {ISO_NIGHT}+00:00"
    hits = (
        appearance(1, 0.61, "yard.mkv", clock=CHECKED_CLOCK, faces_suspect=3, best_suspect=True),
        appearance(2, 0.5, camera="front door", clock_note=note),
        appearance(3, 0.4, "hall.mp4", faces_suspect=1),
    )
    return search_result(hits=mark_changed(hits, coverage), candidates=(), coverage=coverage)


def test_everything_at_once_on_100_columns(run: Any, fake_search: Any, golden: Golden) -> None:
    fake_search.gives = eventful()
    result = run(*SEARCH, columns=100)
    assert (result.exit_code, result.stderr) == (4, "")
    assert max(map(len, result.stdout.splitlines())) <= 100
    golden("eventful-100.txt", result.stdout)


def printed(run: Any, fake_search: Any, **changes: Any) -> str:
    fake_search.gives = search_result(**{"candidates": ()} | changes)
    output: str = run(*SEARCH, columns=300).stdout
    return output


def told(run: Any, fake_search: Any, *streams: Any, **coverage: Any) -> str:
    return printed(run, fake_search, hits=(), coverage=Coverage(streams, **coverage))


@pytest.mark.parametrize(
    ("clock", "cell", "note"),
    [
        (
            FILE_NAME_CLOCK,
            "2024-01-14 22:58:24 – 22:58:29 ?",
            "? wall clock: file name; clock unverified",
        ),
        (
            WallClock(FILE_NAME_CLOCK.origin, CHECKED_CLOCK.zone),
            "2024-01-14 22:58:24 – 22:58:29+0100 ?",
            "? wall clock: file name; clock unverified",
        ),
        (
            WallClock(FILE_NAME_CLOCK.origin, offset=timedelta(seconds=90)),
            "2024-01-14 22:59:54 – 22:59:59 ±",
            "± wall clock: file name, adjusted by +0:01:30.000; clock offset given, no record of a check",
        ),
        (
            CHECKED_CLOCK,
            "2024-01-14 22:51:21 – 22:51:26+0100 ±",
            "± wall clock: file name, adjusted by -0:07:03.000; clock checked 2024-04-02 by PC Smith",
        ),
    ],
)
def test_requirement_09_a_wall_clock_is_marked_by_what_is_known_of_it(
    run: Any, fake_search: Any, clock: WallClock, cell: str, note: str
) -> None:
    lines = printed(run, fake_search, hits=(appearance(1, 0.5, clock=clock),)).splitlines()
    assert any(cell in line for line in lines)
    assert note in lines
    recorder = [line.strip() for line in lines if "recorder: " in line]
    assert recorder == (["recorder: 2024-01-14 22:58:24 – 22:58:29"] if clock.offset else [])


def test_an_appearance_over_a_change_of_the_clocks_shows_both_offsets(run: Any, fake_search: Any) -> None:
    hit = dataclasses.replace(
        appearance(1, 0.5),
        start_time_adjusted="2024-10-27T01:59:58.000000+01:00",
        end_time_adjusted="2024-10-27T01:00:02.500000+00:00",
    )
    assert "2024-10-27 01:59:58+0100 – 01:00:03+0000 ?" in printed(run, fake_search, hits=(hit,))


def test_no_report_of_damage_is_never_called_undamaged(run: Any, fake_search: Any) -> None:
    quiet = told(run, fake_search, stream("a.mp4"), stream("b.mp4", codec_reports_damage=False))
    assert (
        "damage        no decoder-reported damage\n"
        "              the decoder does not report all damage of its kind of video: b.mp4, stream 0\n"
    ) in quiet
    assert "undamaged" not in quiet


@pytest.mark.parametrize("kind", sorted(set(get_args(RangeKind)) - {"searched"}))
def test_every_kind_of_time_is_summed(run: Any, fake_search: Any, kind: RangeKind) -> None:
    short = [stream(name, **{f"{kind}_seconds": Fraction(5, 2)}) for name in ("a.mp4", "b.mp4")]
    text = told(run, fake_search, *short)
    label = {"suspect": "damage", "outside": "left out", "static": "left out"}.get(kind, "not searched")
    (line,) = [line for line in text.splitlines() if "0:00:05.000" in line]
    assert line.startswith(label)
    everything = "not searched  nothing: all of what was asked for was searched" in text
    assert everything is (kind in ("outside", "static"))


def test_only_the_first_ranges_are_listed(run: Any, fake_search: Any) -> None:
    many = ranges(*[("unreadable", n, n + 1) for n in range(0, 20, 2)])
    text = told(run, fake_search, stream("a.mp4", unreadable_seconds=Fraction(10), ranges=many))
    assert (
        "partly        a.mp4, stream 0: unreadable 0:00:00.000 – 0:00:01.000; unreadable 0:00:02.000 – 0:00:03.000; "
        "unreadable 0:00:04.000 – 0:00:05.000; and 7 more, see --format json or --out DIR\n"
    ) in text


def test_the_folder_of_a_run_is_where_all_ranges_are(run: Any, fake_search: Any, tmp_path: Any) -> None:
    many = ranges(*[("gap", n, n + 1) for n in range(0, 20, 2)])
    fake_search.gives = search_result(coverage=Coverage((stream("a.mp4", ranges=many),)))
    assert "and 7 more, see coverage.csv\n" in run(*SEARCH, "--out", tmp_path / "out", columns=200).stdout


def test_digests_taken_again_are_told(run: Any, fake_search: Any) -> None:
    streams = [stream(name, sha256_after=stream(name).exhibit_sha256) for name in ("a.mp4", "b.mp4")]
    text = told(run, fake_search, *streams, dataclasses.replace(streams[0], stream=1))
    assert "digests       SHA-256 the same before and after the search: 2 of 2 exhibits\n" in text


def test_clocks_that_disagree_are_told_where_no_hit_tells_it(run: Any, fake_search: Any) -> None:
    hint = ClockOrigin(NIGHT + timedelta(hours=1), "container creation time", "creation time")
    clock = WallClock(FILE_NAME_CLOCK.origin, hints=(hint,))
    coverage = Coverage((stream("a.mp4", clock=clock), stream("a.mp4", clock=clock)))
    (note,) = coverage.streams[0].clock_notes
    first_line = f"clocks        a.mp4: {note[:60]}"
    assert printed(run, fake_search, hits=(), coverage=coverage).count(first_line) == 1
    hit = appearance(1, 0.5, "a.mp4", clock=clock, clock_note=note)
    text = printed(run, fake_search, hits=(hit,), coverage=coverage)
    assert first_line not in text
    assert f"#1: {note[:60]}" in text


def test_what_a_selection_leaves_out_is_told_and_no_gap(run: Any, fake_search: Any) -> None:
    left_out = tuple(Unsearched(name, "camera yard was not asked for") for name in ("b.mp4", "c.mp4"))
    fake_search.gives = search_result(coverage=Coverage((stream("a.mp4"),), left_out=left_out))
    result = run(*SEARCH)
    assert result.exit_code == 0
    assert (
        "not searched  nothing: all of what was asked for was searched\n"
        "left out      camera yard was not asked for (2):\n"
        "              - b.mp4\n"
        "              - c.mp4\n"
    ) in result.stdout


def test_footage_all_outside_the_window_was_not_searched(run: Any, fake_search: Any) -> None:
    outside = stream(
        "a.mp4", frames=0, samples=0, searched_seconds=Fraction(0), outside_seconds=Fraction(120)
    )
    fake_search.gives = search_result(hits=(), candidates=(), compared=0, coverage=Coverage((outside,)))
    result = run(*SEARCH)
    assert result.exit_code == 3
    assert "No hit for suspect. Nothing could be searched." in result.stdout
    assert "left out      0:02:00.000 outside what was asked for\n" in result.stdout


def test_notes_of_a_stream_are_told_and_no_gap(run: Any, fake_search: Any) -> None:
    coverage = Coverage((stream("a.ts", notes=("times counted at 12.5 frames/s, as given",)),))
    fake_search.gives = search_result(coverage=coverage)
    result = run(*SEARCH)
    assert result.exit_code == 0
    assert "noted         a.ts, stream 0: times counted at 12.5 frames/s, as given\n" in result.stdout
