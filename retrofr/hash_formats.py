"""The text of hash lists: which digest stands on which line, and for which name.

- ``md5sum``, ``sha256sum`` and their kin: ``HASH  name``, ``HASH *name``, escaped names;
- BSD and OpenSSL: ``SHA256 (name) = HASH``;
- hashdeep: ``%%%% size,md5,sha256,filename`` and its rows;
- tables with a header line, separated by comma, semicolon or tab (file lists of FTK Imager and X-Ways,
  ``Get-FileHash | Export-Csv``, hand-made ones);
- reports: ``MD5 checksum: HASH`` below a name (FTK Imager), ``Get-FileHash``, ``certutil -hashfile``;
- nothing but one digest, which is of the file that the list stands beside.

Text is UTF-8 or UTF-16, with or without a mark, with either line end.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from retrofr.errors import UsageError

FORMATS_HINT = "lines of HASH  NAME, tables with a header, and reports of the usual tools are understood"

_HEX = r"(?P<hash>[0-9a-fA-F]{32,128})"
_KIND = r"(?:MD5|SHA-?1|SHA-?(?:2-?)?(?:256|512))"
_SUM_LINE = re.compile(rf"(?P<escaped>\\?){_HEX}(?: [ *]|[ \t]+\*?)(?P<name>.+)")
_TAG_LINE = re.compile(rf"(?P<escaped>\\?)(?:MD|SHA)[-\w]+ ?\((?P<name>.+)\) ?= ?{_HEX}")
_TYPED_LINE = re.compile(rf"(?P<escaped>){_KIND} +{_HEX} +(?P<name>.+)")  # Get-FileHash
_RULER = re.compile(r"Algorithm +Hash +Path|-[- ]+")
_REPORTED_HASH = re.compile(
    rf"(?:{_KIND}(?: ?(?:checksum|hash|digest|sum))?|hash|checksum) *[:=] *{_HEX}(?: *: *verified)?",
    re.IGNORECASE,
)
_BYTES = re.compile(r"[0-9a-f]{2}(?: [0-9a-f]{2}){15,63}", re.IGNORECASE)  # older certutil
_NAMINGS = (
    re.compile(r"information for (?P<name>.+?):?", re.IGNORECASE),  # FTK Imager
    re.compile(rf"{_KIND} hash of (?:file )?(?P<name>.+?):?", re.IGNORECASE),  # certutil
    re.compile(r"(?:file ?name|file|path|full ?path) *[:=] *(?P<name>.+)", re.IGNORECASE),
)
_COMMENTS = ("#", ";", "//")

_PATH_COLUMNS = frozenset({"fullpath", "filepath", "path", "folder", "directory"})
_NAME_COLUMNS = frozenset({"filename", "filenames", "file", "name"})
_HASH_COLUMN = re.compile(
    r"(?:md5|sha1|sha2?256|sha2?512)(?:hash|checksum|digest|sum|value)?|hash(?:value)?|digest|checksum"
)
_KNOWN_COLUMNS = {"md5", "sha1", "sha256"}  # the columns of hashdeep that are read


class Row(NamedTuple):
    """One digest of a list. An empty name is that of the file the list stands beside."""

    line: int
    digits: str
    name: str


_Lines = list[tuple[int, str]]


def read_rows(data: bytes, list_name: str) -> list[Row]:
    """Every digest of a list, in order, by the format that its content shows.

    Args:
        data: the content of the file.
        list_name: for errors.

    Raises:
        UsageError: there is no digest, or a line of the format cannot be understood; it is named.
    """
    lines = [(number, line.rstrip()) for number, line in enumerate(_decoded(data).splitlines(), 1)]
    rows = list(_rows(lines, list_name))
    if not rows:
        raise UsageError("holds no digest", subject=list_name, hint=FORMATS_HINT)
    return rows


def _decoded(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    if data[1:2] == b"\0":  # UTF-16 that lost its mark
        return data.decode("utf-16-le", "replace")
    # As Python holds file names that are not UTF-8: so they compare equal.
    return data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")


def _rows(lines: _Lines, list_name: str) -> Iterable[Row]:
    if lines and lines[0][1].startswith("%%%%"):
        return _hashdeep_rows(lines, list_name)
    lines = [(number, line) for number, line in lines if line.strip() and not line.startswith(_COMMENTS)]
    if not lines:
        return []
    if len(lines) == 1 and (bare := _digits_alone(lines[0][1])):
        return [Row(lines[0][0], bare, "")]
    if (header := _header(lines[0][1])) is not None:
        return _table_rows(lines[1:], *header, list_name)
    if any(_REPORTED_HASH.fullmatch(line.strip()) or _name_in(line) for _, line in lines):
        return _report_rows(lines)
    return _line_rows(lines, list_name)


def _line_rows(lines: _Lines, list_name: str) -> Iterator[Row]:
    for number, line in lines:
        if _RULER.fullmatch(line):
            continue
        found = _TAG_LINE.fullmatch(line) or _TYPED_LINE.fullmatch(line) or _SUM_LINE.fullmatch(line)
        if found is None:
            raise wrong_line(list_name, number, f"cannot be understood: {line[:60]!r}")
        name = re.sub(r"\\([\\nr])", _unescaped, found["name"]) if found["escaped"] else found["name"]
        yield Row(number, found["hash"], name)


def _unescaped(found: re.Match[str]) -> str:
    return {"n": "\n", "r": "\r"}.get(found[1], found[1])


def _hashdeep_rows(lines: _Lines, list_name: str) -> Iterator[Row]:
    columns: list[str] = []
    for number, line in lines:
        if line.startswith("%%%%"):
            columns = [column.strip().lower() for column in line.lstrip("% ").split(",")]
        elif line and not line.startswith("##"):
            cells = line.split(",", len(columns) - 1)  # the name is last, and may hold commas
            if columns[-1] != "filename" or len(cells) != len(columns):
                raise wrong_line(list_name, number, f"does not have the columns {','.join(columns)}")
            row = dict(zip(columns, cells, strict=True))
            yield from (Row(number, row[kind], cells[-1]) for kind in columns if kind in _KNOWN_COLUMNS)


def _header(line: str) -> tuple[str, list[str]] | None:
    """Separator and plain column names, where a line is the header of a table of digests."""
    for separator in ",;\t":
        columns = [re.sub(r"[^a-z0-9]", "", cell.lower()) for cell in _cells(line, separator)]
        named = not (_PATH_COLUMNS | _NAME_COLUMNS).isdisjoint(columns)
        if named and any(_HASH_COLUMN.fullmatch(column) for column in columns):
            return separator, columns
    return None


def _table_rows(lines: _Lines, separator: str, columns: list[str], list_name: str) -> Iterator[Row]:
    for number, line in lines:
        cells = [cell.strip() for cell in _cells(line, separator)]
        if len(cells) != len(columns):
            raise wrong_line(list_name, number, f"has {len(cells)} cells, and the header has {len(columns)}")
        row = list(zip(columns, cells, strict=True))
        digests = [cell for column, cell in row if cell and _HASH_COLUMN.fullmatch(column)]
        folder = next((cell for column, cell in row if cell and column in _PATH_COLUMNS), "")
        name = next((cell for column, cell in row if cell and column in _NAME_COLUMNS), "")
        for digits in digests:
            if not re.fullmatch(_HEX, digits) or not (folder or name):
                raise wrong_line(list_name, number, f"cannot be understood: {line[:60]!r}")
            yield Row(number, digits, _joined(folder, name))


def _joined(folder: str, name: str) -> str:
    """A path column may hold the whole path or only the folder."""
    if not folder or not name:
        return folder or name
    slashed = folder.replace("\\", "/")
    return folder if f"/{slashed}".endswith(f"/{name}") else f"{folder}/{name}"


def _report_rows(lines: _Lines) -> Iterator[Row]:
    """Digests with the name they stand below, or above where there was no name yet; all else is passed over."""
    name, waiting = "", list[tuple[int, str]]()
    for number, line in lines:
        found = _REPORTED_HASH.fullmatch(line.strip())
        digits = found["hash"] if found else _digits_alone(line)
        if named := _name_in(line):
            name = named
            yield from (Row(at, above, name) for at, above in waiting)
            waiting = []
        elif digits and name:
            yield Row(number, digits, name)
        elif digits:
            waiting.append((number, digits))
    yield from (Row(at, above, "") for at, above in waiting)


def _name_in(line: str) -> str | None:
    found = next((found for naming in _NAMINGS if (found := naming.fullmatch(line.strip()))), None)
    return found["name"].strip() if found else None


def _digits_alone(line: str) -> str | None:
    line = line.strip()
    if _BYTES.fullmatch(line):
        line = line.replace(" ", "")
    return line if re.fullmatch(_HEX, line) else None


def _cells(line: str, separator: str) -> list[str]:
    return next(csv.reader([line], delimiter=separator))


def wrong_line(list_name: str, number: int, reason: str) -> UsageError:
    """The error for one line of a list."""
    return UsageError(reason, subject=f"{list_name}, line {number}", hint=FORMATS_HINT)
