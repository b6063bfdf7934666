"""JSON lines: each appearance by ``docs/schemas/record.schema.json``."""

from __future__ import annotations

from retrofr.exporting._tables import written_by
from retrofr.exporting.material import Material, Options
from retrofr.exporting.outputs import Output


def export(material: Material, options: Options, output: Output) -> tuple[str, ...]:  # noqa: ARG001  as all
    """One file: a line for each appearance."""
    output.write("timeline.jsonl", written_by("jsonl", material))
    return ()
