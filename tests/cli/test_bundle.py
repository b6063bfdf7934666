"""``retrofr export --format bundle``, ``retrofr verify`` and ``retrofr replay``: what they print and how they end."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from worded import refuse_folder, refuse_of

import bundled as support
from bundled import OPERATOR, Bundled, signed_anew
from retrofr.case.audit_log import entries
from retrofr.case.store import open_case
from retrofr.disclosure.contents import CANDIDATES, RUN
from retrofr.integrity import sha256_file
from retrofr.oversight.operators import operator_key

HERE = ("--engine", "inline", "--device", "cpu", "--quiet")


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bundled]:
    with support.bundled(tmp_path_factory.mktemp("bundled")) as there:
        yield there


def replay(run: Any, there: Bundled, bundle: Path, footage: Path | None = None, *more: str) -> Result:
    where = ("--footage", footage or there.footage, "--probe", there.probe)
    result: Result = run("replay", bundle, *where, *HERE, *more)
    return result


def test_a_bundle_is_exported_and_that_is_logged(run: Any, bundled: Bundled, tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    result = run("export", "--case", bundled.case, "--format", "bundle", "--out", out)
    assert (result.exit_code, result.stdout) == (0, "")
    assert " of search 1 of " in result.stderr
    assert result.stderr.endswith("\nauthority: not recorded\n")
    with open_case(bundled.case) as case:
        entry = entries(case)[-1]
    files = sorted(path for path in out.rglob("*") if path.is_file())
    listed = "".join(f"{sha256_file(path)}  {path.relative_to(out)}\n" for path in files)
    assert entry["details"]["sha256"] == hashlib.sha256(listed.encode()).hexdigest()
    assert (entry["action"], entry["details"]["format"], entry["details"]["files"]) == (
        "export", "bundle", len(files),
    )  # fmt: skip
    assert run("verify", out).exit_code == 0
    last = json.loads((out / "data" / "audit.jsonl").read_text().splitlines()[-1])
    assert last["seq"] == entry["seq"] - 1  # the log up to its own making


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--people",), "--format bundle: is of one search\n       leave out --people\n"),
        (("--stills", "s"), "--format bundle: has them in its report\n       leave out --stills\n"),
        (("--bom",), "--format bundle: only CSV may begin with a byte-order mark\n       leave out --bom\n"),
    ],
)
def test_what_a_bundle_cannot_be_is_refused(
    run: Any, bundled: Bundled, tmp_path: Path, more: tuple[str, ...], said: str
) -> None:
    out = tmp_path / "bundle"
    result = run("export", "--case", bundled.case, "--format", "bundle", "--out", out, *more)
    assert (result.exit_code, result.stderr, out.exists()) == (2, f"error: {said}", False)


def test_a_log_that_was_altered_makes_no_bundle(run: Any, bundled: Bundled, tmp_path: Path) -> None:
    case = Path(shutil.copytree(bundled.case, tmp_path / "case"))
    with open_case(case) as opened:
        opened.fetch_all(
            "UPDATE audit SET entry = CAST(replace(entry, 'index', 'indey') AS BLOB) WHERE seq = 1"
        )
    out = tmp_path / "bundle"
    result = run("export", "--case", case, "--format", "bundle", "--out", out)
    assert (result.exit_code, out.exists()) == (4, False)
    assert "its audit log was altered: entry 1 was altered\n" in result.stderr


def test_verify_says_what_holds(run: Any, bundled: Bundled) -> None:
    result = run("verify", bundled.bundle)
    lines = result.stdout.splitlines()
    key = operator_key().public_key_hex
    assert (result.exit_code, result.stderr) == (0, "")
    assert lines[0].startswith(f"ok       signature: made by {OPERATOR} on ")
    assert lines[0].endswith(f" with the key {key}")
    assert lines[1] == (
        "ok       tag files: bagit.txt, bag-info.txt, manifest-sha256.txt are as they were signed"
    )
    number = sum(path.is_file() for path in (bundled.bundle / "data").rglob("*"))
    assert lines[2] == f"ok       payload: {number} files are as they were signed, none is missing or added"
    assert lines[3].startswith("ok       audit log: 3 entries in one chain, head ")
    assert lines[4] == f"note     the key is that of the operator {OPERATOR} on this machine"
    digest = sha256_file(bundled.bundle / "tagmanifest-sha256.txt")
    assert lines[5:] == [f"bundle   {digest} (SHA-256 of tagmanifest-sha256.txt)"]
    assert run("verify", bundled.bundle, "--key", key.upper()).exit_code == 0


def test_verify_for_a_script(run: Any, bundled: Bundled) -> None:
    document = json.loads(run("verify", bundled.bundle, "--format", "json").stdout)
    assert (document["schema"], document["whole"]) == ("retrofr.verification/1", True)
    assert document["signed"]["public_key"] == operator_key().public_key_hex
    assert document["signed"]["known"] == "on this machine"
    assert [check["holds"] for check in document["checks"]] == [True] * 4


def test_requirement_29_an_altered_bundle_is_refused_and_the_file_named(
    run: Any, bundled: Bundled, tmp_path: Path
) -> None:
    copy = bundled.copy(tmp_path)
    data = bytearray((copy / RUN).read_bytes())
    data[100] ^= 1
    (copy / RUN).write_bytes(data)
    why = "was altered: its SHA-256 is not the one in the manifest"
    result = run("verify", copy)
    assert result.exit_code == 4
    assert f"ALTERED  payload: data/run.json {why}\n" in result.stdout
    assert result.stderr == (
        f"error: {copy}/data/run.json: {why}\n       ask for the bundle again, and keep this one as it is\n"
    )
    as_json = run("verify", copy, "--format", "json")
    document = json.loads(as_json.stdout)
    assert (as_json.exit_code, document["whole"], document["checks"][-1]["altered"]) == (4, False, [RUN])
    again = replay(run, bundled, copy)
    assert (again.exit_code, again.stdout) == (4, "")
    assert again.stderr.startswith(f"error: {copy}/data/run.json: {why}\n")


def test_another_key_than_the_one_given_is_refused(run: Any, bundled: Bundled) -> None:
    result = run("verify", bundled.bundle, "--key", "0" * 64)
    assert result.exit_code == 4
    assert f"was made with the key {operator_key().public_key_hex}, not with {'0' * 64}" in result.stderr
    wrong = run("verify", bundled.bundle, "--key", "abc")
    assert (wrong.exit_code, wrong.stderr) == (2, "error: --key: expected 64 hexadecimal digits\n")


def test_a_bundle_that_is_not_there_is_a_matter_of_usage(run: Any, tmp_path: Path) -> None:
    result = run("verify", tmp_path / "absent")
    assert (result.exit_code, result.stderr) == (
        2, f"error: {tmp_path}/absent: no such folder\n       name the folder of a bundle\n",
    )  # fmt: skip


def test_requirement_10_replay_prints_that_nothing_differs(run: Any, bundled: Bundled) -> None:
    result = replay(run, bundled, bundled.bundle)
    assert (result.exit_code, result.stderr) == (0, "")
    first, second, last = result.stdout.splitlines()
    assert first.startswith("search 1 of case ")
    assert ", run again on 2 recordings of 2 (cpu (" in first
    assert second == "10 tracklets compared (as before)"
    rows = len((bundled.bundle / CANDIDATES).read_text().splitlines())
    assert last == (
        f"no difference; {rows} candidates at the same times, scores differ by at most 0 "
        "(tolerance: times exact, scores 0.005)"
    )


def test_replay_for_a_script(run: Any, bundled: Bundled, tmp_path: Path) -> None:
    shutil.copy(bundled.footage / "cam2_20240330_171205.mp4", tmp_path)
    result = replay(run, bundled, bundled.bundle, tmp_path, "--format", "json")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["schema"], document["differs"]) == (10, "retrofr.replay/1", False)
    assert [each["name"] for each in document["missing"]] == ["cam1_20240330_171105.mp4"]
    assert document["tolerance"] == {"score": 0.005, "seconds": 0}


def test_replay_prints_what_differs_and_what_is_missing(run: Any, bundled: Bundled, tmp_path: Path) -> None:
    copy, some = bundled.copy(tmp_path), tmp_path / "some"
    some.mkdir()
    shutil.copy(bundled.footage / "cam1_20240330_171105.mp4", some)
    rows = [json.loads(line) for line in (copy / CANDIDATES).read_text().splitlines()]
    known = sha256_file(some / "cam1_20240330_171105.mp4")
    row = next(row for row in rows if row["exhibit_sha256"] == known)
    row["score"] += 0.25
    (copy / CANDIDATES).write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    signed_anew(copy)
    result = replay(run, bundled, copy, some)
    assert result.exit_code == 1
    assert f"missing: cam2_20240330_171205.mp4: is not below {some}\n" in result.stdout
    assert f"\nother score: hit {row['rank']} (cam1_20240330_171105.mp4, " in result.stdout
    assert "\n1 difference in what is there; " in result.stdout


def test_replay_asks_for_the_pictures(run: Any, bundled: Bundled) -> None:
    result = run("replay", bundled.bundle, "--footage", bundled.footage, *HERE)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: --probe: pictures that were searched for are not in the bundle")


def test_requirement_14_no_bundle_and_nothing_said_of_one(run: Any, bundled: Bundled, tmp_path: Path) -> None:
    suffixes = refuse_folder(bundled.bundle)
    assert suffixes == {".txt", ".json", ".jsonl", ".csv", ".html", ".jpg"}
    refuse_of(run, "verify", bundled.bundle)
    for form in ("table", "json"):
        where = ("--footage", bundled.footage, "--probe", bundled.probe, "--format", form)
        refuse_of(run, "replay", bundled.bundle, *where, *HERE)
