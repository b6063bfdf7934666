"""CASE/UCO: conforms to the ontology, offline; equal things have equal names; large results lie in several files."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from exported import clocked, exported, material, read_case_uco, spans_of
from retrofr.exporting.case_uco import SHARD

WARRANT = {
    "authority": "authority: RF/17, valid until 2026-12-01 00:00 UTC",
    "authority_reference": "RF/17",
}


def nodes_of(files: dict[str, bytes]) -> list[dict[str, Any]]:
    return [node for data in files.values() for node in json.loads(data)["@graph"]]


def write(files: dict[str, bytes], folder: Path) -> list[str]:
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return [str(folder / name) for name in files]


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def refuse(*arguments: Any, **options: Any) -> None:
        raise AssertionError("nothing may be looked up")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.slow
def test_requirement_29_case_conforms_offline(tmp_path: Path, offline: None) -> None:
    case_validate = pytest.importorskip("case_utils.case_validate")
    few = material(**WARRANT, appearances=material().appearances[:2])
    files, said = exported("case-uco", few)
    result = case_validate.validate(write(files, tmp_path), case_version="case-1.5.0")
    assert result.conforms, result.text
    assert not result.undefined_concepts
    assert said == []


def test_rdflib_reads_the_times(tmp_path: Path) -> None:
    rdflib = pytest.importorskip("rdflib")
    files, _ = exported("case-uco", material())
    graph = rdflib.Graph()
    for name in write(files, tmp_path):
        graph.parse(name)
    record = rdflib.Namespace("urn:retrofr:record/1#")
    found = []
    for appearance, ticks in graph.subject_objects(record.ticks_per_second):
        times = [graph.value(appearance, record[name]).toPython() for name in ("start_ticks", "end_ticks")]
        found.append(tuple(Fraction(time, ticks.toPython()) for time in times))
    assert sorted(found) == spans_of(material().appearances)


def test_equal_things_have_equal_names() -> None:
    one, other = (exported("case-uco", material())[0] for _ in range(2))
    assert one == other
    by_name = {node["@id"]: node for node in nodes_of(one)}
    assert all(by_name[node["@id"]] == node for node in nodes_of(one) if not _gathers(node))
    elsewhere = {node["@id"] for node in nodes_of(exported("case-uco", material(case_id="other"))[0])}
    shared = {by_name[name]["@type"] for name in by_name.keys() & elsewhere}
    assert shared == {
        "observable:File", "observable:FileFacet", "observable:ContentDataFacet", "types:Hash",
        "tool:AnalyticTool",
    }  # fmt: skip


def _gathers(node: dict[str, Any]) -> bool:
    """Nodes that list what is in their file; read together, the lists add up."""
    return node["@type"] in {"investigation:InvestigativeAction", "investigation:ProvenanceRecord"}


def test_large_results_lie_in_several_files() -> None:
    spans = [(Fraction(n), n + Fraction(1, 2)) for n in range(2 * SHARD + 1)]
    files, _ = exported("case-uco", clocked(spans))
    assert list(files) == [
        "appearances-0001.jsonld", "appearances-0002.jsonld", "appearances-0003.jsonld", "coverage-0001.jsonld"
    ]  # fmt: skip
    assert read_case_uco(files) == spans


def test_no_score_is_called_a_confidence_and_nothing_is_reviewed() -> None:
    nodes = nodes_of(exported("case-uco", material())[0])
    classes = {node.get("analysis:class") for node in nodes} - {None}
    assert classes == {"hit-unreviewed", "candidate-unreviewed"}
    assert not [node for node in nodes if "analysis:classificationConfidence" in node]
    (first, *_) = material().appearances
    examined = replace(first, verdict="one verdict, not final")
    nodes = nodes_of(exported("case-uco", material(appearances=(examined,)))[0])
    assert {node.get("analysis:class") for node in nodes} - {None} == {"hit"}
    assert any("0.612, one verdict, not final" in node.get("core:statement", "") for node in nodes)


def test_what_was_not_searched_is_annotated() -> None:
    nodes = nodes_of(exported("case-uco", material())[0])
    told = {node["core:statement"] for node in nodes if node["@type"] == "core:Annotation"}
    assert "stream 0, 0:10:00.000 to 0:10:02.000: not searched: unreadable (3 damaged packets)" in told
    unread = "not searched at all: cam2_0114.mp4: no video index (moov) in this file, so none of it could be searched"
    assert unread in told


def test_the_authority_is_named_or_said_not_to_be_recorded() -> None:
    def investigation(**changes: Any) -> dict[str, Any]:
        nodes = nodes_of(exported("case-uco", material(**changes))[0])
        return next(node for node in nodes if node["@type"] == "investigation:Investigation")

    assert "authority: not recorded" in investigation()["core:description"]
    named = investigation(**WARRANT)
    assert WARRANT["authority"] in named["core:description"]
    assert named["investigation:relevantAuthorization"]


def test_the_context_is_in_every_file() -> None:
    for data in exported("case-uco", material())[0].values():
        context = json.loads(data)["@context"]
        assert isinstance(context, dict)
        used = {name.split(":")[0] for node in json.loads(data)["@graph"] for name in node if ":" in name}
        assert used <= set(context)
