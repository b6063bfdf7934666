"""JSON: a whole result as one document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, ClassVar

from retrofr.documents import appearances_document, encoded, json_text, search_document
from retrofr.results import Appearance, SearchResult
from retrofr.settings import StageSettings


@dataclass(frozen=True)
class JsonSettings(StageSettings):
    """JSON has no settings."""

    stage: ClassVar[str] = "json"


SETTINGS = JsonSettings


class JsonExporter:
    """One indented document with hits, candidates, coverage and run."""

    name = "json"
    suffix = ".json"
    states_coverage = True

    def write(self, result: SearchResult, file: BinaryIO) -> None:
        file.write(encoded(json_text(search_document(result), indent=2) + "\n"))

    def write_appearances(self, appearances: Sequence[Appearance], file: BinaryIO) -> None:
        file.write(encoded(json_text(appearances_document(appearances), indent=2) + "\n"))


def build(settings: JsonSettings) -> JsonExporter:  # noqa: ARG001  every exporter is built alike
    return JsonExporter()
