"""A small JSON Schema checker: the keywords that docs/schemas uses, and no others."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "schemas"
_KINDS: dict[str, Any] = {
    "null": type(None),
    "boolean": bool,
    "integer": int,
    "number": (int, float, Decimal),
    "string": str,
    "array": list,
    "object": dict,
}
_NUMBERS = (int, float, Decimal)
_SAYS_NOTHING = ("$schema", "$id", "$defs", "title", "description")


def schema_of(name: str) -> dict[str, Any]:
    """A schema of docs/schemas."""
    schema: dict[str, Any] = json.loads((SCHEMAS / name).read_text(encoding="utf-8"))
    return schema


def broken(value: Any, schema: dict[str, Any], root: dict[str, Any] | None = None, at: str = "") -> list[str]:
    """What of a schema a value breaks, as sentences that begin with the path to it."""
    root = schema if root is None else root
    found: list[str] = []
    for keyword, wanted in schema.items():
        if keyword in _SAYS_NOTHING:
            continue
        if keyword == "$ref":
            assert wanted.startswith("#/$defs/"), wanted
            found += broken(value, root["$defs"][wanted.removeprefix("#/$defs/")], root, at)
        elif keyword == "properties":
            for name, inner in wanted.items():
                if isinstance(value, dict) and name in value:
                    found += broken(value[name], inner, root, f"{at}/{name}")
        elif keyword in ("items", "additionalProperties") and isinstance(wanted, dict):
            inside = enumerate(value) if isinstance(value, list) else _others(value, schema)
            for key, item in inside:
                found += broken(item, wanted, root, f"{at}/{key}")
        elif keyword == "oneOf":
            fits = sum(not broken(value, inner, root, at) for inner in wanted)
            found += [] if fits == 1 else [f"{at}: {fits} of the kinds fit"]
        else:
            found += _simple(keyword, wanted, value, schema, at)
    return found


def _others(value: Any, schema: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    named = schema.get("properties", {})
    if isinstance(value, dict):
        yield from ((key, item) for key, item in value.items() if key not in named)


def _simple(keyword: str, wanted: Any, value: Any, schema: dict[str, Any], at: str) -> list[str]:
    number = value if isinstance(value, _NUMBERS) and not isinstance(value, bool) else None
    match keyword:
        case "type":
            names = [wanted] if isinstance(wanted, str) else wanted
            fits = any(isinstance(value, _KINDS[name]) for name in names)
            good = fits and not (isinstance(value, bool) and "boolean" not in names)
            return [] if good else [f"{at}: {value!r} is no {names}"]
        case "const":
            good = type(value) is type(wanted) and value == wanted
            return [] if good else [f"{at}: {value!r} is not {wanted!r}"]
        case "enum":
            return [] if value in wanted else [f"{at}: {value!r} is none of {wanted}"]
        case "minimum":
            return [f"{at}: {value} is less than {wanted}"] if number is not None and number < wanted else []
        case "exclusiveMinimum":
            return [f"{at}: {value} is not above {wanted}"] if number is not None and number <= wanted else []
        case "minItems":
            return [f"{at}: too few"] if isinstance(value, list) and len(value) < wanted else []
        case "pattern":
            good = not isinstance(value, str) or re.search(wanted, value) is not None
            return [] if good else [f"{at}: {value!r} is not like {wanted}"]
        case "required":
            return [f"{at}: no {name}" for name in wanted if isinstance(value, dict) and name not in value]
        case "additionalProperties":
            assert wanted is False, wanted
            return [f"{at}: {name} is not known" for name, _ in _others(value, schema)]
    raise AssertionError(f"the checker does not know {keyword}")
