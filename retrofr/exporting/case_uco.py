"""CASE/UCO 1.5: JSON-LD for evidence management systems, in files of at most 100 appearances each.

An appearance is an observable that is contained in the file of its exhibit; what a person may read of it is an
annotation, and its record stands in a draft namespace of retrofr's own, for CASE has no class for faces. A score is
no confidence: ``classificationConfidence`` stays empty. Every file stands by itself, and equal nodes have equal names.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from retrofr.documents import json_text, record
from retrofr.exporting._case_graph import (
    RECORD_PREFIX,
    Node,
    document,
    file_nodes,
    identifier,
    link,
    links,
    moment,
    node,
    plain_text,
)
from retrofr.exporting._words import clock_words, gap_words, span_words, title_of, where, worth_of
from retrofr.exporting.material import Material, Options, Place, facts, not_whole
from retrofr.exporting.outputs import Output
from retrofr.results import LEADS_ONLY, NOT_EXAMINED, Appearance, Coverage

SHARD = 100
"""Appearances, or annotations of the coverage, in a file: validators are slow on large graphs."""

CONTAINED = "Contained_Within"


def export(material: Material, options: Options, output: Output) -> tuple[str, ...]:  # noqa: ARG001  as all
    """A folder: the appearances and the coverage, each in numbered files."""
    graph = _Graph(material)
    found = material.appearances
    for number, start in enumerate(range(0, len(found), SHARD), start=1):
        nodes = graph.of_appearances(found[start : start + SHARD])
        output.write(f"appearances-{number:04}.jsonld", document(nodes))
    told = list(graph.coverage_statements(material.coverage))
    for number, start in enumerate(range(0, max(1, len(told)), SHARD), start=1):
        nodes = graph.of_coverage(told[start : start + SHARD])
        output.write(f"coverage-{number:04}.jsonld", document(nodes))
    return ()


class _Graph:
    """The nodes of one export."""

    def __init__(self, material: Material) -> None:
        self._material = material
        search = "people" if material.search is None else material.search.id
        self._export = (material.case_id, search)
        self._investigation = identifier("investigation", material.case_id)
        self._action = identifier("action", *self._export)

    def of_appearances(self, found: tuple[Appearance, ...]) -> Iterator[Node]:
        """Everything that a file of appearances holds."""
        names = [self._name_of(a) for a in found]
        yield from self._common({(a.exhibit, a.exhibit_sha256) for a in found}, names)
        for name, appearance in zip(names, found, strict=True):
            yield from self._appearance(name, appearance)

    def of_coverage(self, told: list[tuple[Place | None, str]]) -> Iterator[Node]:
        """Everything that a file of coverage holds."""
        yield from self._common({place for place, _ in told if place}, [])
        if statement := facts(self._material).get("statement"):
            yield self._annotation(self._action, json_text(statement))
        for place, text in told:
            yield self._annotation(self._file(place) if place else self._action, text)

    def coverage_statements(self, coverage: Coverage) -> Iterator[tuple[Place | None, str]]:
        """What was and was not searched, in sentences: of a file, or of what could not even be opened."""
        for stream in coverage.streams:
            place = (stream.exhibit, stream.exhibit_sha256)
            searched = f"searched {float(stream.searched_seconds):.3f} s"
            yield place, f"stream {stream.stream}: {searched}; {stream.clock.status}"
            for stretch in not_whole(stream):
                span = span_words(stretch.start_seconds, stretch.end_seconds)
                yield place, f"stream {stream.stream}, {span}: {gap_words(stretch)}"
            yield from ((place, f"stream {stream.stream}: {problem}") for problem in stream.problems)
        for item in coverage.unsearched:
            yield None, f"not searched at all: {item.subject}: {item.reason}"

    def _common(self, places: set[Place], results: list[str]) -> Iterator[Node]:
        """What every file needs to stand by itself: the investigation, the search, its tool, probes and exhibits."""
        probes = list(self._probes())
        objects = [nodes[0]["@id"] for nodes in probes] + [self._file(place) for place in sorted(places)]
        search = self._material.search
        tool, configured = (
            identifier("tool", self._material.software),
            identifier("configured", *self._export),
        )
        provenance = identifier("provenance", *self._export)
        reference = self._material.authority_reference
        authorization = identifier("authorization", self._material.case_id, reference)
        if reference:
            yield node(
                "investigation:Authorization",
                authorization,
                investigation__authorizationIdentifier=plain_text(reference),
            )
        yield node(
            "investigation:Investigation",
            self._investigation,
            core__name=plain_text(self._material.case_name),
            core__description=[LEADS_ONLY, plain_text(self._material.authority)],
            investigation__relevantAuthorization=links([authorization]) if reference else None,
            core__object=links([self._action]),
        )
        yield node(
            "investigation:InvestigativeAction",
            self._action,
            core__name=f"face search {search.id}"
            if search
            else "appearances of all persons, without a probe",
            action__startTime=moment(search.started.isoformat() if search else None),
            action__endTime=moment(search.finished.isoformat() if search else None),
            action__instrument=links([configured]),
            action__object=links(objects),
            action__result=links([provenance]) if results else None,
        )
        if results:
            yield node("investigation:ProvenanceRecord", provenance, core__object=links(results))
        name, _, version = self._material.software.partition(" ")
        yield node("tool:AnalyticTool", tool, core__name=name, tool__version=version)
        yield from self._configured(tool, configured)
        for nodes in probes:
            yield from nodes
        for place in sorted(places):
            exhibit = self._material.exhibits.get(place[1])
            yield from file_nodes(self._file(place), *place, None if exhibit is None else exhibit.size_bytes)

    def _configured(self, tool: str, configured: str) -> Iterator[Node]:
        told = {name: value for name, value in facts(self._material).items() if name != "statement"}
        if self._material.search is not None:
            told |= {f"setting {name}": value for name, value in self._material.search.settings.items()}
        entries = {
            identifier("entry", configured, name): (name, value)
            for name, value in told.items()
            if value is not None
        }
        configuration = identifier("configuration", configured)
        yield node(
            "tool:ConfiguredTool",
            configured,
            configuration__isConfigurationOf=link(tool),
            configuration__usesConfiguration=link(configuration),
        )
        yield node(
            "configuration:Configuration", configuration, configuration__configurationEntry=links(entries)
        )
        for entry, (name, value) in entries.items():
            text = value if isinstance(value, str) else json_text(value)
            yield node(
                "configuration:ConfigurationEntry",
                entry,
                configuration__itemName=name,
                configuration__itemValue=plain_text(text),
            )

    def _probes(self) -> Iterator[list[Node]]:
        search = self._material.search
        for probe in () if search is None else search.probes:
            for image in probe.get("images", ()):
                name = identifier("probe", probe["name"], image["sha256"])
                nodes = file_nodes(
                    name, str(image.get("path", probe["name"])).rpartition("/")[2], image["sha256"], None
                )
                nodes[0]["core:description"] = f"picture of the probe {plain_text(probe['name'])}"
                yield nodes

    def _appearance(self, name: str, a: Appearance) -> Iterator[Node]:
        facet, classification = identifier("facet", name), identifier("classification", name)
        kind = ("hit" if a.hit else "candidate") if a.compared else "person"
        # What examiners said is in the annotation and the record: a class would say more, or less.
        kind += "-unreviewed" if a.verdict == NOT_EXAMINED else ""
        columns: dict[str, Any] = {
            f"{RECORD_PREFIX}:{column}": plain_text(value) if isinstance(value, str) else value
            for column, value in record(a).items()
            if value is not None
        }
        place = (a.exhibit, a.exhibit_sha256)
        span = span_words(a.start_seconds, a.end_seconds)
        told = f"{title_of(a)}: {worth_of(a)}; {where(a)}, {span}; {clock_words(a)}"
        yield {
            **node(
                "observable:ObservableObject", name, core__name=title_of(a), core__hasFacet=links([facet])
            ),
            **columns,
        }
        yield node(
            "analysis:ArtifactClassificationResultFacet",
            facet,
            analysis__classification=links([classification]),
        )
        yield node("analysis:ArtifactClassification", classification, analysis__class=kind)
        yield node(
            "observable:ObservableRelationship",
            identifier("contained", name),
            core__source=link(name),
            core__target=link(self._file(place)),
            core__kindOfRelationship=CONTAINED,
            core__isDirectional=True,
            core__startTime=moment(a.start_time_adjusted or a.start_time),
            core__endTime=moment(a.end_time_adjusted or a.end_time),
        )
        yield self._annotation(name, told)

    def _annotation(self, of: str, text: str) -> Node:
        return node(
            "core:Annotation",
            identifier("annotation", *self._export, of, text),
            core__object=links([of]),
            core__statement=plain_text(text),
        )

    def _file(self, place: Place) -> str:
        return identifier("file", *place)

    def _name_of(self, a: Appearance) -> str:
        times = (a.start_seconds, a.end_seconds)
        return identifier(
            "appearance",
            *self._export,
            a.probe,
            a.rank,
            a.person,
            a.exhibit,
            a.exhibit_sha256,
            a.stream,
            *times,
        )
