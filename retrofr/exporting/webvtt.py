"""WebVTT: a file of cues for each exhibit, beside which a player shows them while the footage runs.

Each cue of an appearance follows a NOTE with the whole record, which has the exact times; players ignore it.
"""

from __future__ import annotations

from collections.abc import Iterator

from retrofr.documents import record
from retrofr.exporting._cues import Cue, cues_of, heading, stamp
from retrofr.exporting._words import counted, file_names, json_line, one_line
from retrofr.exporting.material import Material, Options
from retrofr.exporting.outputs import Output
from retrofr.results import LEADS_ONLY

ARROW = "-->"
RECORD = "retrofr.record"
"""The word by which a NOTE with a record begins."""


def export(material: Material, options: Options, output: Output) -> Iterator[str]:  # noqa: ARG001  as all
    """A folder: a file for each exhibit, called like it; one without cues says so by having none."""
    for place, name in file_names(material.places, ".vtt").items():
        cues = cues_of(material, place)
        notes = "\n".join((*heading(material, place), LEADS_ONLY)).replace(ARROW, "--&gt;")
        title = one_line(place[0]).replace(ARROW, "--&gt;")
        blocks = [f"WEBVTT {title}", f"NOTE\n{notes}", *map(_cue, cues)]
        output.write(name, ("\n\n".join(blocks) + "\n").encode())
    if unsearched := material.coverage.unsearched:
        yield f"{counted(len(unsearched), 'exhibit')} of which nothing could be searched"


def _cue(cue: Cue) -> str:
    start, end = (stamp(time, ".") for time in cue.milliseconds)
    text = "\n".join(map(_escaped, cue.lines))
    shown = f"{cue.name}\n{start} --> {end}\n{text}"
    if cue.appearance is None:
        return shown
    whole = json_line(record(cue.appearance)).replace(">", "\\u003e")  # an arrow would begin a cue
    return f"NOTE {RECORD} {whole}\n\n{shown}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
