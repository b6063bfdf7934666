"""Everything in one go: each file has its status, and each hit its time. Slow; it prints what it counted."""

from __future__ import annotations

import hashlib
import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import barcode_parts
import retrofr
from recordings import number_in
from recordings.cases import Expected, expectations, read_table
from recordings.picture import picture
from retrofr import registry
from retrofr.clock import disagreement
from retrofr.results import Appearance, SearchResult
from retrofr.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("acceptance")]

FRAME = Fraction(1, 25)
EXPECTATIONS = expectations()
EXIT_CODES = {"searched": 0, "gaps": 10, "none": 3}


@pytest.fixture(scope="module")
def parts() -> Iterator[Settings]:
    """Settings that choose the detector of numbered frames."""
    found = barcode_parts.entry_points()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "_foreign", lambda kind: {"fake": found[kind]} if kind in found else {})
        yield Settings.from_mapping(barcode_parts.SETTINGS)


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("probe") / "somebody.png"
    Image.fromarray(np.repeat(picture(0)[:, :, None], 3, axis=2)).save(path)
    return path


def every_file(made: Path, odd: Path | None) -> list[Path]:
    # Named one by one, so that nothing is left out for its ending.
    return sorted(made.iterdir()) + ([odd] if odd else [])


@pytest.fixture(scope="module")
def odd(request: pytest.FixtureRequest) -> Path | None:
    """The shared folder of odd files; without it the rest is tested all the same."""
    try:
        return Path(request.getfixturevalue("shared_data")) / "odd"
    except pytest.skip.Exception:
        return None


@pytest.fixture(scope="module")
def result(made: Path, odd: Path | None, parts: Settings, probe: Path) -> SearchResult:
    return retrofr.search(every_file(made, odd), [probe], settings=parts, keep_stills=True)


def status_of(expected: Expected, result: SearchResult) -> str:
    for stream in result.coverage.streams:
        if stream.exhibit == expected.file and stream.stream == expected.stream:
            return "gaps" if stream.problems else "searched"
    named = {expected.file, f"{expected.file}, stream {expected.stream}"}
    listed = named & ({u.subject for u in result.coverage.unsearched} | set(result.coverage.ignored))
    return "none" if listed else "not accounted for"


def of_made_files() -> list[Expected]:
    return [expected for expected in EXPECTATIONS if expected.is_made]


def test_each_file_has_its_status(result: SearchResult) -> None:
    found = {e.id: status_of(e, result) for e in of_made_files()}
    wrong = {e.id: found[e.id] for e in of_made_files() if found[e.id] not in e.statuses}
    assert wrong == {}
    assert result.exit_code == 10
    assert not result.coverage.interrupted


def test_each_file_gives_its_frames(result: SearchResult) -> None:
    frames = {(s.exhibit, s.stream): s.frames for s in result.coverage.streams}
    short = {
        e.id: frames.get((e.file, e.stream), 0)
        for e in of_made_files()
        if frames.get((e.file, e.stream), 0) < e.frames
    }
    assert short == {}


def test_no_file_without_a_frame_counts_as_searched(result: SearchResult) -> None:
    for stream in result.coverage.streams:
        assert stream.frames > 0
        assert stream.samples > 0
        assert stream.searched_seconds > 0
    nothing = {e.file for e in of_made_files() if e.status == "none"}
    assert nothing.isdisjoint(stream.exhibit for stream in result.coverage.streams)


def test_each_file_is_accounted_for_once(result: SearchResult, made: Path, odd: Path | None) -> None:
    searched = {stream.exhibit for stream in result.coverage.streams}
    unsearched = {re.sub(r", stream \d+$", "", u.subject) for u in result.coverage.unsearched}
    ignored = set(result.coverage.ignored)
    assert not searched & unsearched
    assert not (searched | unsearched) & ignored
    files = sum(path.is_file() for top in every_file(made, odd) for path in [top, *top.rglob("*")])
    assert len(searched | unsearched | ignored) == files


def number_of(hit: Appearance) -> int | None:
    assert hit.still_pictures is not None
    return number_in(np.asarray(Image.open(io.BytesIO(hit.still_pictures.frame_jpeg))))


def is_suspect(hit: Appearance, result: SearchResult) -> bool:
    for stream in result.coverage.streams:
        if (stream.exhibit, stream.stream) == (hit.exhibit, hit.stream):
            inside = [r for r in stream.ranges if r.segment == hit.segment and r.kind == "suspect"]
            return any(r.start_seconds <= hit.best_seconds < r.end_seconds for r in inside)
    raise AssertionError(f"{hit.exhibit} has a hit and is not in the coverage")


def hides_damage(expected: Expected) -> bool:
    """A damaged file whose decoder does not report all damage: a picture's number may be that of an earlier one."""
    return expected.blind and "gaps" in expected.statuses


def checked_hits(result: SearchResult) -> Iterator[tuple[Expected, Appearance, int]]:
    """Hits in files with known numbers, but those in pictures that are known to be damaged."""
    by_stream = {(e.file, e.stream): e for e in of_made_files() if e.barcode and e.status != "none"}
    for hit in result.hits:
        expected = by_stream.get((hit.exhibit, hit.stream))
        if expected is None or hides_damage(expected) or is_suspect(hit, result):
            continue
        number = number_of(hit)
        assert number is not None, f"{hit.exhibit} at {float(hit.best_seconds)} s shows no number"
        yield expected, hit, number


def test_each_hit_is_at_its_time(result: SearchResult) -> None:
    checked: Counter[str] = Counter()
    errors: defaultdict[tuple[str, int, int], list[Fraction]] = defaultdict(list)
    for expected, hit, number in checked_hits(result):
        error = hit.best_seconds - expected.seconds_of(number)
        errors[hit.exhibit, hit.stream, hit.segment].append(error)
        checked[hit.exhibit] += 1
        if expected.first >= 0:
            assert abs(error) < FRAME, f"{hit.exhibit}: number {number} at {float(hit.best_seconds)} s"
            assert_inside_visit(expected, hit, number)
    for where, found in errors.items():
        assert max(found) - min(found) < FRAME, where
    with_visit = {e.file for e in of_made_files() if e.barcode and not hides_damage(e) and e.frames}
    assert with_visit - set(checked) == set()


def assert_inside_visit(expected: Expected, hit: Appearance, number: int) -> None:
    """An appearance lies where the face is to be seen: a frame at most beyond either end."""
    first, end = barcode_parts.visit_of(number)
    if expected.times == "even":
        assert hit.start_seconds > expected.seconds_of(max(first, expected.first)) - FRAME, hit
        assert hit.end_seconds < expected.seconds_of(end - 1) + 2 * FRAME, hit


def test_what_was_counted(result: SearchResult, odd: Path | None, capsys: pytest.CaptureFixture[str]) -> None:
    coverage = result.coverage
    reasons = Counter(u.reason for u in coverage.unsearched)
    files = {s.exhibit for s in coverage.streams} | {u.subject for u in coverage.unsearched}
    lines = [
        f"files {len(files)}{'' if odd else ' (without the shared odd ones)'}, ignored {len(coverage.ignored)}, "
        f"searched {len({s.exhibit for s in coverage.streams})}, "
        f"with gaps {len({s.exhibit for s in coverage.streams if s.problems})}",
        f"frames {sum(s.frames for s in coverage.streams)}, suspect {sum(s.suspect_frames for s in coverage.streams)}, "
        f"samples {sum(s.samples for s in coverage.streams)}",
        f"hits {len(result.hits)}, times compared {sum(1 for _ in checked_hits(result))}",
        f"not searched {len(coverage.unsearched)}:",
        *(f"  {count:3} {reason[:100]}" for reason, count in reasons.most_common()),
    ]
    with capsys.disabled():
        print("\n" + "\n".join(lines))  # noqa: T201  (counts that a person asked for)
    assert sum(reasons.values()) == len(coverage.unsearched)


def one_of_each() -> list[Expected]:
    """The first file of each group that ends in each way."""
    first: dict[tuple[str, str], Expected] = {}
    for case in read_table()[1]:
        for expected in filter(lambda e: e.is_made, case.files):
            first.setdefault((case.group, expected.status), expected)
    return list(first.values())


@pytest.mark.parametrize("expected", one_of_each(), ids=lambda expected: expected.id)
def test_exit_code_of_a_file_alone(expected: Expected, made: Path, parts: Settings, probe: Path) -> None:
    alone = retrofr.search([made / expected.file], [probe], settings=parts)
    assert alone.exit_code in {EXIT_CODES[status] for status in expected.statuses}


# ---- inspect -----------------------------------------------------------------------------------------------


def test_inspect_reads_them_all(made: Path, odd: Path | None, capsys: pytest.CaptureFixture[str]) -> None:
    from retrofr.inspection import inspect

    inspection = inspect(every_file(made, odd), full=True)
    assert inspection.exit_code == 10
    assert not inspection.interrupted
    by_name = {file.name: file for file in inspection.files}
    wrong = {}
    for expected in of_made_files():
        file = by_name.get(expected.file)
        if file is None or file.unreadable:
            status = "none"
        else:
            (stream,) = [s for s in file.streams if s.facts.stream.index == expected.stream]
            assert stream.decoded is not None
            status = ("gaps" if stream.problems else "searched") if stream.decoded.frames else "none"
            missing = [p for p in expected.told if not any(re.search(p, t) for t in told(file))]
            if missing:
                wrong[expected.id] = f"nothing says {missing}: {told(file)}"
            if stream.decoded.frames < expected.frames:
                wrong[expected.id] = f"{stream.decoded.frames} frames"
        if status not in expected.statuses:
            wrong[expected.id] = status
    with capsys.disabled():
        unreadable = sum(file.unreadable is not None for file in inspection.files)
        print(f"\ninspected {len(inspection.files)}, of which nothing can be searched {unreadable}")  # noqa: T201
    assert wrong == {}


def told(file: Any) -> list[str]:
    """Every sentence of an inspected file."""
    own = [*file.problems, *file.notes, *map(repr, file.suggestions), *disagreement(file.clock)]
    return own + [text for stream in file.streams for text in (*stream.problems, *stream.notes)]


# ---- the footage stays as it was ---------------------------------------------------------------------------


def state_of(files: list[Path]) -> dict[Path, tuple[str, int, int]]:
    return {
        path: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns, path.stat().st_mode)
        for path in files
    }


@pytest.fixture
def read_only(made: Path, tmp_path: Path) -> Iterator[Path]:
    """A folder nothing can be written to, with some of every group."""
    folder = tmp_path / "evidence"
    folder.mkdir()
    for name in ("ok.mp4", "bitflip.ts", "trunc.avi", "dahua.dav", "raw.h264", "random.mp4", "pe.exe"):
        copy = folder / name
        copy.write_bytes((made / name).read_bytes())
        copy.chmod(0o444)
    folder.chmod(0o555)
    yield folder
    folder.chmod(0o755)


def test_requirement_08_footage_is_not_touched(made: Path, result: SearchResult) -> None:
    digests = {exhibit["name"]: exhibit["sha256"] for exhibit in _exhibits(result)}
    for path in made.iterdir():
        assert path.stat().st_mode & 0o777 == 0o444
        if path.name in digests:
            assert hashlib.sha256(path.read_bytes()).hexdigest() == digests[path.name]


def _exhibits(result: SearchResult) -> list[dict[str, str]]:
    exhibits = result.run["exhibits"]
    assert isinstance(exhibits, list)
    return exhibits


@pytest.mark.usefixtures("permissions_hold")
def test_a_folder_that_cannot_be_written_to_is_searched(
    read_only: Path, parts: Settings, probe: Path
) -> None:
    files = sorted(read_only.iterdir())
    before, listed = state_of(files), read_only.stat().st_mtime_ns
    result = retrofr.search([read_only], [probe], settings=parts)
    assert {s.exhibit for s in result.coverage.streams} == {
        "bitflip.ts",
        "dahua.dav",
        "ok.mp4",
        "pe.exe",
        "raw.h264",
        "trunc.avi",
    }
    assert [u.subject for u in result.coverage.unsearched] == ["random.mp4"]
    assert state_of(files) == before
    assert read_only.stat().st_mtime_ns == listed
    assert sorted(read_only.iterdir()) == files
