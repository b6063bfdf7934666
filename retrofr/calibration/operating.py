"""Operating points as a file (TOML): written, read and checked; and the default ones that come with retrofr."""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any

from retrofr.calibration.points import (
    Condition,
    DataFacts,
    FmrPoint,
    Likelihood,
    LlrStatement,
    OperatingPoints,
)
from retrofr.errors import OutputError, SettingsError

__all__ = [
    "Condition",
    "DataFacts",
    "FmrPoint",
    "Likelihood",
    "LlrStatement",
    "OperatingPoints",
    "default_operating_points",
    "operating_points_text",
    "parse_operating_points",
    "read_operating_points",
    "write_operating_points",
]

SCHEMA = "retrofr.operating-points"
VERSION = 1
_REMAKE = "`retrofr calibrate FOLDER --out FILE` makes such a file"


def read_operating_points(path: Path) -> OperatingPoints:
    """Read a file of operating points.

    Raises:
        SettingsError: it cannot be read, is no TOML, is not such a file, or its figures contradict each other; the
            field is named.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"cannot be read ({error.strerror})", subject=str(path), hint=_REMAKE) from error
    except UnicodeDecodeError as error:
        raise SettingsError("is not a text file", subject=str(path), hint=_REMAKE) from error
    return parse_operating_points(text, str(path))


def parse_operating_points(text: str, subject: str) -> OperatingPoints:
    """Operating points from the text of such a file; errors as :func:`read_operating_points`."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"is not a TOML file: {error}", subject=subject) from error
    if values.get("schema") != SCHEMA:
        raise SettingsError("is not a file of operating points", subject=subject, hint=_REMAKE)
    if values.get("version") != VERSION:
        raise SettingsError(
            f"is of version {values.get('version')} of its format, and this retrofr reads version {VERSION}",
            subject=subject,
            hint=_REMAKE,
        )
    try:
        _numbers_only(values, "")
        points = OperatingPoints(
            values["system"],
            _facts(values["data"]),
            tuple(_point(place, point) for place, point in enumerate(values["threshold"], 1)),
            _likelihood(values.get("likelihood")),
            tuple(_condition(each) for each in values.get("condition", ())),
        )
        _check_table(points)
        # Now, not in the middle of a search.
        for found in (points.likelihood, *(each.likelihood for each in points.conditions)):
            if found is not None:
                _ = found.calibration
    except KeyError as error:
        raise SettingsError(f"lacks {error.args[0]}", subject=subject, hint=_REMAKE) from error
    except (TypeError, ValueError, AttributeError) as error:
        raise SettingsError(
            f"is not a file of operating points ({error})", subject=subject, hint=_REMAKE
        ) from error
    return points


def operating_points_text(points: OperatingPoints) -> str:
    """A file of operating points, as :func:`parse_operating_points` reads it."""
    return "\n".join(_lines(points)) + "\n"


def write_operating_points(points: OperatingPoints, path: Path) -> None:
    """Write a file of operating points; one that is there is replaced.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        path.write_text(operating_points_text(points), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror})", subject=str(path)) from error


@cache
def _defaults() -> Mapping[str, OperatingPoints]:
    folder = resources.files("retrofr") / "data"
    found = {}
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        if file.name.startswith("operating-points-") and file.name.endswith(".toml"):
            points = parse_operating_points(file.read_text(encoding="utf-8"), file.name)
            found[str(points.system["comparison_key"])] = points
    return found


def default_operating_points(comparison_key: str) -> OperatingPoints | None:
    """Those that come with retrofr for these embedders, weights and settings; None where there are none."""
    return _defaults().get(comparison_key)


def _numbers_only(value: Any, where: str) -> None:
    """ValueError where anything is NaN: it compares with nothing, and would pass every later check."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            _numbers_only(item, key)
    elif isinstance(value, list):
        for item in value:
            _numbers_only(item, where)
    elif isinstance(value, float) and math.isnan(value):
        raise ValueError(f"{where} is not a number")


def _fits(fields: Mapping[str, Any], kind: type, names: str, where: str = "") -> None:
    """ValueError where one of the fields is no text, count or number."""
    called = {str: "a text", int: "a count", float: "a number"}[kind]
    for name in names.split():
        value = fields[name]
        fits = isinstance(value, (int, float) if kind is float else kind) and not isinstance(value, bool)
        if not fits or (kind is int and value < 0):
            raise ValueError(f"{where}{name} is not {called}")


def _facts(values: Mapping[str, Any]) -> DataFacts:
    facts = DataFacts(**values)
    _fits(values, str, "name description made conditions command")
    _fits(values, int, "photos people mated non_mated")
    if not facts.non_mated:
        raise ValueError("non_mated is 0, and error rates need comparisons of different people")
    return facts


def _point(place: int, values: Mapping[str, Any]) -> FmrPoint:
    """A row of the table; one whose rates are not those of its counts would tell false error rates."""
    point, where = FmrPoint(**values), f"threshold {place}: "
    _fits(values, float, "score fmr low high fnmr fnmr_low fnmr_high", where)
    _fits(values, int, "errors non_mated", where)
    if not point.non_mated or abs(point.fmr - point.errors / point.non_mated) > 1e-9:
        raise ValueError(f"{where}fmr is not {point.errors} of {point.non_mated}")
    for name, low, rate, high in (
        ("fmr", point.low, point.fmr, point.high),
        ("fnmr", point.fnmr_low, point.fnmr, point.fnmr_high),
    ):
        # Ends of an interval carry rounding errors.
        if not (-1e-12 <= low <= rate + 1e-12 and rate <= high + 1e-12 and high <= 1 + 1e-12):
            raise ValueError(f"{where}{name} is not inside its interval")
    if point.errors == 0 and point.high <= 0:
        raise ValueError(f"{where}no error was seen, and the bound is missing")
    return point


def _check_table(points: OperatingPoints) -> None:
    for place, (one, other) in enumerate(pairwise(points.thresholds), 2):
        if other.fmr > one.fmr or other.fnmr < one.fnmr:
            raise ValueError(f"threshold {place}: an error rate goes the wrong way as the score rises")
    for place, each in enumerate(points.thresholds, 1):
        if each.non_mated != points.data.non_mated:
            raise ValueError(f"threshold {place}: non_mated is not that of the data")


def _likelihood(values: Mapping[str, Any] | None) -> Likelihood | None:
    if values is None:
        return None
    found = Likelihood(**values)
    _fits(values, float, "llr_low llr_high cllr cllr_min", "likelihood: ")
    _fits(values, int, "mated non_mated", "likelihood: ")
    return found


def _condition(values: Mapping[str, Any]) -> Condition:
    fnmr = tuple(tuple(float(number) for number in row) for row in values.get("fnmr", ()))
    rest = {name: value for name, value in values.items() if name not in ("fnmr", "likelihood")}
    found = Condition(fnmr=fnmr, likelihood=_likelihood(values.get("likelihood")), **rest)  # type: ignore[arg-type]
    _fits(values, str, "measure", "condition: ")
    _fits(values, float, "low high", "condition: ")
    _fits(values, int, "mated non_mated", "condition: ")
    if not found.low < found.high or any(len(row) != 4 for row in fnmr):
        raise ValueError(f"condition: {found.measure} has no range, or fnmr has not four numbers a row")
    return found


def _lines(points: OperatingPoints) -> Iterator[str]:
    yield "# Error rates of retrofr, measured by `retrofr calibrate`; `retrofr search --operating-points` reads this."
    yield f"schema = {json.dumps(SCHEMA)}"
    yield f"version = {VERSION}"
    yield from _table("system", points.system)
    yield from _table("data", vars(points.data))
    if points.likelihood is not None:
        yield from _table("likelihood", _plain(points.likelihood))
    for point in points.thresholds:
        yield from _table("threshold", vars(point), one_of_many=True)
    for condition in points.conditions:
        fields = {name: value for name, value in vars(condition).items() if name != "likelihood"}
        yield from _table("condition", fields, one_of_many=True)
        if condition.likelihood is not None:
            yield from _table("condition.likelihood", _plain(condition.likelihood))


def _plain(likelihood: Likelihood) -> dict[str, Any]:
    names = ("kind", "parameters", "llr_low", "llr_high", "cllr", "cllr_min", "mated", "non_mated", "tried")
    return {name: getattr(likelihood, name) for name in names}


def _table(name: str, fields: Mapping[str, Any], *, one_of_many: bool = False) -> Iterator[str]:
    yield ""
    yield f"[[{name}]]" if one_of_many else f"[{name}]"
    for key, value in fields.items():
        if value is not None:
            yield f"{_key(key)} = {_value(value)}"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _value(name)


def _value(value: Any) -> str:
    """A value in TOML's own form."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # Half a surrogate, as in names of files that are no UTF-8, has no place in TOML; neither has DEL as it is.
        text = value.encode("utf-8", "backslashreplace").decode("utf-8")
        return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return "inf" if value == math.inf else "-inf" if value == -math.inf else repr(float(value))
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {_value(item)}" for key, item in value.items()) + " }"
    return "[" + ", ".join(_value(item) for item in value) + "]"
