"""The search of a bundle run again: nothing differs here, and what does or cannot be done is named."""

from __future__ import annotations

import json
import shutil
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from bundled import INLINE, Bundled, search_again, settings, signed_anew, write_bundle
from oversight_files import authority_file, policy_file
from retrofr import recipe
from retrofr.case.store import create_case
from retrofr.case_search import search_case
from retrofr.case_selection import CaseSelection
from retrofr.disclosure.contents import CANDIDATES, read_recorded
from retrofr.disclosure.replaying import Replay, replay, replay_document
from retrofr.errors import ExhibitError, IntegrityError, ModelError, RefusedError, UsageError
from retrofr.events import Event, ExhibitFinished, ExhibitStarted, Skipped
from retrofr.indexing import index
from retrofr.integrity import sha256_file
from retrofr.notes import FootageNotes
from retrofr.oversight.declared import declare, undeclare
from retrofr.oversight.outside import OutsideLog
from retrofr.request import FootageRequest
from retrofr.selection import Selection, TimeWindow
from retrofr.sidecar import Given


def run(there: Bundled, bundle: Path | None = None, footage: Path | None = None, **options: Any) -> Replay:
    bundle, footage = bundle or there.bundle, footage or there.footage
    return replay(bundle, footage, [there.probe], device="cpu", index=INLINE, **options)


def kinds(found: Replay) -> list[str]:
    return [each.kind for each in found.compared.differences]


def test_requirement_10_a_bundle_replays_without_a_difference(
    bundled: Bundled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From recordings that lie elsewhere and are called otherwise; nothing of it is left."""
    other, place = tmp_path / "seized" / "disk 1", tmp_path / "place"
    other.mkdir(parents=True)
    place.mkdir()
    for number, path in enumerate(sorted(bundled.footage.iterdir())):
        shutil.copyfile(path, other / f"{number}.bin")
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    keys = sorted((bundled.folder / "keys").rglob("*"))
    seen: dict[str, bytes] = {}

    def look(event: Event) -> None:
        if isinstance(event, ExhibitFinished):
            there = [path for path in place.rglob("*") if path.is_file()]
            seen.update({path.name: path.read_bytes()[:16] for path in there})

    found = run(bundled, footage=tmp_path / "seized", listener=look)
    assert seen["case.db"] != b"SQLite format 3\x00"
    assert {name for name in seen if "key" in name or name.endswith(".jpg")} == set()
    recorded = found.recorded
    assert len(recorded.candidates) == found.compared.pairs >= 4
    assert {row["hit"] for row in recorded.candidates} == {True, False}
    assert (found.compared.differences, found.compared.largest, found.exit_code) == ((), 0.0, 0)
    assert (found.tracklets, found.missing) == (recorded.compared, ())
    assert list(place.iterdir()) == []
    assert sorted((bundled.folder / "keys").rglob("*")) == keys
    entry = OutsideLog.of_user().entries()[-1]
    assert (entry["action"], entry["operation"], entry["outcome"], entry["case"]) == (
        "replay", "combine", "done", None,
    )  # fmt: skip
    assert entry["details"] == {
        "bundle": found.verification.tag_manifest_sha256,
        "replayed_case": recorded.case_id,
        "replayed_search": 1,
        "probe_pictures": [sha256_file(bundled.probe)],
        "differences": 0,
        "missing_recordings": 0,
        "compared": recorded.compared,
    }


@pytest.mark.parametrize(
    ("selection", "left"),
    [
        (CaseSelection(Selection(TimeWindow.parse("0:01", "0:02.5"))), (6, 2)),
        (CaseSelection(Selection(TimeWindow.parse("2024-03-30T17:11:06", "17:11:08"))), (4, 1)),
        (CaseSelection(exhibits=("cam2*",)), (4, 1)),
        (CaseSelection(Selection(streams=(0,)), min_quality=0.33), (6, 2)),
    ],
    ids=["media time", "wall clock", "exhibit", "quality"],
)
def test_a_part_of_a_case_is_replayed_as_that_part(
    bundled: Bundled, tmp_path: Path, selection: CaseSelection, left: tuple[int, int]
) -> None:
    bundle = search_again(bundled, selection, tmp_path / "bundle")
    recorded = read_recorded(bundle)
    found = run(bundled, bundle)
    assert (kinds(found), found.tracklets, found.compared.largest) == ([], recorded.compared, 0.0)
    assert (recorded.compared, len(recorded.exhibits)) == left


def test_what_an_authority_limited_is_replayed_within_those_limits(bundled: Bundled, tmp_path: Path) -> None:
    scope = "from = 2024-03-30T17:11:06.25\nto = 2024-03-30T17:12:07"
    declare(authority=authority_file(tmp_path, scope=scope))
    try:
        bundle = search_again(bundled, CaseSelection(), tmp_path / "bundle")
    finally:
        undeclare()
    recorded = read_recorded(bundle)
    assert recorded.authority is not None
    assert all(exhibit.covered for exhibit in recorded.exhibits)
    assert 0 < recorded.compared < read_recorded(bundled.bundle).compared == 10
    found = run(bundled, bundle)
    assert (kinds(found), found.tracklets) == ([], recorded.compared)
    authority = json.loads((bundle / "data" / "authority.json").read_bytes())
    assert authority["authority"]["reference"] == recorded.authority


def test_an_authority_that_covers_less_than_the_search_is_refused(bundled: Bundled, tmp_path: Path) -> None:
    declare(authority=authority_file(tmp_path, scope='cameras = ["yard"]'))
    try:
        with pytest.raises(RefusedError, match="a replay looks at all that the search looked at"):
            run(bundled)
    finally:
        undeclare()
    entry = OutsideLog.of_user().entries()[-1]
    assert (entry["action"], entry["outcome"], entry["details"]["asked"]) == ("denied", "refused", "replay")


def test_a_policy_of_the_machine_holds_for_a_replay(
    bundled: Bundled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = policy_file(tmp_path / "policy.toml", 'require = ["authority"]')
    monkeypatch.setenv("RETROFR_POLICY", str(policy))
    told: list[Event] = []
    with pytest.raises(RefusedError) as caught:
        run(bundled, listener=told.append)
    assert (caught.value.exit_code, [e for e in told if isinstance(e, ExhibitStarted)]) == (8, [])
    assert OutsideLog.of_user().entries()[-1]["details"]["violations"] == ["authority"]


def test_footage_is_read_as_it_was_when_it_was_indexed(bundled: Bundled, tmp_path: Path) -> None:
    """A part of the time alone, with pixels that are not square; a second recording without either."""
    one, two = sorted(bundled.footage.iterdir())
    notes = FootageNotes(Given(pixel_aspect=Fraction(4, 3)))
    window = Selection(TimeWindow.parse("0:01", "0:03.5"))
    with create_case(tmp_path / "case") as case:
        index([one], case, settings=settings(), request=FootageRequest(notes, window))
        index([two], case, settings=settings())
        search_case(case, [f"{bundled.probe}#1"], settings=settings())
    write_bundle(tmp_path / "case", tmp_path / "bundle")
    recorded = read_recorded(tmp_path / "bundle")
    (first,), (second,) = (exhibit.streams for exhibit in recorded.exhibits)
    assert (first.pixel_aspect, first.windows) == (Fraction(4, 3), ((Fraction(1), Fraction(7, 2)),))
    assert (second.pixel_aspect, second.windows) == (None, ())
    found = run(bundled, tmp_path / "bundle")
    assert (kinds(found), found.compared.largest, found.tracklets) == ([], 0.0, recorded.compared)


def test_missing_recordings_are_named_and_the_others_replayed(bundled: Bundled, tmp_path: Path) -> None:
    shutil.copy(bundled.footage / "cam1_20240330_171105.mp4", tmp_path)
    told: list[Event] = []
    found = run(bundled, footage=tmp_path, listener=told.append)
    assert [(each.name, each.reason) for each in found.missing] == [
        ("cam2_20240330_171205.mp4", f"is not below {tmp_path}")
    ]
    assert (kinds(found), found.exit_code) == ([], 10)
    lacking = found.missing[0].sha256
    assert found.compared.pairs == sum(r["exhibit_sha256"] != lacking for r in found.recorded.candidates) > 0
    assert [event.subject for event in told if isinstance(event, Skipped)] == [found.missing[0].name]


def test_without_any_recording_nothing_is_replayed(bundled: Bundled, tmp_path: Path) -> None:
    """One that is called like a recording and differs in a byte is none."""
    path = tmp_path / "cam1_20240330_171105.mp4"
    data = bytearray((bundled.footage / path.name).read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    told: list[Event] = []
    with pytest.raises(ExhibitError, match="none of the 2 recordings of the bundle is there") as caught:
        run(bundled, footage=tmp_path, listener=told.append)
    assert (caught.value.exit_code, caught.value.subject) == (3, str(tmp_path))
    assert any("is called like a recording of the bundle, and is another" in str(event) for event in told)


def test_other_settings_or_weights_are_named(bundled: Bundled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipe, "TRACKLETS_VERSION", 99)
    with pytest.raises(ModelError) as caught:
        run(bundled)
    assert caught.value.reason == (
        "weights or settings are others here than those of the bundle: tracklets: 3 before, 99 now"
    )


def test_requirement_10_other_weights_than_those_of_the_bundle_are_named(
    bundled: Bundled, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fakes

    other = fakes.WeightsFile("fake", "fake", "1" * 64, 0, "none", "drawn in the test", "nothing")
    monkeypatch.setattr(fakes.ColourEmbedder, "weights", other)
    named = f"comparison.parts.0.weights_sha256: {'0' * 64} before, {'1' * 64} now"
    with pytest.raises(ModelError, match=named) as caught:
        run(bundled)
    assert caught.value.exit_code == 6


def test_the_pictures_must_be_those_that_were_searched_for(bundled: Bundled, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        replay(bundled.bundle, bundled.footage, [], index=INLINE)
    assert caught.value.reason == (
        "pictures that were searched for are not in the bundle, and are not given: "
        f"pair.png of pair, SHA-256 {sha256_file(bundled.probe)}"
    )
    other = tmp_path / "other.png"
    other.write_bytes(bundled.probe.read_bytes() + b" ")
    with pytest.raises(IntegrityError, match="is no picture of a probe of this search: its SHA-256 is"):
        replay(bundled.bundle, bundled.footage, [other], index=INLINE)
    copy = tmp_path / "renamed"
    copy.mkdir()
    shutil.copyfile(bundled.probe, copy / "somebody.png")
    assert replay(bundled.bundle, bundled.footage, [copy], device="cpu", index=INLINE).exit_code == 0


def test_a_bundle_that_was_altered_is_not_replayed(bundled: Bundled, tmp_path: Path) -> None:
    copy = bundled.copy(tmp_path)
    with (copy / CANDIDATES).open("ab") as file:
        file.write(b"\n")
    with pytest.raises(IntegrityError, match="was altered: its SHA-256 is not the one in the manifest"):
        run(bundled, copy)


def test_what_the_bundle_tells_and_the_search_does_not_find_is_a_difference(
    bundled: Bundled, tmp_path: Path
) -> None:
    """A list that was changed before it was signed: each change is told."""
    copy = bundled.copy(tmp_path)
    rows = [json.loads(line) for line in (copy / CANDIDATES).read_text().splitlines()]
    first, second, *others = rows
    first["score"] = round(first["score"] - 0.05, 6)
    second["end_ticks"] += second["ticks_per_second"]
    added = dict(first, start_ticks=10**6, end_ticks=10**6 + 5, rank=99)
    changed = [first, second, *others[:-1], added]
    (copy / CANDIDATES).write_text("".join(f"{json.dumps(row)}\n" for row in changed))
    signed_anew(copy)
    found = run(bundled, copy)
    assert (kinds(found), found.exit_code) == (["other score", "other times", "gone", "new"], 1)
    document = replay_document(found)
    assert (document["differs"], len(document["differences"])) == (True, 4)


def test_no_template_and_no_path_is_in_a_bundle(bundled: Bundled) -> None:
    from retrofr.case.reading import template_blocks
    from retrofr.case.store import open_case

    with open_case(bundled.case) as case:
        key = read_recorded(bundled.bundle).recipe.key
        templates = [row for block in template_blocks(case, key) for row in block.templates]
    assert len(templates) > 4
    for path in bundled.bundle.rglob("*"):
        if path.is_file() and path.name != "report.html":
            data = path.read_bytes()
            assert not any(row.astype("<f4").tobytes() in data for row in templates)
            assert not any(f"{row[0]:.5f}".encode() in data for row in templates)
            assert str(bundled.folder).encode() not in data, path
