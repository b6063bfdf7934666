"""The formats that ``retrofr search`` writes as well, from the parts that write them there."""

from __future__ import annotations

import io

from retrofr import registry
from retrofr.exporting.material import Material


def written_by(part_name: str, material: Material) -> bytes:
    """The records as a part of kind ``exporters`` writes them."""
    part = registry.load("exporters", part_name)
    file = io.BytesIO()
    part.build(part.SETTINGS()).write_appearances(material.appearances, file)
    return file.getvalue()
