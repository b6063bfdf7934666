"""``retrofr verdict``: nothing of score, rank or others before one's own verdict; then all of it."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import Result
from PIL import Image

from fixed_results import fixed_case
from retrofr.case.audit_log import entries
from retrofr.case.store import open_case
from retrofr.documents import json_text
from retrofr_cli import verdict_asking

Verdict = Callable[..., Result]
SMITH, JONES = ("--operator", "A. Smith"), ("--operator", "B. Jones")
NOTES = ("--notes", "ears alike")


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A case with a search for Ann, of whose hits 1 is at the door; with its keys, to be copied."""
    base = tmp_path_factory.mktemp("verdict")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETROFR_KEYS", str(base / "keys"))
        patch.setenv("RETROFR_AUDIT", str(base / "audit"))
        fixed_case(base / "case", people=False)
    return base


@pytest.fixture
def verdict(run: Any, searched: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Verdict:
    """``verdict("list")`` runs ``retrofr verdict list --case case``, in a folder where a copy of the case is."""
    shutil.copytree(searched / "keys", tmp_path / "keys")
    shutil.copytree(searched / "case", tmp_path / "case")
    monkeypatch.setenv("RETROFR_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("RETROFR_AUDIT", str(tmp_path / "audit"))
    monkeypatch.delenv("RETROFR_OPERATOR", raising=False)
    monkeypatch.setattr("getpass.getuser", lambda: "asmith")
    monkeypatch.chdir(tmp_path)
    return lambda name, *arguments, **options: run("verdict", name, "--case", "case", *arguments, **options)


def give(verdict: Verdict, who: tuple[str, str], word: str, *more: str) -> Result:
    result = verdict("give", "--candidate", "1", "--conclusion", word, *NOTES, *who, *more)
    assert result.exit_code == 0, result.stderr
    return result


def rows(result: Result) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(result.stdout, newline="")))


# ---- list ----------------------------------------------------------------------------------------------------


def test_requirement_25_a_list_shows_no_score_and_no_rank(verdict: Verdict) -> None:
    result = verdict("list", *SMITH, columns=160)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "0.9" not in result.stdout
    assert "score " not in result.stdout.splitlines()[0]
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["candidate", "probe", "exhibit", "time", "verdict", "yours"]
    assert lines[-3:] == [
        "search 1: 4 candidates, 0 concluded on by 2 examiners",
        f"no score or rank before your own verdict; shuffled, seed {lines[-2].split()[-1]}",
        "Investigative leads, to be examined by a person.",
    ]
    assert result.stdout.count("not examined") == 4
    found = rows(verdict("list", *SMITH, "--format", "csv"))
    assert {(row["rank"], row["hit"], row["score"], row["llr"]) for row in found} == {("", "", "", "")}
    assert {row["candidate"] for row in found} == {"1", "2", "4", "5"}


def test_after_ones_own_verdict_its_score_is_shown_and_no_others(verdict: Verdict) -> None:
    give(verdict, SMITH, "weak-same")
    found = {row["candidate"]: row for row in rows(verdict("list", *SMITH, "--format", "csv"))}
    assert (found["1"]["score"], found["1"]["rank"], found["1"]["hit"], found["1"]["own"]) == (
        *("0.91", "2", "true"),
        "weak-same",
    )
    assert found["2"]["score"] == found["2"]["rank"] == ""
    others = {row["candidate"]: row for row in rows(verdict("list", *JONES, "--format", "csv"))}
    assert (others["1"]["score"], others["1"]["own"]) == ("", "")
    assert others["1"]["verdict"] == "one verdict, not final"
    table = verdict("list", *SMITH, columns=200).stdout
    assert ("0.910" in table, "0.950" in table) == (True, False)


def test_a_search_without_candidates(verdict: Verdict) -> None:
    with open_case("case") as case:
        case.fetch_all("DELETE FROM candidates")
    assert verdict("list").stdout == "Search 1 has no candidates.\n"


# ---- give ----------------------------------------------------------------------------------------------------


def test_giving_says_what_was_recorded_and_then_the_score(verdict: Verdict) -> None:
    assert give(verdict, SMITH, "strong-s").stdout == (
        "candidate 1 of search 1: probe ann, cam1_20240114_225812.mp4 [=front door], "
        "0:00:50.000 – 0:01:10.040; 2024-01-14 22:59:02 – 22:59:23 ?\n"
        "recorded as verdict 1 of A. Smith: strong support for one person rather than two\n"
        "verdict: one verdict, not final\n"
        "it is sealed until another examiner has given a verdict\n"
        "score 0.910, reaches the threshold of 0.500; rank 2; no likelihood ratio\n"
        "Investigative leads, to be examined by a person.\n"
    )


def test_requirement_24_a_second_examiner_sees_nothing_of_the_first(verdict: Verdict) -> None:
    give(verdict, SMITH, "strong-same", "--feature", "ears=lobes attached")
    before = verdict("show", "--candidate", "1", *JONES)
    assert before.exit_code == 0
    assert "1 verdict sealed, until 2 examiners have given theirs" in before.stdout
    assert "shown after your own verdict" in before.stdout
    for hidden in ("strong", "lobes", "alike", "0.91", "Smith", "rank 2"):
        assert hidden not in before.stdout
    document = json.loads(verdict("show", "--candidate", "1", *JONES, "--format", "json").stdout)
    (candidate,) = document["candidates"]
    assert (candidate["verdicts"], candidate["sealed"], candidate["score"]) == ([], 1, None)
    after = give(verdict, JONES, "weak-same").stdout
    assert "verdict: two agreeing verdicts: weak support for one person rather than two\n" in after
    shown = verdict("show", "--candidate", "1", *JONES, columns=200).stdout
    for told in ("verdict 1 of A. Smith", "ears: lobes attached", "verdict 2 of B. Jones", "score 0.910"):
        assert told in shown


def test_requirement_24_disagreement_is_inconclusive_and_both_are_kept(verdict: Verdict) -> None:
    give(verdict, SMITH, "strong-same")
    give(verdict, JONES, "weak-different")
    document = json.loads(verdict("show", "--candidate", "1", "--format", "json").stdout)
    assert document["schema"] == "retrofr.verdicts/1"
    (candidate,) = document["candidates"]
    assert (candidate["verdict"], candidate["conclusion"], candidate["differ"]) == (
        "inconclusive: examiners differ",
        "inconclusive",
        True,
    )
    assert [v["conclusion"] for v in candidate["verdicts"]] == ["strong-same", "weak-different"]
    assert candidate["score"] is None  # who asks has given no verdict


def test_requirement_24_the_same_examiner_twice_is_refused(verdict: Verdict) -> None:
    give(verdict, SMITH, "inc")
    again = verdict("give", "--candidate", "1", "--conclusion", "inc", *NOTES, *SMITH)
    assert again.exit_code == 8
    assert again.stderr == (
        "error: A. Smith: has given a verdict on this candidate already; a second one must come from another examiner\n"
        "       to replace your own, say why with --reason TEXT: both are kept\n"
    )
    replaced = give(verdict, SMITH, "weak-same", "--reason", "a better picture")
    assert "recorded with it" not in replaced.stdout
    shown = verdict("show", "--candidate", "1", *SMITH, columns=200).stdout
    assert "(replaced by verdict 2)" in shown
    assert "  replaces verdict 1: a better picture" in shown


def test_a_hit_is_named_by_its_rank_and_that_is_recorded(verdict: Verdict) -> None:
    result = verdict("give", "--hit", "2", "--conclusion", "inc", *NOTES, *SMITH, "--format", "json")
    (candidate,) = json.loads(result.stdout)["candidates"]
    assert (candidate["candidate"], candidate["own"]) == (1, "inconclusive")
    assert candidate["verdicts"][0]["shown_before"] == ["rank"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "name one candidate, with --candidate ID or --hit N"),
        (("--candidate", "1", "--hit", "1"), "name one candidate, with --candidate ID or --hit N"),
        (("--candidate", "77"), "search 1 has no candidate 77"),
        (("--hit", "77"), "search 1 has no hit 77"),
        (("--candidate", "1", "--probe", "eve"), "search 1 has no candidate 1 of the probe eve"),
        (
            ("--candidate", "1", "--conclusion", "same"),
            "conclusion: expected one step of the scale, got 'same'",
        ),
        (("--candidate", "1", "--notes", "x", "--notes-file", "y"), "give --notes or --notes-file, not both"),
        (("--candidate", "1", "--notes-file", "y"), "y: cannot be read"),
        (("--candidate", "1", "--feature", "ears"), "--feature ears: expected HEADING=TEXT"),
        (("--candidate", "1"), "--conclusion: say what you conclude: this is no terminal to ask on"),
        (("--candidate", "1", "--conclusion", "inc"), "a verdict needs notes of what was seen"),
        (("--candidate", "1", "--conclusion", "inc", "--out", "x"), "--out: look first, then conclude"),
    ],
)
def test_errors_of_use(verdict: Verdict, options: tuple[str, ...], message: str) -> None:
    result = verdict("give", *options, *SMITH)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"error: {message}")


def test_a_verdict_needs_a_named_examiner(verdict: Verdict) -> None:
    result = verdict("give", "--candidate", "1", "--conclusion", "inc", *NOTES)
    assert (result.exit_code, result.stderr) == (
        2,
        "error: a verdict needs the name of its examiner\n       give --operator NAME\n",
    )


def test_requirement_23_on_a_terminal_the_candidate_comes_before_the_probe(
    verdict: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(
        [
            *("blurred", "nose: 5 mm", "", "ears: lobes attached", ""),
            *("Ears: alike", "", "nonsense", "5"),
        ]
    )
    asked: list[list[str]] = []

    def prompt(text: str, **options: Any) -> Any:
        asked.append(sorted(path.name for path in Path("faces").iterdir()))
        answer = next(answers)
        parse = options.get("value_proc", str)
        try:
            return parse(answer)
        except Exception:
            return parse(next(answers))

    monkeypatch.setattr(verdict_asking.click, "prompt", prompt)
    monkeypatch.setattr(verdict_asking, "at_a_terminal", lambda: True)
    result = verdict("give", "--candidate", "1", "--out", "faces", *SMITH, "--format", "json")
    assert result.exit_code == 0, result.stderr
    assert asked[0] == asked[4] == ["candidate-1-01.jpg", "candidate-1-02.jpg"]
    assert asked[5] == ["candidate-1-01.jpg", "candidate-1-02.jpg", "side-by-side.png"]
    (given,) = json.loads(result.stdout)["candidates"][0]["verdicts"]
    assert (given["conclusion"], given["notes"]) == ("weak-same", "blurred")
    assert given["features"] == {"ears": "lobes attached; alike"}
    alone = given["noted_alone"]
    assert (alone["notes"], alone["features"]) == ("blurred", {"ears": "lobes attached"})
    assert "no measures of a face: '5 mm'" in result.stderr
    assert "Note at least one feature, as `heading: text`, before the probe is shown." in result.stderr
    with open_case("case") as case:
        told = [entry["details"] for entry in entries(case)]
    assert [("noted" in each, each.get("probe")) for each in told] == [
        *((False, None), (True, None)),
        *((False, True), (False, None)),
    ]
    shown = verdict("show", "--candidate", "1", *SMITH, columns=200).stdout
    assert (
        "  of this, noted of the candidate alone, before the probe was shown (digest in the log):\n"
        "    ears: lobes attached\n    notes: blurred\n"
    ) in shown


# ---- pictures ------------------------------------------------------------------------------------------------


def test_pictures_of_candidate_and_probe_lie_side_by_side(
    verdict: Verdict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hashlib

    checking = SimpleNamespace(others=lambda _image, _shown, found: found)
    monkeypatch.setattr("retrofr_cli.verdict_pictures.case_check", lambda _case: checking)
    Image.new("RGB", (60, 40), (200, 30, 30)).save("ann.png")
    digest = hashlib.sha256(Path("ann.png").read_bytes()).hexdigest()
    image = {"path": "ann.png", "sha256": digest, "box": [20.0, 10.0, 40.0, 30.0]}
    _put_probes([{"name": "ann", "images": [image, image | {"path": "gone.png"}]}])
    result = verdict("pictures", "--candidate", "1", "--out", "faces", *SMITH)
    assert (result.exit_code, result.stderr) == (0, "")
    assert sorted(path.name for path in Path("faces").iterdir()) == [
        *("candidate-1-01.jpg", "candidate-1-02.jpg"),
        *("probe-1.png", "side-by-side.png"),
    ]
    assert Image.open("faces/probe-1.png").size == (37, 37)
    assert "no picture of the probe: gone.png is not there as it was searched for" in result.stdout
    assert not any(word in result.stdout for word in ("score", "rank", "0.91"))
    with open_case("case") as case:
        told = [(entry["action"], entry["details"]) for entry in entries(case)]
    place = {"search": 1, "candidate": 1, "row": 1, "pictures": True}
    assert told == [("view", place), ("view", place | {"probe": True})]
    again = verdict("pictures", "--candidate", "1", "--out", "faces")
    assert (again.exit_code, "nothing is overwritten" in again.stderr) == (7, True)


def _put_probes(probes: list[dict[str, Any]]) -> None:
    from retrofr.case.encoding import pack, unpack
    from retrofr.case.searches import _SearchBody

    with open_case("case") as case:
        ((data,),) = case.fetch_all("SELECT record FROM searches")
        body = unpack(data, _SearchBody, "case")
        body.probes[:] = probes
        case.fetch_all("UPDATE searches SET record = ?", (pack(body),))


# ---- other outputs -------------------------------------------------------------------------------------------


def test_requirement_14_an_export_says_whether_a_candidate_was_examined(verdict: Verdict, run: Any) -> None:
    give(verdict, SMITH, "weak-same")
    found = {row["tracklet"]: row["verdict"] for row in rows(run("export", "--case", "case"))}
    assert found.pop("1") == "one verdict, not final"
    assert set(found.values()) == {"not examined"}
    give(verdict, JONES, "weak-same")
    found = {row["tracklet"]: row["verdict"] for row in rows(run("export", "--case", "case"))}
    assert found["1"] == "two agreeing verdicts: weak support for one person rather than two"


def test_an_altered_verdict_stops_everything(verdict: Verdict) -> None:
    give(verdict, SMITH, "weak-same")
    with open_case("case") as case:
        case.fetch_all("UPDATE verdicts SET record = x'7b7d'")
    for name in ("list", "show --candidate 1", "give --candidate 1 --conclusion inc --notes x"):
        result = verdict(*name.split(), *JONES)
        assert (result.exit_code, "verdict 1 is not as it was written" in result.stderr) == (4, True)


def test_the_document_is_plain_json(verdict: Verdict) -> None:
    text = verdict("list", *SMITH, "--format", "json").stdout
    document = json.loads(text)
    assert (document["examiner"], document["reviewers"], len(document["scale"])) == ("A. Smith", 2, 7)
    assert json.loads(json_text(document)) == document
