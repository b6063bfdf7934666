"""SubRip subtitles: a file for each exhibit, which players show over the footage while it runs."""

from __future__ import annotations

from collections.abc import Iterator

from retrofr.exporting._cues import cues_of, stamp
from retrofr.exporting._words import counted, file_names
from retrofr.exporting.material import Material, Options
from retrofr.exporting.outputs import Output

_TAGS = str.maketrans("<>{}", "‹›❴❵")  # noqa: RUF001  they are meant
"""Players take these for tags, and the format knows no escapes: others that look like them stand in their place."""


def export(material: Material, options: Options, output: Output) -> Iterator[str]:  # noqa: ARG001  as all
    """A folder: a file for each exhibit that has something to show, called like it."""
    silent = 0
    for place, name in file_names(material.places, ".srt").items():
        blocks = []
        for number, cue in enumerate(cues_of(material, place), start=1):
            start, end = (stamp(time, ",") for time in cue.milliseconds)
            lines = "\n".join(cue.lines).translate(_TAGS)
            blocks.append(f"{number}\n{start} --> {end}\n{lines}\n")
        silent += not blocks
        if blocks:
            output.write(name, "\n".join(blocks).encode())
    if silent:
        yield f"{counted(silent, 'exhibit')} with nothing to show, which have no file"
    if unsearched := material.coverage.unsearched:
        yield f"{counted(len(unsearched), 'exhibit')} of which nothing could be searched"
