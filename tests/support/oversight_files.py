"""Authorities, policies and probe records as files, for tests."""

from __future__ import annotations

from pathlib import Path

AUTHORITY = """\
reference = "RF/17"
purpose = "find where the suspect went"
legal_basis = "Data Protection Act 2018, s. 35"
offence = "robbery, crime number 4411"
necessity = "nobody saw where he went"
proportionality = "one camera, two seconds"
authorised_by = { name = "A. Smith", role = "Superintendent" }
valid_from = 2020-01-01
valid_until = 2190-01-01
"""

RECORD = """\
source = "custody photograph, record 4411"
lawful_basis = "Police and Criminal Evidence Act 1984, s. 64A"
added_by = "PC A. Smith"
added_at = 2026-11-20T09:00:00+00:00
"""


def authority_file(folder: Path, scope: str = "", name: str = "authority.toml", **changes: str) -> Path:
    """Write an authority; ``changes`` replace the values of lines, in TOML, or add lines."""
    lines = dict(line.split(" = ", 1) for line in AUTHORITY.splitlines())
    lines |= changes
    text = "".join(f"{field} = {value}\n" for field, value in lines.items())
    path = folder / name
    path.write_text(text + (f"\n[scope]\n{scope}\n" if scope else ""), encoding="utf-8")
    return path


def policy_file(path: Path, text: str) -> Path:
    """Write a policy with these demands."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'name = "policy of the test"\nversion = "1"\n{text}\n', encoding="utf-8")
    return path
