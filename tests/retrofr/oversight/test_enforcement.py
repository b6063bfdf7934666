"""What is not allowed is not done, decodes nothing, and is logged; outside of the scope nobody becomes a template."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

import fakes
from clips import make_clip, numbered_picture
from fakes import COLOURS, draw_face, scene
from oversight_files import RECORD, authority_file, policy_file
from retrofr import indexing, pipeline, registry
from retrofr.case.audit_log import entries, verify_audit
from retrofr.case.authorities import authorities, put_authority, reject_authority
from retrofr.case.probe_register import probe_register
from retrofr.case.reading import stored_tracklet, tracklet_table
from retrofr.case.searches import searches
from retrofr.case.store import Case, create_case, open_case
from retrofr.case_search import search_case
from retrofr.case_selection import CaseSelection
from retrofr.errors import IntegrityError, RefusedError, UsageError
from retrofr.footage_run import FootageRun
from retrofr.indexing import index
from retrofr.integrity import sha256_file
from retrofr.oversight import checking
from retrofr.oversight.authority import read_authority
from retrofr.oversight.declared import declare, undeclare
from retrofr.oversight.outside import OutsideLog
from retrofr.oversight.scope import Scope, narrowed, nothing_inside
from retrofr.oversight.verifying import Findings
from retrofr.pipeline import search
from retrofr.records import Pixels
from retrofr.results import Coverage, SearchResult, StreamCoverage, Unsearched
from retrofr.selection import Selection, TimeWindow
from retrofr.settings import Settings

SEARCHED = Settings.from_mapping({"embed": {"embedder": "fake"}, "search": {"threshold": 0.8}})
pytestmark = pytest.mark.xdist_group("enforcement")  # its footage is made and indexed once

Parts = dict[str, dict[str, object]]
CLIP = "cam1_20240330_171105.mp4"  # 6 s from 17:11:05 on
MIDDLE = "from = 2024-03-30T17:11:07\nto = 2024-03-30T17:11:09"


def walkers(number: int, width: int, height: int) -> Pixels:
    """Red walks through all of it, so that each sample is another picture of one tracklet."""
    image = np.ascontiguousarray(numbered_picture(number, width, height))
    draw_face(image, COLOURS["red"], 20 + number, 60, 60)
    return image


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("footage")
    make_clip(folder / CLIP, frames=150, picture=walkers)
    return folder


@pytest.fixture(scope="module")
def indexed(footage: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A case in which the footage was indexed before, in slices of a second; its key is in the key store of the run."""
    folder = tmp_path_factory.mktemp("indexed")
    found = {"detectors": fakes.FAKE_DETECTOR, "embedders": fakes.FAKE_EMBEDDER}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            registry,
            "_foreign",
            lambda kind: {"fake": fakes.as_entry_point(found[kind])} if kind in found else {},
        )
        chosen = {
            "detect": {"detector": "fake"},
            "embed": {"embedder": "fake"},
            "search": {"threshold": 0.8},
            "index": {"engine": "inline"},
            "sampling": {"rate": 5.0},
            "video": {"slice_seconds": 1.0},
        }
        patch.setenv("RETROFR_KEYS", str(folder / "keys"))
        patch.setenv("RETROFR_AUDIT", str(folder / "audit"))
        with create_case(folder / "case") as made:
            index([footage], made, settings=Settings.from_mapping(chosen))
    return folder


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with pictures of two persons; what is declared in a test ends with it."""
    for colour in ("red", "blue"):
        image = scene()
        draw_face(image, COLOURS[colour], 100, 80)
        Image.fromarray(image).save(tmp_path / f"{colour}.png")
    yield tmp_path
    undeclare()


@pytest.fixture
def settings(fake_parts: Parts) -> Settings:
    fake_parts["sampling"] = {"rate": 5.0}
    return Settings.from_mapping(fake_parts)


@pytest.fixture
def case(here: Path, indexed: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Case]:
    """A copy of the indexed case, with keys and log of its own."""
    shutil.copytree(indexed, here, dirs_exist_ok=True)
    for name in ("keys", "audit"):
        monkeypatch.setenv(f"RETROFR_{name.upper()}", str(here / name))
    with open_case(here / "case", write=True) as opened:
        yield opened


@pytest.fixture
def searched(case: Case, here: Path) -> Callable[..., Any]:
    """Searches the case for red, or another person."""
    return lambda name="red": search_case(case, [here / f"{name}.png"], settings=SEARCHED)


def no_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> object:
        raise AssertionError("a decoder was started")

    for module in (pipeline, indexing):
        monkeypatch.setattr(module, "DecoderProcess", refuse)


def last_entry() -> Any:
    return list(OutsideLog.of_user().entries())[-1]


def denied(violations: list[str]) -> bool:
    entry = last_entry()
    return (entry["action"], entry["outcome"], entry["details"]["violations"]) == (
        "denied",
        "refused",
        violations,
    )


def test_requirement_01_without_a_record_all_is_as_before(
    here: Path, footage: Path, settings: Settings
) -> None:
    result = search([footage], [here / "red.png"], settings=settings)
    assert len(result.hits) == 1
    assert result.run["authority"] == {"line": "authority: not recorded", "reference": None, "record": None}
    assert result.run["templates_outside_scope"] == 0
    (record,) = result.run["probe_records"]  # type: ignore[misc]
    assert record["line"] == "where this picture came from: not recorded"  # type: ignore[index]
    entry = last_entry()
    assert (entry["action"], entry["authority"], entry["reason"]) == ("search", None, None)


REFUSALS = {
    "none": (None, 'require = ["authority"]', ["authority"]),
    "expired": ({"valid_until": "2021-01-01"}, "", ["authority"]),
    "not yet": ({"valid_from": "2189-01-01"}, "", ["authority"]),
    "urgent": ({"urgent": "true"}, "", ["authority"]),
    "other camera": ({"scope": 'cameras = ["cam9"]'}, "", ["scope"]),
    "other file": ({"scope": 'exhibits = ["cam9*"]'}, "", ["scope"]),
    "other probe": ({"scope": 'probes = ["blue"]'}, "", ["scope"]),
    "operator and reason": (None, 'require = ["operator", "reason"]', ["operator", "reason"]),
    "no record of the picture": (None, 'require = ["probe_record"]', ["probe_record"]),
    "other models": (None, 'detectors = ["yunet"]\nembedders = ["sface"]', ["detectors", "embedders"]),
    "unknown error rate": (None, "maximum_fmr = 1e-4", ["maximum_fmr"]),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_requirement_01_what_is_not_allowed_decodes_nothing_and_is_logged(
    name: str, here: Path, footage: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes, policy, violations = REFUSALS[name]
    if changes is not None:
        declare(authority=authority_file(here, **changes))
    monkeypatch.setenv("RETROFR_POLICY", str(policy_file(here / "policy.toml", policy)))
    no_decoder(monkeypatch)
    with pytest.raises(RefusedError):
        search([footage], [here / "red.png"], settings=settings)
    assert denied(violations)
    assert last_entry()["details"]["probe_pictures"] == [sha256_file(here / "red.png")]
    assert "red.png" not in str({k: v for k, v in last_entry().items() if k not in ("user", "host")})


def test_requirement_01_indexing_is_asked_as_well(
    case: Case, here: Path, footage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_decoder(monkeypatch)
    declare(authority=authority_file(here, valid_until="2021-01-01"))
    with pytest.raises(RefusedError):
        index([footage], case)
    assert denied(["authority"])
    undeclare()
    policy_file(here / "case" / "policy.toml", 'require = ["authority", "outside_log"]')
    with pytest.raises(RefusedError) as error:
        index([footage], case)
    assert error.value.subject == f"{here / 'case' / 'policy.toml'}, authority"


def test_a_face_that_is_too_small_a_probe_is_refused_before_any_footage(
    here: Path, footage: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETROFR_POLICY", str(policy_file(here / "policy.toml", "min_eye_distance = 40")))
    monkeypatch.setattr(
        pipeline, "DecoderProcess", lambda _: contextlib.nullcontext(SimpleNamespace(start=lambda: 0))
    )
    monkeypatch.setattr(FootageRun, "run", lambda *_: pytest.fail("footage was looked at"))
    with pytest.raises(RefusedError, match="its eyes are 24 px apart; at least 40 are required"):
        search([footage], [here / "red.png"], settings=settings)
    assert denied(["min_eye_distance"])


def test_the_log_outside_may_be_demanded(
    here: Path, footage: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETROFR_POLICY", str(policy_file(here / "policy.toml", 'require = ["outside_log"]')))
    (here / "in-the-way").write_text("")
    monkeypatch.setenv("RETROFR_AUDIT", str(here / "in-the-way"))
    with pytest.raises(RefusedError, match="and that is required"):
        search([footage], [here / "red.png"], settings=settings)


def test_records_of_pictures_are_found_and_enforced(here: Path, searched: Callable[..., Any]) -> None:
    sidecar = here / "red.png.toml"
    sidecar.write_text(RECORD + "expires = 2190-01-01\n")
    result = searched()
    assert "custody photograph" in result.run["probe_records"][0]["line"]  # type: ignore[index]
    sidecar.write_text(RECORD.replace("2026", "2020") + "expires = 2021-01-01\n")
    with pytest.raises(RefusedError, match="this picture expired on 2021-01-02"):
        searched()
    assert denied(["probe_expiry_days"])
    sidecar.write_text(RECORD + f'sha256 = "{"0" * 64}"\n')
    with pytest.raises(IntegrityError):
        searched()
    sidecar.write_text("source = 5\n")
    with pytest.raises(UsageError, match="added_at"):
        searched()


def moments(case: Case, recipe_key: str) -> list[Fraction]:
    ids = tracklet_table(case, recipe_key).ids
    return [face.frame.seconds for number in ids for face in stored_tracklet(case, int(number)).best]


def test_requirement_04_a_window_that_cuts_a_clip_in_the_middle(
    here: Path, footage: Path, settings: Settings
) -> None:
    clockless = here / "clockless.mp4"
    clockless.write_bytes((footage / CLIP).read_bytes() + b"\0" * 8)
    declare(authority=authority_file(here, scope=MIDDLE))
    once = search([footage, clockless], [here / "red.png"], settings=settings)
    (hit,) = once.hits
    (unplaced,) = once.coverage.unsearched
    assert unplaced.subject == "clockless.mp4"
    assert "the authority RF/17 covers a time window alone: " in unplaced.reason
    assert 2 <= hit.start_seconds < hit.end_seconds <= Fraction(405, 100)
    assert once.run["templates_outside_scope"] == 0
    (stream,) = once.coverage.streams
    assert (stream.searched_seconds, stream.outside_seconds) == (2, 4)
    assert last_entry()["authority"] == "RF/17"
    with create_case(here / "case") as case:
        indexed = index([footage], case, settings=settings)
        assert indexed.oversight["templates_outside_scope"] == 0
        assert moments(case, indexed.recipe.key)
        assert all(2 <= at < 4 for at in moments(case, indexed.recipe.key))
        again = search_case(case, [here / "red.png"], settings=settings)
        assert (len(again.hits), again.run["templates_outside_scope"]) == (1, 0)
        assert searches(case)[0].run["authority"]["reference"] == "RF/17"


def test_requirement_04_the_counter_counts_what_is_not_enforced(
    here: Path, footage: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "narrowed", lambda selection, *_: selection)
    declare(authority=authority_file(here, scope=MIDDLE))
    result = search([footage], [here / "red.png"], settings=settings)
    assert result.run["templates_outside_scope"] > 0  # type: ignore[operator]


@pytest.mark.parametrize("scope", [MIDDLE, 'cameras = ["cam9"]', 'exhibits = ["00000000"]'])
def test_requirement_04_the_counter_of_a_case_counts_what_is_not_enforced(
    scope: str, here: Path, searched: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "narrowed", lambda selection, *_: selection)
    declare(authority=authority_file(here, scope=scope))
    assert searched().run["templates_outside_scope"] > 0


def test_requirement_04_what_was_indexed_before_is_not_compared_outside_of_the_scope(
    here: Path, searched: Callable[..., Any]
) -> None:
    every = searched().compared
    declare(authority=authority_file(here, scope="from = 2024-03-30T17:11:06.5\nto = 2024-03-30T17:11:10"))
    limited = searched()
    assert 0 < limited.compared < every
    assert limited.run["templates_outside_scope"] == 0
    for hit in limited.hits:
        assert Fraction(3, 2) <= hit.start_seconds < hit.end_seconds <= Fraction(505, 100)
    reasons = [item.reason for item in limited.coverage.left_out]
    assert [r for r in reasons if "reach over the time that the authority RF/17 covers" in r]
    for scope in ('cameras = ["cam9"]', 'exhibits = ["cam9*"]', 'exhibits = ["00000000"]'):
        declare(authority=authority_file(here, scope=scope))
        with pytest.raises(RefusedError, match="all of what was asked for of the case lies outside"):
            searched()
        assert denied(["scope"])


def test_requirement_04_another_time_than_the_one_that_is_covered_is_refused(case: Case, here: Path) -> None:
    declare(authority=authority_file(here, scope=MIDDLE))

    def asked(start: datetime, end: datetime) -> SearchResult:
        selection = CaseSelection(Selection(TimeWindow(start, end)))
        return search_case(case, [here / "red.png"], settings=SEARCHED, selection=selection)

    day = datetime(2024, 3, 30)
    with pytest.raises(RefusedError) as error:
        asked(day, day.replace(hour=12))
    assert str(error.value) == (
        "authority RF/17, scope: wall-clock time from 2024-03-30T00:00:00 to 2024-03-30T12:00:00 lies outside of the "
        "authority, which covers wall-clock time from 2024-03-30T17:11:07 to 2024-03-30T17:11:09\n"
        "ask for what it covers, or have the authority extended; `retrofr case authority show` has its scope"
    )
    narrower = asked(datetime(2024, 3, 30, 17, 11, 8), datetime(2024, 3, 30, 18))
    assert narrower.coverage.searched_seconds == 1


def test_requirement_04_a_digest_decides_before_anything_is_decoded(
    here: Path, footage: Path, settings: Settings
) -> None:
    shutil.copytree(footage, here / "footage")
    other = here / "footage" / "cam2.mp4"
    other.write_bytes((footage / CLIP).read_bytes() + b"\0" * 8)
    digest = sha256_file(other)
    declare(authority=authority_file(here, scope=f'exhibits = ["{digest[:12].upper()}"]'))
    result = search([here / "footage"], [here / "red.png"], settings=settings)
    assert [(hit.exhibit, hit.exhibit_sha256) for hit in result.hits] == [("cam2.mp4", digest)]
    (item,) = result.coverage.left_out
    assert (item.subject, item.reason) == (CLIP, "the authority RF/17 does not cover it (scope.exhibits)")
    assert result.run["templates_outside_scope"] == 0


def test_requirement_04_what_proves_to_be_outside_once_it_is_read_is_refused(
    here: Path, footage: Path, settings: Settings
) -> None:
    declare(authority=authority_file(here, scope='exhibits = ["00000000"]'))
    with pytest.raises(RefusedError, match="all of the footage that was named lies outside of the authority"):
        search([footage], [here / "red.png"], settings=settings)
    assert denied(["scope"])


def test_requirement_04_a_clock_may_prove_it_as_well() -> None:
    scope = Scope(end=datetime(2024, 3, 30))
    stream = StreamCoverage("a.mp4", "0" * 64, 0, None, Fraction(0), 0, 0, 0, 0, 0, (), ())
    outside = Coverage((replace(stream, outside_seconds=Fraction(6)),))
    limited = narrowed(Selection(), scope, "RF/17")
    assert "covers wall-clock time to 2024-03-30" in str(nothing_inside(limited, outside))
    assert nothing_inside(limited, Coverage((stream,))) is None
    assert nothing_inside(limited, replace(outside, unsearched=(Unsearched("b.mp4", "broken"),))) is None
    assert nothing_inside(narrowed(Selection(cameras=("a",)), scope, "RF/17"), outside) is None
    assert nothing_inside(Selection(), outside) is None


def test_requirement_11_outputs_and_log_name_the_version_of_a_policy(
    case: Case, here: Path, searched: Callable[..., Any]
) -> None:
    file = policy_file(here / "case" / "policy.toml", "max_probes = 2")
    told = {"name": "policy of the test", "version": "1", "sha256": sha256_file(file)}
    assert searched().run["policy"]["files"] == {str(file): told}
    assert entries(case)[-1]["details"]["policy"] == [told]


def test_the_latest_valid_authority_of_a_case_counts(
    case: Case, here: Path, searched: Callable[..., Any]
) -> None:
    declare(authority=authority_file(here, reference='"RF/1"'))
    assert searched().run["authority"]["reference"] == "RF/1"
    undeclare()
    assert searched().run["authority"]["reference"] is None  # given with a command, it counts for that one
    put_authority(case, read_authority(authority_file(here, reference='"RF/2"')))
    put_authority(case, read_authority(authority_file(here, reference='"RF/3"', valid_until="2021-01-01")))
    assert searched().run["authority"]["reference"] == "RF/2"
    assert [(each.authority.reference, each.standing) for each in authorities(case)] == [
        ("RF/1", False),
        ("RF/2", True),
        ("RF/3", True),
    ]
    _, came = reject_authority(case, "RF/2", "B. Jones", "not necessary")
    assert (came.searches, came.index_runs, came.is_all) == ((3,), 0, False)
    assert came.describe() == "search 3"
    with pytest.raises(RefusedError):
        searched()
    declare(authority=authority_file(here, reference='"RF/2"'))
    with pytest.raises(RefusedError, match="it was rejected by"):
        searched()
    with pytest.raises(RefusedError, match="it was rejected by"):
        put_authority(case, read_authority(here / "authority.toml"))
    with pytest.raises(UsageError, match="there is no authority RF/9"):
        reject_authority(case, "RF/9", "B", "no")
    assert not isinstance(verify_audit(case), Findings)


def test_who_was_looked_for_and_why_is_registered(
    case: Case, here: Path, searched: Callable[..., Any]
) -> None:
    searched()
    (here / "red.png.toml").write_text(RECORD)
    declare(authority=authority_file(here), reason="robbery")
    searched()
    searched()
    searched("blue")
    first, second, blue = probe_register(case)
    assert (first.name, first.record, first.authority, first.reason) == ("red", None, None, None)
    assert first.searches == second.searches == (1, 2, 3)
    assert second.record is not None
    assert (second.record.added_by, second.authority, second.reason) == ("PC A. Smith", "RF/17", "robbery")
    assert (blue.name, blue.record, blue.searches) == ("blue", None, (4,))
    assert not isinstance(verify_audit(case), Findings)
    case.fetch_all("DELETE FROM probe_register WHERE id = 3")
    found = verify_audit(case)
    assert isinstance(found, Findings)
    assert [finding.kind for finding in found.found] == ["record deleted"]


def test_a_case_that_is_too_old_by_policy_is_refused(
    case: Case, here: Path, searched: Callable[..., Any]
) -> None:
    policy_file(here / "case" / "policy.toml", "retention_days = 1")
    assert searched().hits
    case.fetch_all("UPDATE meta SET value = '2024-01-01T00:00:00+00:00' WHERE name = 'created'")
    case.close()
    with open_case(here / "case") as again, pytest.raises(RefusedError, match="may be kept until 2024-01-02"):
        search_case(again, [here / "red.png"], settings=SEARCHED)
    assert denied(["retention_days"])
