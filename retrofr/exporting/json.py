"""JSON: all appearances as one document, by ``docs/schemas/appearances.schema.json``."""

from __future__ import annotations

from retrofr.exporting._tables import written_by
from retrofr.exporting.material import Material, Options
from retrofr.exporting.outputs import Output


def export(material: Material, options: Options, output: Output) -> tuple[str, ...]:  # noqa: ARG001  as all
    """One file: one document."""
    output.write("timeline.json", written_by("json", material))
    return ()
