"""The report as one HTML page. Its pictures lie beside it; its style and its script are in it, and nothing is fetched.

The script only filters and sorts what is there: without it the page shows everything. A content security policy lets
nothing else run and nothing from elsewhere be shown, whatever the names of files and cameras hold.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from retrofr.documents import FRAME_SUFFIX, face_still
from retrofr.oversight.authority import NOT_RECORDED
from retrofr.pages import fill, read, stylesheet
from retrofr.reporting import facts, figures, lanes, moments, words
from retrofr.reporting.searched import Searched
from retrofr.results import LEADS_ONLY, Appearance
from retrofr.statements import LLR_DIGITS

PAGE = "report.html"
NOT_THE_ONLY_BASIS = "Never the only basis of a decision: corroborate."
FIRST_HITS = 100
"""So many are elements of the page at once; the others are kept as text where scripts run, so that it opens quickly."""

_PACKAGE = "retrofr.reporting"


@dataclass(frozen=True)
class Shown:
    """One hit or candidate as the page shows it; ``key`` values are what filters ask for."""

    id: str
    a: Appearance
    camera: str
    times: tuple[tuple[str, str], ...]
    frame: str | None
    face: str | None
    probe_picture: str | None
    says: str
    quality: str
    keys: dict[str, str]
    warnings: tuple[str, ...]


def report_page(searched: Searched) -> str:
    """The page as HTML; everything that was given is escaped."""
    from markupsafe import Markup

    style = stylesheet() + read(_PACKAGE, "templates/report.css")
    script = read(_PACKAGE, "templates/report.js")
    line, authority = facts.authority_facts(searched.run)
    found = (*searched.hits, *searched.candidates)
    hits = [_shown(a, searched) for a in searched.hits]
    values: dict[str, Any] = {
        "style": Markup(style),
        "script": Markup(script),
        "policy": _policy(style, script),
        "title": _title(searched),
        "lead": LEADS_ONLY,
        "only_basis": NOT_THE_ONLY_BASIS,
        "authority_line": line,
        "authorised": line != NOT_RECORDED,
        "authority": authority,
        "asked": facts.asked_facts(searched),
        "notes": searched.notes,
        "probes": searched.probes,
        "panels": lanes.panels(searched.coverage, found),
        "kinds": _kinds(searched),
        "unsearched": searched.coverage.unsearched,
        "linked": len(found) <= 60,
        "hits": hits,
        "pictures": facts.pictures_fact(searched.run),
        "first": FIRST_HITS,
        "candidates": [_shown(a, searched) for a in searched.candidates],
        "no_hit": _no_hit(searched),
        "filters": _filters(hits),
        "people": searched.people,
        "statement_texts": words.statement_texts(searched.statement, len(searched.hits)),
        "unfit": words.unfit_text(searched.statement),
        "statement_notes": searched.statement.get("notes", ()),
        "figures": figures.figure_facts(searched.statement),
        "coverage": facts.coverage_facts(searched.coverage),
        "streams": [(s, facts.stream_facts(s)) for s in searched.coverage.streams],
        "not_searched": facts.not_searched_rows(searched.coverage),
        "method": facts.method_groups(searched),
        "length": moments.length,
    }
    return fill(_PACKAGE, "templates/report.html", values)


def _policy(style: str, script: str) -> str:
    """Only this style and this script, and pictures beside the page."""
    style_digest, script_digest = (
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)
    )
    return (
        f"default-src 'none'; img-src 'self' file:; style-src 'sha256-{style_digest}'; "
        f"script-src 'sha256-{script_digest}'; base-uri 'none'; form-action 'none'"
    )


def _title(searched: Searched) -> str:
    names = [probe.name for probe in searched.probes]
    listed = ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")
    return f"Search for {listed}" if names else "Search"


def _shown(appearance: Appearance, searched: Searched) -> Shown:
    frame = appearance.still if appearance.still and appearance.still.endswith(FRAME_SUFFIX) else None
    picture = next((p.picture for p in searched.probes if p.name == appearance.probe), None)
    kind = "hit" if appearance.hit else "candidate"
    return Shown(
        id=f"{kind}-{appearance.rank}",
        a=appearance,
        camera=_camera(appearance),
        times=_times(appearance),
        frame=frame,
        face=None if appearance.still is None else face_still(appearance.still),
        probe_picture=picture,
        says=_says(appearance),
        quality=_quality(appearance),
        keys=_keys(appearance),
        warnings=_warnings(appearance),
    )


def _camera(appearance: Appearance) -> str:
    return appearance.camera or appearance.exhibit


def _times(appearance: Appearance) -> tuple[tuple[str, str], ...]:
    clock = appearance.start_time is not None
    told = [("adjusted time" if clock else "wall clock", moments.adjusted(appearance))]
    if clock:
        told.append(("recorder’s time", moments.recorder(appearance)))
        told.append(("clock from", appearance.clock_source))
    else:
        told = [("wall clock", moments.recorder(appearance))]
    if appearance.clock_note:
        told.append(("about the time", appearance.clock_note))
    told.append(("in the recording", moments.media_time(appearance)))
    return tuple(told)


def _says(appearance: Appearance) -> str:
    """The likelihood ratio with its words, or why there is none."""
    evidence = appearance.evidence
    if evidence is None:
        return "not stated"
    if evidence.llr is None:
        return f"none: {evidence.reason}"
    bound = " As far as the data carry it, and no further." if evidence.at_bound else ""
    llr = round(evidence.llr, LLR_DIGITS)
    return f"log10 {_signed(llr)}. {words.ratio_text(evidence.llr, evidence.band)}{bound}"


def _signed(number: float) -> str:
    return f"{number:.2f}".replace("-", "−")


def _quality(appearance: Appearance) -> str:
    told = f"{appearance.eye_distance_pixels:.0f} px between the eyes in the best picture"
    if appearance.best_suspect:
        told += ", which may be damaged"
    return told


def _keys(appearance: Appearance) -> dict[str, str]:
    """What filters and the order of time go by; wall-clock times as the clock shows them, without a zone."""
    start, end = appearance.start_time_adjusted, appearance.end_time_adjusted
    return {
        "camera": _camera(appearance),
        "probe": appearance.probe,
        "person": "" if appearance.person is None else str(appearance.person),
        "start": (start or "")[:19],
        "end": (end or "")[:19],
        "media": f"{float(appearance.start_seconds):.3f}",
    }


def _warnings(appearance: Appearance) -> tuple[str, ...]:
    told = []
    if appearance.exhibit_changed:
        told.append("ALTERED: the file changed while it was searched")
    if appearance.faces_suspect:
        told.append(
            f"damage was reported in {words.counted(appearance.faces_suspect, 'picture')} that was compared"
        )
    return tuple(told)


def _kinds(searched: Searched) -> list[tuple[str, str]]:
    """The fates that the timeline shows, for its legend."""
    there = {r.kind for stream in searched.coverage.streams for r in stream.ranges}
    if any(not stream.ranges for stream in searched.coverage.streams):
        there |= {"searched"}
    return [(lanes.LOOKS.get(kind, kind), text) for kind, text in lanes.KINDS.items() if kind in there]


def _no_hit(searched: Searched) -> str:
    """That there is none, for whom, and whether anything was compared at all."""
    with_hit = {a.probe for a in searched.hits}
    missing = [probe.name for probe in searched.probes if probe.name not in with_hit]
    if not missing:
        return ""
    listed = ", ".join(missing[:12]) + (f" and {len(missing) - 12:,} more" if len(missing) > 12 else "")
    if not any(stream.frames for stream in searched.coverage.streams):
        reason = "Nothing could be searched."
    elif not searched.compared:
        reason = "No face was found that could be compared."
    else:
        reason = f"No face in what was searched scores {searched.threshold:.3f} or more."
    return f"No hit for {listed}. {reason}"


def _filters(hits: Sequence[Shown]) -> dict[str, list[str]]:
    """The values of each filter that leaves a choice."""
    named = {
        name: sorted({hit.keys[name] for hit in hits} - {""}, key=_natural)
        for name in ("camera", "probe", "person")
    }
    several = {name: values for name, values in named.items() if len(values) > 1}
    if any(hit.keys["start"] for hit in hits):
        several["time"] = []
    return several if len(hits) > 1 else {}


def _natural(text: str) -> tuple[bool, int, str]:
    return not text.isdigit(), int(text) if text.isdigit() else 0, text
