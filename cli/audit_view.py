"""The audit log for a person, and as CSV: its entries, whether it is whole, and the figures of it."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from .text import counted, shown

if TYPE_CHECKING:
    from rich.console import Console

    from retrofr.oversight.findings import Findings, Verified
    from retrofr.oversight.log import Entry
    from retrofr.oversight.summary import Summary

LOG_SCHEMA = "retrofr.audit-log/1"
CHECK_SCHEMA = "retrofr.audit-check/1"
COLUMNS = (
    *("seq", "at", "action", "operation", "outcome", "started", "finished", "operator", "operator_stated"),
    *("user", "host", "authority", "reason", "case", "details", "digest"),
)
NOT_RECORDED = "not recorded"
_LONGEST_DETAIL = 60
_MOST_LISTED = 4
_SHA256 = re.compile("[0-9a-f]{64}")
_SECONDS = 19


@dataclass(frozen=True)
class Checked:
    """A log and what came of its check; ``name`` says which log, ``path`` where it lies."""

    name: str
    path: str
    result: Verified | Findings

    @property
    def findings(self) -> Findings | None:
        """What was altered; None where nothing was."""
        from retrofr.oversight.findings import Findings

        return self.result if isinstance(self.result, Findings) else None


def print_entries(console: Console, entries: Sequence[Entry], altered: int) -> None:
    """``audit show`` for a person: an entry a row, the newest last."""
    if not entries and not altered:
        console.print("Nothing is in this log yet.")
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for title in ("#", "when (UTC)", "action", "operator", "authority", "what"):
        table.add_column(title, overflow="fold", justify="right" if title == "#" else "left")
    for entry in entries:
        operator = entry["operator"]
        name = shown(str(operator.get("name")))
        ended = "" if entry["outcome"] == "done" else f", {entry['outcome']}"
        table.add_row(
            str(entry["seq"]),
            str(entry["at"])[:_SECONDS].replace("T", " "),
            f"{entry['action']}{ended}",
            name if operator.get("stated") else f"not stated, system user {name}",
            shown(str(entry["authority"] or NOT_RECORDED)),
            _what(entry),
        )
    console.print(table)
    if altered:
        verb = "was" if altered == 1 else "were"
        console.print(
            f"{counted(altered, 'entry', 'entries')} {verb} altered and cannot be shown: retrofr audit verify"
        )


def _what(entry: Entry) -> str:
    parts = [] if entry["reason"] is None else [f"“{entry['reason']}”"]
    parts += [f"{name.replace('_', ' ')}: {_short(value)}" for name, value in entry["details"].items()]
    return shown("; ".join(parts))


def _short(value: Any) -> str:
    """A value in few characters; other formats have it whole."""
    match value:
        case str() if _SHA256.fullmatch(value):
            return f"{value[:12]}…"
        case str():
            return value if len(value) <= _LONGEST_DETAIL else f"{value[:_LONGEST_DETAIL]}…"
        case list() if len(value) > _MOST_LISTED or not all(isinstance(item, str) for item in value):
            return f"{len(value):,} listed"
        case list():
            return ", ".join(map(_short, value)) or "none"
        case dict():
            return ", ".join(f"{name} {_short(inner)}" for name, inner in value.items())
    return json.dumps(value)


def entries_csv(entries: Iterable[Entry]) -> str:
    """``audit show --format csv``: a line an entry, details as JSON."""
    rows = []
    for entry in entries:
        operator = entry["operator"]
        fields = entry | {
            "operator": operator.get("name"),
            "operator_stated": operator.get("stated"),
            "details": json.dumps(entry["details"], ensure_ascii=True),
        }
        rows.append([fields[name] for name in COLUMNS])
    return _csv(COLUMNS, rows)


def print_checks(console: Console, checks: Sequence[Checked]) -> None:
    """``audit verify`` for a person: what is whole, what was altered, what could not be told."""
    for check in checks:
        number = counted(check.result.entries, "entry", "entries")
        findings = check.findings
        verdict = "nothing was altered" if findings is None else "ALTERED"
        style = "bold" if findings is None else "bold red"
        console.print(Text.assemble((check.name, style), f": {verdict} ({number}, {shown(check.path)})"))
        grid = Table.grid(padding=(0, 2, 0, 0))
        if findings is not None:
            for finding in findings.found:
                grid.add_row(f"entry {finding.seq}", finding.kind, shown(finding.sentence))
        elif check.result.entries:
            grid.add_row("head", getattr(check.result, "last_digest", "") or "")
        for note in check.result.notes:
            grid.add_row("note", shown(note))
        if grid.row_count:
            console.print(Padding(grid, (0, 0, 0, 2)))


def checks_document(checks: Sequence[Checked]) -> dict[str, Any]:
    """``audit verify --format json``."""
    return {
        "schema": CHECK_SCHEMA,
        "logs": [
            {
                "log": check.name,
                "path": check.path,
                "entries": check.result.entries,
                "whole": check.findings is None,
                "head": getattr(check.result, "last_digest", None),
                "findings": [
                    {"kind": f.kind, "seq": f.seq, "sentence": f.sentence}
                    for f in (check.findings.found if check.findings else ())
                ],
                "notes": list(check.result.notes),
            }
            for check in checks
        ],
    }


def print_summary(console: Console, summary: Summary) -> None:
    """``audit summary`` for a person: a figure a row, the whole and each month a column."""
    from retrofr.oversight.summary import figures_document

    if not summary.entries:
        console.print("Nothing is in this log yet.")
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    table.add_column("figure")
    columns = {"all": summary.total, **summary.months}
    for title in columns:
        table.add_column(title, justify="right")
    documents = [_flat(figures_document(figures)) for figures in columns.values()]
    always = ("searches", "denials", "candidates", "erasures")
    for name in documents[0]:
        values = [document[name] for document in documents]
        if any(values) or name in always:
            table.add_row(name.replace("_", " ").replace(".", ": "), *map(_cell, values))
    console.print(table)
    rate = summary.total.false_candidates
    if rate is None:
        console.print("\nFalse candidates: not known, since no candidate was concluded on by two examiners.")
    else:
        bounds = f"{100 * rate.low:.1f} to {100 * rate.high:.1f} %"
        interval = f"at most {100 * rate.high:.1f} %" if rate.bound_only else f"95 % interval {bounds}"
        console.print(
            f"\nFalse candidates: {rate.errors:,} of {rate.trials:,} that two examiners concluded on ({interval})."
        )


def summary_csv(summary: Summary) -> str:
    """``audit summary --format csv``: a line a month, and one for all."""
    from retrofr.oversight.summary import figures_document

    months = {**summary.months, "all": summary.total}
    lines = [{"month": month, **_flat(figures_document(figures))} for month, figures in months.items()]
    columns = tuple(lines[-1])
    return _csv(columns, [[line[name] for name in columns] for line in lines])


def _flat(figures: Mapping[str, Any]) -> dict[str, Any]:
    """One level, tables within it as ``name.key``; an interval that is not there has empty cells."""
    flat: dict[str, Any] = {}
    for name, value in figures.items():
        if name == "false_candidates":
            keys = ("count", "total", "share", "low", "high")
            flat |= {f"{name}.{key}": None if value is None else value[key] for key in keys}
        elif isinstance(value, Mapping):
            flat |= {f"{name}.{key}": inner for key, inner in value.items()}
        else:
            flat[name] = value
    return flat


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else f"{value:,}"


def _csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    from retrofr.exporters.csv import cell

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([["" if value is None else cell(value) for value in row] for row in rows])
    return text.getvalue()
