"""What ``retrofr search`` says of its own errors, and of what single scores are worth."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from fixed_results import (
    AGAINST,
    AT_BOUND,
    DATA,
    NONE,
    STRONG,
    appearance,
    fmr_point,
    operating_points,
    probe,
    search_result,
    statement,
    stream,
)
from retrofr.calibration.statement import expected_false
from retrofr.results import Coverage

SEARCH = ("search", "footage", "--probe", "suspect.jpg")


def table(run: Any, fake_search: Any, **changes: Any) -> str:
    fake_search.gives = search_result(**{"candidates": ()} | changes)
    output: str = run(*SEARCH, "--format", "table", columns=300).stdout
    return output


def test_requirement_16_a_rate_that_was_measured(run: Any, fake_search: Any) -> None:
    text = table(run, fake_search)
    assert (
        "compared      31 tracklets (88 faces) with 1 probe: suspect (1 picture)\n"
        "too poor      42 of 620 faces found were not compared, in 2 streams; where and why: --format json\n"
        "threshold     0.363, documented default of sface+dlib-resnet\n"
        "error rate    FMR 5.0e-6 [1.3e-7, 2.8e-5]: 1 of 201,792 comparisons of different people reach it\n"
        "measured on   faces of the test: 640 photos of 80 people, photo against photo (default of retrofr)\n"
        "by chance     1.5e-4 [3.9e-6, 8.6e-4] false candidates expected, P(at least one) 1.5e-4, among 31 tracklets\n"
    ) in text


def test_where_nothing_was_seen_only_a_bound_is_said(run: Any, fake_search: Any) -> None:
    point = fmr_point(3.5, errors=0)
    stated = statement(
        point=point, each_probe=expected_false(31, point), whole_search=expected_false(31, point)
    )
    text = table(run, fake_search, statement=stated)
    assert (
        "error rate    FMR at most 1.5e-5: none of 201,792 comparisons of different people reach it\n" in text
    )
    assert (
        "by chance     at most 4.6e-4 false candidates expected, P(at least one) at most 4.6e-4, among 31 tracklets\n"
    ) in text


def test_a_threshold_below_all_that_were_measured(run: Any, fake_search: Any) -> None:
    point = operating_points().fmr_at(0.1)
    stated = statement(
        point=point, each_probe=expected_false(31, point), whole_search=expected_false(31, point)
    )
    text = table(run, fake_search, statement=stated)
    assert "error rate    FMR up to 1: no threshold as low as this was measured\n" in text
    assert "by chance     any number of false candidates, up to 31\n" in text


def test_several_probes_are_counted_each_and_all(run: Any, fake_search: Any) -> None:
    point = fmr_point(3.0, errors=20)
    stated = statement(
        compared=20_000,
        probes=5,
        point=point,
        each_probe=expected_false(20_000, point),
        whole_search=expected_false(100_000, point),
    )
    probes = tuple(probe(name) for name in "abcde")
    text = table(run, fake_search, statement=stated, probes=probes, compared=20_000)
    assert (
        "by chance     each probe: 2 [1.2, 3.1] false candidates expected, P(at least one) 0.86, "
        "among 20,000 tracklets\n"
        "              together: 9.9 [6.1, 15] false candidates expected, P(at least one) above 0.99, "
        "among 100,000 comparisons\n"
    ) in text


def test_requirement_15_an_override_is_shown_in_every_output(
    run: Any, fake_search: Any, tmp_path: Path
) -> None:
    words = "given for this run (override)"
    fake_search.gives = search_result(statement=statement(source=words, overridden=True))
    for format_name in ("table", "json", "jsonl"):
        assert words in run(*SEARCH, "--format", format_name).stdout
    assert words in run(*SEARCH, "--format", "csv").stderr
    run(*SEARCH, "--out", tmp_path / "out")
    document = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    assert document["statement"]["threshold"] == {
        "score": 0.363,
        "source": words,
        "overridden": True,
        "asked_fmr": None,
    }


def test_without_operating_points_the_rate_is_said_not_to_be_known(run: Any, fake_search: Any) -> None:
    reason = "no operating points for embedder facenet, as it is set here"
    stated = statement(point=None, data=None, reason=reason, each_probe=None, whole_search=None)
    text = table(run, fake_search, statement=stated)
    assert f"error rate    NOT KNOWN: {reason}\n" in text
    assert "by chance" not in text
    fake_search.gives = search_result(statement=stated)
    document = json.loads(run(*SEARCH, "--format", "json").stdout)["run"]["statement"]
    assert (document["operating_point"], document["operating_points"]) == (None, None)
    assert document["expected_false"] == {"each_probe": None, "whole_search": None}
    assert document["reason"] == reason


def test_no_face_was_too_poor(run: Any, fake_search: Any) -> None:
    coverage = Coverage((stream("a.mp4", faces_unfit=0, unfit_reasons=()),))
    assert "too poor      none of 310 faces found\n" in table(run, fake_search, coverage=coverage)


def test_what_scores_are_worth_is_said_once_for_all_that_are_alike(run: Any, fake_search: Any) -> None:
    each = (STRONG, NONE, AT_BOUND, STRONG, NONE)
    hits = tuple(appearance(n, 0.9 - n / 10, evidence=one) for n, one in enumerate(each, 1))
    text = table(run, fake_search, hits=hits)
    header, *rows = text.splitlines()[2:8]
    assert header.split()[-4:] == ["score", "log10", "LR", "faces"]
    assert [row.split()[-2] for row in rows] == ["3.21", "LR", "1.50*", "3.21", "LR"]
    assert f"LR: {STRONG.band} (#1, #4)\n" in text
    assert f"LR: {AT_BOUND.band} (#3)\n" in text
    assert "* as far as the data carry it, and no further (#3)\n" in text
    assert f"no LR: {NONE.reason} (#2, #5)\n" in text


def test_without_any_ratio_there_is_a_reason_and_no_column(run: Any, fake_search: Any) -> None:
    text = table(run, fake_search, hits=(appearance(1, 0.5, evidence=NONE),))
    assert "log10" not in text
    assert f"no LR: {NONE.reason} (#1)\n" in text


@pytest.mark.parametrize("words", ["match", "identif", "confidence", "similarity", "%"])
def test_words_that_claim_too_much_are_not_used(run: Any, fake_search: Any, words: str) -> None:
    hits = tuple(
        appearance(n, 0.5, evidence=one) for n, one in enumerate((STRONG, AT_BOUND, AGAINST, NONE), 1)
    )
    assert words not in table(run, fake_search, hits=hits).lower()


def test_evidence_goes_through_csv_and_json(run: Any, fake_search: Any) -> None:
    rows = list(csv.DictReader(run(*SEARCH, "--format", "csv").stdout.splitlines()))
    assert [row["llr"] for row in rows] == ["3.21", "", "1.5", "-0.8", ""]
    assert [row["llr_at_bound"] for row in rows] == ["false", "", "true", "false", ""]
    assert [row["llr_reason"] for row in rows] == ["", NONE.reason, "", "", ""]
    records = [json.loads(line) for line in run(*SEARCH, "--format", "jsonl").stdout.splitlines()][:5]
    told = [
        [record[name] for name in ("llr", "llr_band", "llr_at_bound", "llr_reason")] for record in records
    ]
    assert told == [
        [3.21, STRONG.band, False, None],
        [None, None, None, NONE.reason],
        [1.5, AT_BOUND.band, True, None],
        [-0.8, AGAINST.band, False, None],
        [None] * 4,
    ]


def test_requirement_19_where_faces_were_too_poor_is_in_the_run(run: Any, fake_search: Any) -> None:
    document = json.loads(run(*SEARCH, "--format", "json").stdout)["run"]["statement"]
    reasons = {"too small: less than 10 px between the eyes": 18, "turned too far away": 3}
    assert document["unfit"]["faces"] == 42
    assert document["unfit"]["streams"][1] == {
        "exhibit": "stairs/night – deck 3.mkv",
        "stream": 0,
        "faces": 21,
        "reasons": reasons,
    }
    assert document["operating_points"]["name"] == DATA.name


def test_flags_reach_the_settings(run: Any, fake_search: Any) -> None:
    run(*SEARCH, "--fmr", "1e-4", "--operating-points", "mine.toml")
    chosen = fake_search.calls[0]["settings"].search
    assert (chosen.fmr, chosen.operating_points, chosen.threshold) == (1e-4, "mine.toml", None)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ("--fmr", "1e-4", "--threshold", "3"),
            "error: search.fmr and search.threshold: the threshold is set twice, by an error rate and by a score\n"
            "       give --fmr or --threshold, not both\n",
        ),
        (("--fmr", "0"), "error: search.fmr: 0.0 is out of bounds; it goes from 1e-09 to 0.5\n"),
    ],
)
def test_errors_of_use(run: Any, fake_search: Any, flags: tuple[str, ...], message: str) -> None:
    result = run(*SEARCH, *flags)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", message)
    assert fake_search.calls == []
