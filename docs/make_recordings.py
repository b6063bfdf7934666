"""Writes docs/recordings.md from the table that drives the tests. usage: python docs/make_recordings.py"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "recordings.md"
sys.path.insert(0, str(ROOT / "tests" / "support"))

from recordings.cases import Case, Group, read_table  # noqa: E402  (found by the line above)

_ENDS = {"searched": "searched", "gaps": "searched with gaps", "none": "not searched"}

_HEAD = """\
# What Retrofr does with damaged and odd recordings

<!-- Written by docs/make_recordings.py from tests/recordings/cases.toml. Change those, not this page. -->

An examiner will be asked when something was seen, and whether anything was missed. This page says, for every kind of
recording that was thought of, what retrofr does with it. It is written from the table that drives the tests:
{files} files, {made} of them made by the tests with a number in every frame, so that a test knows which frames came
out, at what time, and whether they are as they were recorded. The others come from the test suites of other projects.

How a recording ends:

- **searched**: every frame was decoded, and nothing was reported missing or damaged.
- **searched with gaps**: something of it could not be searched, or its pictures may be damaged. What and why is in the
  coverage, with times. The run ends with exit code 10.
- **not searched**: no picture of it was seen. It never counts as searched. The run ends with exit code 10, or 3 where
  nothing at all could be searched.

Three rules hold for all of them:

- Decoding runs in a process of its own with a watchdog. A crash or a hang of the decoder costs the slice of the
  recording that it was at; that slice is listed as lost, and the run goes on.
- Footage is opened read-only and never changed. Its SHA-256 is taken before and after; a file that changes in between
  is not searched.
- Times are exact fractions from the recording. Where a time had to be worked out, its source says so: `dts`,
  `interpolated` or `assumed rate` instead of `pts`.

See [Time](time.md) for wall clocks, [Inspecting footage](inspect.md) for the facts of a file without a search, and
[Output](output.md) for where all of this is written.
"""

# The figures: python benchmarks/damage.py --seeds 12, PyAV 18.1.0; they do not depend on the machine's speed.
_TAIL = """\
## How much damage is noticed

Clips of 250 frames with 5 or 60 flipped bits, 24 files for each codec (`python benchmarks/damage.py`). A frame is
damaged where a block of 16 × 16 pixels is 30 grey levels or more from what was drawn, or where it shows another frame.

| codec | damaged frames | not labelled | share | files with such |
|---|---|---|---|---|
| H.264, baseline (CAVLC) | 804 | 0 | 0.0 % | 0 of 24 |
| H.264, high (CABAC) | 1125 | 1 | 0.1 % | 1 of 24 |
| H.264, high, with B-frames | 1103 | 0 | 0.0 % | 0 of 24 |
| HEVC | 954 | 709 | 74.3 % | 23 of 24 |
| MPEG-4 in AVI | 858 | 0 | 0.0 % | 0 of 24 |
| MPEG-2 | 649 | 48 | 7.4 % | 7 of 24 |
| MJPEG in AVI | 278 | 63 | 22.7 % | 19 of 24 |

## What cannot be known, and what was not tested

- **Damage that a decoder does not notice** cannot be reported; with HEVC that is most of it.
- **Where no duration is declared** (MPEG-TS, DAV, bare streams, fragmented MP4), a recording that was cut between two
  pictures looks like one that ended there.
- **A clock is only as right as the recorder's.** Without a check against true time, every wall-clock time is marked
  as unverified.
- **All recordings of makers' formats were written by hand.** Real exports of Dahua, Hikvision and others vary; formats
  such as .g64, SVAC and encrypted exports were not tested. What does not open is listed as not searched.
- **Reference:** measured with PyAV 18.1 (FFmpeg 8.1). Another FFmpeg hides damage in other ways, which is why
  retrofr pins it.
"""


def page() -> str:
    """The whole page."""
    groups, cases = read_table()
    files = {expected.file: expected for case in cases for expected in case.files}
    made = sum(expected.is_made for expected in files.values())
    sections = [_HEAD.format(files=len(files), made=made)]
    sections += [_section(group, [case for case in cases if case.group == group.key]) for group in groups]
    return "\n".join([*sections, _TAIL])


def _section(group: Group, cases: list[Case]) -> str:
    rows = [
        "| the recording | what happens | what retrofr does | how it ends |",
        "|---|---|---|---|",
        *(f"| **{case.title}** | {case.happens} | {case.does} | {_end(case)} |" for case in cases),
    ]
    return "\n".join([f"## {group.title}", "", group.intro, "", *rows, ""])


def _end(case: Case) -> str:
    """Every way in which the files of a case end, best first."""
    found = {status for expected in case.files for status in expected.statuses}
    if not found:
        return _ENDS["none"]
    return "; or ".join(text for status, text in _ENDS.items() if status in found)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
