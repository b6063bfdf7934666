"""docs/output.md promises what the code does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from fixed_results import search_result
from retrofr import documents, errors, events, index_documents, statements
from retrofr.comparing import COMPARISON_SCHEMA
from retrofr.disclosure.replaying import REPLAY_SCHEMA
from retrofr.disclosure.verifying import VERIFICATION_SCHEMA
from retrofr.evaluation.calibration_documents import CALIBRATION_SCHEMA
from retrofr.evaluation.documents import EVALUATION_SCHEMA
from retrofr.oversight.checking import AskedProbe, Facts, allowed
from retrofr.oversight.policy import Policy
from retrofr.records import RangeKind
from retrofr.speed.documents import SPEED_SCHEMA
from retrofr_cli import case_view, oversight_view, people_view, verdict_view
from retrofr_cli.commands import doctor, models
from retrofr_cli.failures import PROGRESS_SCHEMA
from retrofr_cli.planning import PLAN_SCHEMA

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "output.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def test_the_columns_are_those_of_a_record_in_order() -> None:
    rows = re.findall(r"^\| (`[^|]*) \|", section("Columns of a record"), re.MULTILINE)
    assert [name for row in rows for name in re.findall(r"`(\w+)`", row)] == list(documents.COLUMNS)


def test_every_key_of_the_coverage_is_told() -> None:
    kinds, whole, stream_rows = section("Coverage").split("\n| k")[1:]
    document = documents.coverage_document(search_result().coverage)
    (stream, *_) = document["streams"]  # type: ignore[misc]
    assert first_column(kinds) == list(get_args(RangeKind))
    assert first_column(whole) == list(document)
    assert set(first_column(stream_rows)) == set(stream) - set(document) | {"changed"}
    for key in (*stream["ranges"][0], *document["unsearched"][0]):  # type: ignore[index]
        assert f"`{key}`" in section("Coverage")


def test_every_key_of_the_statement_is_told() -> None:
    result = search_result()
    document = documents.search_statement(result.statement, result.coverage)
    assert first_column(section("The statement of errors")) == [key for key in document if key != "schema"]


def test_every_key_of_authority_and_policy_is_told() -> None:
    facts = Facts(probes=(AskedProbe("suspect", "suspect.jpg", "0" * 64),))
    document = allowed(Policy(), facts).as_dict(0)
    assert first_column(section("Authority and policy")) == list(document)
    inner = [*document["authority"], *document["policy"], *document["probe_records"][0]]
    assert [key for key in inner if f"`{key}`" not in section("Authority and policy")] == []


def first_column(table: str) -> list[str]:
    rows = re.findall(r"^\| (`[^|]*) \|", table, re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`(\w+)`", row)]


def test_every_event_is_named() -> None:
    kinds = [re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower() for kind in get_args(events.Event)]
    assert [kind for kind in kinds if f"`{kind}`" not in section("Progress for scripts")] == []


def test_every_schema_is_named() -> None:
    schemas = {value for name, value in vars(documents).items() if name.endswith("_SCHEMA")}
    schemas |= {PROGRESS_SCHEMA, models.SCHEMA, doctor.SCHEMA, index_documents.INDEX_SCHEMA}
    schemas |= {PLAN_SCHEMA, SPEED_SCHEMA, statements.STATEMENT_SCHEMA, COMPARISON_SCHEMA}
    schemas |= {EVALUATION_SCHEMA, CALIBRATION_SCHEMA}
    schemas |= {case_view.CASE_SCHEMA, case_view.LIST_SCHEMA}
    schemas |= {oversight_view.AUTHORITIES_SCHEMA, oversight_view.PROBES_SCHEMA, oversight_view.POLICY_SCHEMA}
    schemas |= {people_view.PEOPLE_SCHEMA, people_view.PERSON_SCHEMA, people_view.DETAIL_SCHEMA}
    schemas |= {verdict_view.VERDICTS_SCHEMA, VERIFICATION_SCHEMA, REPLAY_SCHEMA}
    schemas -= {documents.APPEARANCES_SCHEMA}  # the library's own, written by no command
    assert set(re.findall(r"`(retrofr\.\w+/\d+)`", PAGE)) == schemas


def test_every_exit_code_is_named() -> None:
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", section("Exit codes"), re.MULTILINE)}
    kinds = [errors.RetrofrError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    assert codes == {kind.exit_code for kind in kinds} | {
        0,
        errors.EXIT_DIFFERS,
        errors.EXIT_GAPS,
        errors.EXIT_INTERRUPTED,
        141,
    }
