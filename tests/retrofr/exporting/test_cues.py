"""WebVTT and SRT: what a player shows, when, and what it must not take for anything else."""

from __future__ import annotations

import html
from fractions import Fraction
from pathlib import Path

import pytest

from exported import clocked, exported, material, outwards
from fixed_results import CHECKED_CLOCK, appearance, stream
from retrofr.exporting._cues import cues_of, stamp
from retrofr.exporting._words import file_names, json_line, one_line
from retrofr.results import Coverage

ONE = [(Fraction(25, 2), Fraction(17))]


def test_a_cue_says_who_where_and_that_it_is_to_be_examined() -> None:
    files, said = exported("webvtt", clocked(ONE))
    text = files["cam1.vtt"].decode()
    assert said == []
    assert text.startswith("WEBVTT cam1.mp4\n\nNOTE\nretrofr ")
    assert "\nInvestigative leads, to be examined by a person.\n\n" in text
    assert text.endswith(
        "\n\nhit-1\n00:00:12.500 --> 00:00:17.000\nHit 1 for suspect: score 0.899, to be examined\n"
        "2024-01-14 22:51:21+01:00 (clock checked 2024-04-02 by PC Smith)\n"
    )


def test_srt_has_the_same_cues() -> None:
    files, said = exported("srt", clocked(ONE))
    assert said == []
    assert files == {
        "cam1.srt": b"1\n00:00:12,500 --> 00:00:17,000\nHit 1 for suspect: score 0.899, to be examined\n"
        b"2024-01-14 22:51:21+01:00 (clock checked 2024-04-02 by PC Smith)\n"
    }


def test_what_was_not_searched_is_shown_while_it_runs() -> None:
    place = ("stairs/night – deck 3.mkv", f"{sum(map(ord, 'stairs/night – deck 3.mkv')):064x}")
    told = [cue.lines for cue in cues_of(material(), place) if cue.stretch]
    assert told == [
        ("not searched: unreadable (3 damaged packets), 0:10:00.000 to 0:10:02.000",),
        ("searched in damaged pictures (until the next keyframe), 0:10:02.000 to 0:10:02.500",),
    ]


def test_tags_of_a_name_are_shown_and_not_obeyed() -> None:
    webvtt = pytest.importorskip("webvtt")
    found = (appearance(1, 0.5, "a.mp4", probe="<b>x</b> & {\\an8} -->"),)
    whole = material(appearances=found, coverage=Coverage())
    text = exported("webvtt", whole)[0]["a.vtt"].decode()
    (cue,) = webvtt.from_string(text).captions
    assert html.unescape(cue.raw_text).startswith("Hit 1 for <b>x</b> & {\\an8} -->: score")
    assert text.count("-->") == 1
    shown = exported("srt", whole)[0]["a.srt"].decode()
    assert not set("<{}") & set(shown)
    assert shown.count(">") == 1


def test_a_time_is_never_shown_shorter_than_it_is() -> None:
    third = Fraction(1, 3)
    short = clocked([(third, third + Fraction(1, 90_000))])
    (cue,) = cues_of(short, short.places[0])
    assert cue.milliseconds == (333, 334)


def test_long_recordings_have_more_digits() -> None:
    assert stamp(100 * 3_600_000 + 1, ".") == "100:00:00.001"


def test_exhibits_with_nothing_to_show() -> None:
    files, said = exported("srt", clocked([]))
    assert (files, said) == ({}, ["1 exhibit with nothing to show, which have no file"])
    assert list(exported("webvtt", clocked([]))[0]) == ["cam1.vtt"]


def test_several_streams_of_an_exhibit_are_told_apart() -> None:
    found = tuple(
        appearance(n, 0.5, "a.mp4", n, n + 1, CHECKED_CLOCK, stream=n - 1, camera="yard") for n in (1, 2)
    )
    covered = Coverage(tuple(stream("a.mp4", stream=n) for n in (0, 1)))
    text = exported("srt", material(appearances=found, coverage=covered))[0]["a.srt"].decode()
    assert "yard, stream 0, 2024" in text
    assert "yard, stream 1, 2024" in text


@pytest.mark.parametrize(
    ("names", "files"),
    [
        (("a/b.mp4", "a/c.mkv"), ("a/b.vtt", "a/c.vtt")),
        (("a.mp4", "A.mkv"), ("a.mp4.vtt", "A.mkv.vtt")),
        (("/x/../y.mp4",), ("x/y.vtt",)),
        (("con:a?.mp4",), ("con_a_.vtt",)),
        ((".mp4",), (".mp4.vtt",)),
        (("a\nb.mp4",), ("a_b.vtt",)),
    ],
)
def test_files_are_called_like_the_exhibits(names: tuple[str, ...], files: tuple[str, ...]) -> None:
    places = [(name, "ab" * 32) for name in names]
    assert tuple(file_names(places, ".vtt").values()) == files


def test_exhibits_of_one_name_have_digests_in_their_files_names() -> None:
    places = [("a.mp4", "ab" * 32), ("a.mp4", "cd" * 32)]
    assert list(file_names(places, ".srt").values()) == ["a.mp4-abababab.srt", "a.mp4-cdcdcdcd.srt"]


def test_text_stays_on_its_line() -> None:
    assert one_line("a\u2028b\u202ec\udcff\x85") == "a\\u2028b\\u202ec\\udcff\\x85"
    assert json_line({"a": "\x85\U000e0001"}) == '{"a": "\\u0085\\udb40\\udc01"}'


@pytest.mark.parametrize("name", ["webvtt", "srt"])
def test_ffmpeg_reads_the_cues(name: str, tmp_path: Path) -> None:
    import av

    spans = [(Fraction(25, 2), Fraction(17)), (Fraction(1, 3), Fraction(3601))]
    ((file_name, data),) = exported(name, clocked(spans))[0].items()
    (tmp_path / file_name).write_bytes(data)
    with av.open(tmp_path / file_name) as container:
        packets = [packet for packet in container.demux() if packet.size]
        times = [(packet.pts * packet.time_base, packet.duration * packet.time_base) for packet in packets]
    assert [(start, start + length) for start, length in times] == outwards(spans)
    assert b"to be examined" in bytes(packets[0])
