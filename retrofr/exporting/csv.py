"""CSV: the columns of ``docs/timeline.md``, safe to open in a spreadsheet."""

from __future__ import annotations

from codecs import BOM_UTF8

from retrofr.exporting._tables import written_by
from retrofr.exporting.material import Material, Options
from retrofr.exporting.outputs import Output


def export(material: Material, options: Options, output: Output) -> tuple[str, ...]:
    """One file: a header, then a line for each appearance."""
    output.write("timeline.csv", (BOM_UTF8 if options.bom else b"") + written_by("csv", material))
    return ()
