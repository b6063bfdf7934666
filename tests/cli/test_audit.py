"""``retrofr audit``: what it prints, and that it exits with 4 where anything was altered."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import click
import pytest
from click.testing import CliRunner, Result

from retrofr.case import create_case, open_case
from retrofr.case.audit import acting, denied
from retrofr.oversight.findings import Kind
from retrofr.oversight.log import OPERATIONS, digest_of, parse_entry
from retrofr.oversight.operators import current_operator
from retrofr.oversight.outside import OutsideLog
from retrofr_cli import main
from retrofr_cli.operator_option import operator_option

Audit = Callable[..., Result]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with keys and a log of its own, and a case in which three things were done."""
    monkeypatch.setenv("RETROFR_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("RETROFR_AUDIT", str(tmp_path / "audit"))
    monkeypatch.delenv("RETROFR_OPERATOR", raising=False)
    monkeypatch.setattr("getpass.getuser", lambda: "asmith")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with create_case(Path("harbour")) as case:
        with acting(case, "create"):
            pass
        monkeypatch.setenv("RETROFR_OPERATOR", "B. Jones")
        what = {"compared": 120, "candidates": 2, "note": "=1+1"}
        with acting(case, "search", authority="RF/17", reason="offence 12", details=what):
            pass
        denied(case, "export", "an authority is required", violations=["authority"])
    return tmp_path


@pytest.fixture
def audit(run: Callable[..., Result], place: Path, monkeypatch: pytest.MonkeyPatch) -> Audit:
    """``audit("show")`` runs ``retrofr audit show``."""
    if "audit" not in main.COMMANDS:
        monkeypatch.setattr(main, "COMMANDS", (*main.COMMANDS, "audit"))
    return lambda *arguments, **options: run("audit", *arguments, **options)


def without_moments(text: str) -> str:
    text = re.sub(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d", "WHEN", text)
    return re.sub(r"\b[0-9a-f]{64}\b", "DIGEST", text)


def rewrite(seq: int, **fields: Any) -> None:
    """An entry of the case is made anew by one who has its key."""
    with open_case(Path("harbour")) as case:
        (data,) = case.fetch_all("SELECT entry FROM audit WHERE seq = ?", (seq,))[0]
        entry = json.loads(data) | fields
        entry["digest"] = digest_of(entry)
        text = json.dumps(entry, sort_keys=True, separators=(",", ":"))
        case.fetch_all("UPDATE audit SET entry = ? WHERE seq = ?", (text.encode(), seq))


# ---- show ----------------------------------------------------------------------------------------------------


def test_show(audit: Audit) -> None:
    result = audit("show", "--case", "harbour", "--format", "table", columns=200)
    assert (result.exit_code, result.stderr) == (0, "")
    assert without_moments(result.stdout) == (
        "#  when (UTC)           action           operator                        authority     what\n"
        "1  WHEN  create           not stated, system user asmith  not recorded\n"
        "2  WHEN  search           B. Jones                        RF/17         "
        "“offence 12”; candidates: 2; compared: 120; note: =1+1\n"
        "3  WHEN  denied, refused  B. Jones                        not recorded  "
        "asked: export; violations: authority; why: an authority is required\n"
    )


def test_show_cuts_what_is_long(audit: Audit) -> None:
    details = {
        "probe_pictures": ["ab" * 32],
        "found": [{"start": 1.5}],
        "many": ["x"] * 5,
        "none": [],
        "erased": {"templates": 4},
        "why": "so " * 50,
    }
    with acting(None, "forget", details=details):
        pass
    row = " ".join(audit("show", "--last", "1", "--format", "table", columns=400).stdout.split())
    assert row.endswith(
        "erased: templates 4; found: 1 listed; many: 5 listed; none: none; probe pictures: abababababab…; "
        f"why: {'so ' * 20}…"
    )


def test_show_of_a_log_that_is_empty(audit: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETROFR_AUDIT", str(tmp_path / "none"))
    result = audit("show", "--format", "table")
    assert (result.exit_code, result.stdout) == (0, "Nothing is in this log yet.\n")
    assert audit("summary", "--format", "table").stdout == "Nothing is in this log yet.\n"
    assert not (tmp_path / "none").exists()


def test_show_as_lines_gives_the_bytes_that_were_digested(audit: Audit) -> None:
    result = audit("show", "--case", "harbour")
    entries = [parse_entry(line.encode()) for line in result.stdout.splitlines()]
    assert [entry["action"] for entry in entries if entry] == ["create", "search", "denied"]


def test_show_only_some(audit: Audit) -> None:
    lines = audit("show", "--action", "search", "--action", "denied", "--last", "1").stdout.splitlines()
    assert [json.loads(line)["action"] for line in lines] == ["denied"]
    result = audit("show", "--action", "peek")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: peek: no such action\n       there are: create, index, search, ")


def test_show_as_json_has_what_another_program_needs_to_check_it(audit: Audit) -> None:
    document = json.loads(audit("show", "--format", "json").stdout)
    assert (document["schema"], document["altered"]) == ("retrofr.audit-log/1", 0)
    assert len(document["entries"]) == len(document["heads"]) == 3
    assert document["heads"][2]["digest"] == document["entries"][2]["digest"]


def test_show_as_csv_runs_no_formula(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETROFR_OPERATOR", "=cmd")
    with acting(None, "view"):
        pass
    rows = list(csv.DictReader(io.StringIO(audit("show", "--format", "csv").stdout)))
    assert [row["action"] for row in rows] == ["create", "search", "denied", "view"]
    assert (rows[1]["authority"], rows[1]["operator_stated"]) == ("RF/17", "true")
    assert rows[3]["operator"] == "'=cmd"


def test_what_was_altered_is_not_left_out_in_silence(audit: Audit) -> None:
    with open_case(Path("harbour")) as case:
        case.fetch_all("UPDATE audit SET entry = x'7b7d' WHERE seq = 2")
    result = audit("show", "--case", "harbour", "--format", "table")
    assert result.stdout.endswith("\n1 entry was altered and cannot be shown: retrofr audit verify\n")
    counted = audit("summary", "--case", "harbour")
    assert counted.stderr == (
        "warning: 1 of the entries were altered and are not counted: retrofr audit verify\n"
    )


# ---- verify --------------------------------------------------------------------------------------------------


def test_verify(audit: Audit, place: Path) -> None:
    result = audit("verify", "--case", "harbour")
    assert (result.exit_code, result.stderr) == (0, "")
    assert without_moments(result.stdout) == (
        "log of the case: nothing was altered (3 entries, harbour/case.db)\n"
        "  head  DIGEST\n"
        f"log outside of cases: nothing was altered (3 entries, {place}/audit)\n"
        "  head  DIGEST\n"
    )


def test_requirement_12_verify_names_what_was_altered(audit: Audit) -> None:
    rewrite(2, authority="RF/18")
    result = audit("verify", "--case", "harbour")
    assert result.exit_code == 4
    assert result.stdout.startswith(
        "log of the case: ALTERED (3 entries, harbour/case.db)\n"
        "  entry 2  edited  entry 2 is not the one whose head was signed\n"
        "log outside of cases: nothing was altered"
    )
    assert result.stderr == (
        "error: harbour/case.db: the log of the case was altered: "
        "entry 2 is not the one whose head was signed\n"
        "       go on with a copy that is whole, and keep this one as it is\n"
    )


def test_verify_as_json(audit: Audit, place: Path) -> None:
    log = OutsideLog.of_user()
    lines = log.entry_lines()
    log.entries_path.write_bytes(lines[0] + lines[2])
    result = audit("verify", "--format", "json")
    assert result.exit_code == 4
    assert json.loads(result.stdout) == {
        "schema": "retrofr.audit-check/1",
        "logs": [
            {
                "log": "log outside of cases",
                "path": f"{place}/audit",
                "entries": 2,
                "whole": False,
                "head": None,
                "findings": [{"kind": "deleted", "seq": 2, "sentence": "entry 2 is missing"}],
                "notes": [],
            }
        ],
    }


def test_a_case_whose_bytes_were_altered_is_damaged(audit: Audit) -> None:
    path = Path("harbour/case.db")
    data = bytearray(path.read_bytes())
    for at in range(100, len(data), 32768):
        data[at] ^= 1
    path.write_bytes(data)
    assert audit("verify", "--case", "harbour").exit_code == 5


# ---- summary -------------------------------------------------------------------------------------------------


def test_requirement_30_summary(audit: Audit) -> None:
    result = audit("summary", "--case", "harbour", "--format", "table")
    assert result.exit_code == 0
    text = re.sub(r"\d{4}-\d\d", "MONTH", re.sub(" +", " ", result.stdout))
    assert text == (
        "figure all MONTH\n"
        "searches 1 1\n"
        "tracklets compared 120 120\n"
        "candidates 2 2\n"
        "denials 1 1\n"
        "denials by requirement: authority 1 1\n"
        "erasures 0 0\n"
        "actions: create 1 1\n"
        "actions: search 1 1\n"
        "actions: denied 1 1\n"
        "operators 2 2\n"
        "acts without stated operator 1 1\n"
        "cases 1 1\n"
        "\n"
        "False candidates: not known, since no candidate was concluded on by two examiners.\n"
    )


def test_summary_says_how_many_candidates_were_false(audit: Audit) -> None:
    for side in ("same", "same", "same", "different"):
        with acting(None, "verdict", details={"side": side, "final": True}):
            pass
    text = audit("summary", "--format", "table").stdout
    line = "False candidates: 1 of 4 that two examiners concluded on (95 % interval 0.6 to 80.6 %).\n"
    assert text.endswith(line)


def test_summary_for_programs(audit: Audit) -> None:
    whole = json.loads(audit("summary", "--format", "json").stdout)
    assert (whole["schema"], whole["entries"]) == ("retrofr.oversight/1", 3)
    (line,) = audit("summary", "--format", "jsonl").stdout.splitlines()
    assert json.loads(line) == whole["months"][0]
    month, everything = csv.DictReader(io.StringIO(audit("summary", "--format", "csv").stdout))
    assert (month["month"], everything["month"]) == (whole["months"][0]["month"], "all")
    assert everything["tracklets_compared"] == "120"
    assert everything["denials_by_requirement.authority"] == "1"
    assert everything["false_candidates.share"] == ""
    text = json.dumps(whole)
    assert all(name not in text for name in ("Jones", "asmith", "RF/17", "offence", "harbour"))


# ---- the operator --------------------------------------------------------------------------------------------


def test_the_operator_is_known_while_the_command_runs(place: Path) -> None:
    @click.command()
    @operator_option("Record")
    def command() -> None:
        click.echo(current_operator().describe())

    assert CliRunner().invoke(command, ["--operator", "A. Smith"]).stdout == "A. Smith\n"
    assert CliRunner().invoke(command, []).stdout == "B. Jones\n"


# ---- docs/audit.md -------------------------------------------------------------------------------------------

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "audit.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def named(text: str) -> set[str]:
    """What stands in the first column of a table."""
    rows = re.findall(r"^\| (`[^|]*) \|", text, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([\w ]+)`", row)}


def test_the_page_names_every_field_action_and_finding(audit: Audit) -> None:
    (entry, *_) = OutsideLog.of_user().entries()
    holds = section("What an entry holds")
    assert named(holds) == set(entry)
    actions = holds.split("\nActions: ", 1)[1].split(".", 1)[0]
    assert re.findall(r"`(\w+)`", actions) == list(OPERATIONS)
    assert named(section("What `verify` finds")) == set(get_args(Kind))


def test_requirement_12_the_program_of_the_page_checks_a_log(audit: Audit, tmp_path: Path) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    log = tmp_path / "log.jsonl"

    def check(text: str) -> subprocess.CompletedProcess[str]:
        log.write_text(text)
        command = [sys.executable, "-I", "-c", program, str(log)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    text = audit("show", "--case", "harbour").stdout
    head = json.loads(text.splitlines()[-1])["digest"]
    assert check(text).stdout == f"whole, head {head}\n"
    assert "entry 2 was edited" in check(text.replace("RF/17", "RF/18")).stderr
    assert "entry 3 does not follow" in check("".join(text.splitlines(keepends=True)[::2])).stderr
