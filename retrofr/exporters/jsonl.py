"""JSON lines: one record a line, each naming its schema."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import BinaryIO, ClassVar

from retrofr.documents import coverage_document, encoded, json_text, record, run_document
from retrofr.results import Appearance, SearchResult
from retrofr.settings import StageSettings


@dataclass(frozen=True)
class JsonlSettings(StageSettings):
    """JSON lines have no settings."""

    stage: ClassVar[str] = "jsonl"


SETTINGS = JsonlSettings


class JsonlExporter:
    """Hits, candidates, one coverage record, one run record; a line each."""

    name = "jsonl"
    suffix = ".jsonl"
    states_coverage = True

    def write(self, result: SearchResult, file: BinaryIO) -> None:
        self.write_appearances((*result.hits, *result.candidates), file)
        _write_lines((coverage_document(result.coverage), run_document(result)), file)

    def write_appearances(self, appearances: Sequence[Appearance], file: BinaryIO) -> None:
        _write_lines((record(appearance) for appearance in appearances), file)


def build(settings: JsonlSettings) -> JsonlExporter:  # noqa: ARG001  every exporter is built alike
    return JsonlExporter()


def _write_lines(documents: Iterable[dict[str, object]], file: BinaryIO) -> None:
    for document in documents:
        file.write(encoded(json_text(document) + "\n"))
