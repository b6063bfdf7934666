"""Everything in the folder of broken, exotic and lying files goes through without a surprise."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from retrofr.errors import ExhibitError
from retrofr.records import Exhibit
from retrofr.settings import SamplingSettings
from retrofr.video.container import open_exhibit
from retrofr.video.footage import FootageFile, find_footage
from retrofr.video.reader import CoverageFacts, read_samples

pytestmark = pytest.mark.slow

# Licences and read-me files lie among the media.
NOT_MEDIA = {"", ".txt", ".md"}


@pytest.fixture(scope="module")
def outcomes(shared_data: Path) -> dict[str, str | list[CoverageFacts]]:
    """Of each file: the reason why it was not opened, or the coverage of its streams."""
    files = sorted(p for p in (shared_data / "odd").rglob("*") if p.is_file() and p.suffix not in NOT_MEDIA)
    found: dict[str, str | list[CoverageFacts]] = {}
    for path in files:
        try:
            exhibit = open_exhibit(FootageFile(path, path.name))
            found[str(path)] = [coverage(exhibit, stream.index) for stream in exhibit.streams]
        except ExhibitError as error:
            found[str(path)] = error.reason if error.subject == path.name else f"wrong subject: {error}"
    return found


def coverage(exhibit: Exhibit, stream: int) -> CoverageFacts:
    with read_samples(exhibit, stream, SamplingSettings(rate=0.5, gate=False)) as reader:
        samples = list(reader)
    facts = reader.coverage_facts
    assert facts.samples == len(samples)
    for sample in samples:
        assert sample.frame.until_seconds > sample.frame.seconds
    return facts


def test_each_kind_of_trouble_is_told_apart(outcomes: dict[str, str | list[CoverageFacts]]) -> None:
    reasons = [outcome for outcome in outcomes.values() if isinstance(outcome, str)]
    without_video = [r for r in reasons if r.startswith(("holds sound only", "no video stream"))]
    stills = [r for r in reasons if r.startswith("holds still pictures")]
    cut = [r for r in reasons if r == "its video index (moov) is cut off, so none of it could be searched"]
    encrypted = [r for r in reasons if r.startswith("its video is encrypted")]
    assert len(without_video) == 12
    assert len(encrypted) == 2
    assert len(stills) == 3
    # 13 do not open at all. One that opens has no stream, because its index is cut off, and says so.
    assert len(reasons) - len(without_video) - len(stills) - len(encrypted) == 13 + 1
    assert len(cut) == 2


def test_no_frame_means_not_searched(outcomes: dict[str, str | list[CoverageFacts]]) -> None:
    read = [facts for outcome in outcomes.values() if not isinstance(outcome, str) for facts in outcome]
    empty = [facts for facts in read if facts.frames == 0]
    assert all(facts.searched_seconds == 0 and facts.samples == 0 and facts.segments == 0 for facts in empty)
    silent = [f for f in empty if f.problems == ["the decoder gave no picture and reported no error"]]
    damaged = [f for f in empty if f.problems[0] == "no picture could be decoded"]
    assert len(silent) == 5
    assert len(damaged) == len(empty) - 5 == 2
    assert all(facts.searched_seconds > 0 and facts.samples > 0 for facts in read if facts.frames)


def test_sound_files_report_no_loss(outcomes: dict[str, str | list[CoverageFacts]]) -> None:
    read = [facts for outcome in outcomes.values() if not isinstance(outcome, str) for facts in outcome]
    whole = [facts for facts in read if not facts.problems]
    assert len(whole) > 70
    assert {r.kind for facts in whole for r in facts.ranges} == {"searched"}
    assert all(facts.suspect_frames == 0 for facts in whole)


def test_ranges_of_every_file_add_up(outcomes: dict[str, str | list[CoverageFacts]]) -> None:
    read = [facts for outcome in outcomes.values() if not isinstance(outcome, str) for facts in outcome]
    for facts in read:
        seen = [r.seconds for r in facts.ranges if r.kind in ("searched", "suspect")]
        assert sum(seen) == facts.searched_seconds
        for kind in ("suspect", "missing", "gap", "unreadable", "outside"):
            told = sum(r.seconds for r in facts.ranges if r.kind == kind)
            assert told == getattr(facts, f"{kind}_seconds")
        for a, b in pairwise(facts.ranges):
            assert b.segment > a.segment or b.start_seconds >= a.end_seconds


def test_a_packet_is_lost_and_not_the_rest(outcomes: dict[str, str | list[CoverageFacts]]) -> None:
    (corrupted,) = [o for path, o in outcomes.items() if path.endswith("corrupted.mp4")]
    assert isinstance(corrupted, list)
    assert corrupted[0].frames == 49  # reading on after the error; stopping at it gives 28
    assert corrupted[0].damaged_packets == 1


def test_the_folder_as_a_whole(shared_data: Path) -> None:
    found = find_footage([shared_data / "odd"])
    names = [file.name for file in found.files]
    assert len(set(names)) == len(names) > 90
    assert any(name.endswith("LICENSE.txt") for name in found.ignored)
