"""What a stage's settings are made of: a frozen dataclass whose fields say default, unit, bounds and help."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self, get_origin, get_type_hints

from retrofr.errors import SettingsError


def setting(
    default: Any,
    *,
    help: str,
    unit: str = "",
    bounds: tuple[float, float] | None = None,
    choices: tuple[str, ...] | None = None,
) -> Any:
    """A dataclass field with what a person needs to know to change it.

    Args:
        default: the value when nothing is given.
        help: one line, a full sentence.
        unit: printed behind the value (``px``, ``s``, ``samples/s``).
        bounds: lowest and highest accepted number, both included.
        choices: the accepted words.
    """
    return field(
        default=default,
        metadata={"help": help, "unit": unit, "bounds": bounds, "choices": choices},
    )


@dataclass(frozen=True)
class StageSettings:
    """Base of every stage's settings; refuses values of the wrong kind or out of bounds."""

    stage: ClassVar[str] = ""

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for spec in dataclasses.fields(self):
            _check(f"{self.stage}.{spec.name}", getattr(self, spec.name), hints[spec.name], spec)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Build from names and values, for example one table of a TOML file.

        Raises:
            SettingsError: a name is unknown (the known ones are listed) or a value is refused.
        """
        known = {spec.name for spec in dataclasses.fields(cls)}
        for name in values:
            if name not in known:
                raise SettingsError(
                    "no such setting",
                    subject=f"{cls.stage}.{name}",
                    hint=f"{cls.stage} has: {', '.join(sorted(known)) or 'no settings'}",
                )
        hints = get_type_hints(cls)
        return cls(**{name: _coerce(value, hints[name]) for name, value in values.items()})

    def as_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def _coerce(value: Any, kind: Any) -> Any:
    """Read a number, a truth value or a list from text, as ``--set`` gives it; anything else is left to the check."""
    if get_origin(kind) is tuple:
        return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value
    if isinstance(value, str) and kind is not str:
        words = {"true": True, "yes": True, "false": False, "no": False}
        if bool in _kinds(kind) and value.lower() in words:
            return words[value.lower()]
        try:
            return int(value) if int in _kinds(kind) and float not in _kinds(kind) else float(value)
        except ValueError:
            return value
    if isinstance(value, int) and not isinstance(value, bool) and float in _kinds(kind):
        return float(value)
    return value


def _kinds(kind: Any) -> tuple[Any, ...]:
    return getattr(kind, "__args__", (kind,))


def _check(name: str, value: Any, kind: Any, spec: dataclasses.Field[Any]) -> None:
    if get_origin(kind) is tuple:
        if not isinstance(value, tuple) or not all(isinstance(item, str) for item in value):
            raise SettingsError(f"expected a list of texts, got {value!r}", subject=name)
        return
    kinds = _kinds(kind)
    right_kind = type(value) in kinds or (float in kinds and type(value) is int)
    if not right_kind:
        wanted = " or ".join(getattr(k, "__name__", str(k)) for k in kinds)
        raise SettingsError(f"expected {wanted}, got {value!r}", subject=name)
    if isinstance(value, float) and not math.isfinite(value):
        raise SettingsError(f"expected a finite number, got {value!r}", subject=name)
    bounds, unit = spec.metadata.get("bounds"), spec.metadata.get("unit", "")
    if bounds is not None and value is not None and not bounds[0] <= value <= bounds[1]:
        raise SettingsError(
            f"{value} is out of bounds; it goes from {bounds[0]:g} to {bounds[1]:g} {unit}".rstrip(),
            subject=name,
        )
    choices = spec.metadata.get("choices")
    if choices and value is not None and value not in choices:
        raise SettingsError(f"{value!r} is not one of {', '.join(choices)}", subject=name)
