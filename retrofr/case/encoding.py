"""Records to bytes and back, exactly: what a case keeps of the value objects of retrofr.

A record becomes a msgpack map of its fields, compressed; maps let a later version add fields that have defaults.
Types that msgpack lacks: fractions are text, paths are the bytes of the file system, float32 arrays are shape and
bytes, zones are a name or a fixed offset. msgspec checks what is read against the type it is read as.
"""

from __future__ import annotations

import os
import zlib
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, get_origin
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import numpy as np

from retrofr.errors import CaseError
from retrofr.records import Floats

Kind = TypeVar("Kind")

_MICROSECOND = timedelta(microseconds=1)
# Left alone by msgspec, which would drop zone names and `fold`; they travel as the extensions below.
_OWN_WAY = (bytes, datetime, date, timedelta)
_DATETIME, _DATE, _TIMEDELTA, _TEXT, _MAP = 1, 2, 3, 4, 5


def pack(record: Any) -> bytes:
    """The bytes of a record: a dataclass, or plain values with records in them.

    Raises:
        TypeError: something in it is of a type that records do not have.
    """
    plain = msgspec.to_builtins(record, builtin_types=_OWN_WAY, enc_hook=_to_plain)
    return zlib.compress(msgspec.msgpack.encode(_portable(plain)))


def unpack(data: bytes, kind: type[Kind], subject: str) -> Kind:
    """The record of a type that :func:`pack` made bytes of; ``subject`` is the case it lies in.

    Raises:
        CaseError: the bytes are not such a record.
    """
    try:
        plain = msgspec.msgpack.decode(zlib.decompress(data), ext_hook=_from_extension)
        return msgspec.convert(plain, kind, builtin_types=_OWN_WAY, dec_hook=_from_plain)
    except ZoneInfoNotFoundError as error:
        raise CaseError(
            f"a record names a time zone that this machine does not know ({error.args[0]})",
            subject=subject,
            hint="install the Python package tzdata again",
        ) from error
    except (zlib.error, msgspec.MsgspecError, ValueError) as error:
        name = getattr(kind, "__name__", str(kind))
        raise CaseError(f"a record in it is not a {name} ({error})", subject=subject) from error


def _to_plain(value: Any) -> Any:
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, np.ndarray):
        if value.dtype != np.float32:
            raise TypeError(f"expected an array of float32, got {value.dtype}")
        return [list(value.shape), value.astype("<f4", order="C").tobytes()]
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Path):
        return os.fsencode(value)
    if isinstance(value, tzinfo):
        return _zone_text(value)
    raise TypeError(f"a case keeps no {type(value).__name__}")


def _from_plain(kind: Any, value: Any) -> Any:
    return _reader(kind)(value)


@cache
def _reader(kind: Any) -> Callable[[Any], Any]:
    origin = get_origin(kind) or kind
    readers: dict[Any, Callable[[Any], Any]] = {
        Fraction: _fraction,
        np.ndarray: _array,
        Path: lambda data: Path(os.fsdecode(data)),
        tzinfo: _zone,
        Counter: Counter,
    }
    if origin not in readers:
        raise TypeError(f"a case keeps no {kind}")
    return readers[origin]


def _fraction(text: str) -> Fraction:
    numerator, _, denominator = text.partition("/")
    return Fraction(int(numerator), int(denominator or 1))  # Fraction(text) takes three times as long


def _array(parts: Any) -> Floats:
    shape, data = parts
    return np.frombuffer(data, "<f4").astype(np.float32).reshape(shape)


def _portable(value: Any) -> Any:
    """Plain values with extensions in place of what msgpack has no type for."""
    if isinstance(value, dict):
        pairs = [(_portable(key), _portable(inner)) for key, inner in value.items()]
        if any(isinstance(key, msgspec.msgpack.Ext) for key, _ in pairs):  # not a key that msgpack gives back
            return msgspec.msgpack.Ext(_MAP, msgspec.msgpack.encode(pairs))
        return dict(pairs)
    if isinstance(value, list | tuple):
        return [_portable(inner) for inner in value]
    if isinstance(value, str):
        return value if value.isascii() else _portable_text(value)
    if isinstance(value, datetime):
        zone = "" if value.tzinfo is None else _zone_text(value.tzinfo)
        return _extension(_DATETIME, f"{value.replace(tzinfo=None, fold=0).isoformat()} {value.fold} {zone}")
    if isinstance(value, date):
        return _extension(_DATE, value.isoformat())
    if isinstance(value, timedelta):
        return _extension(_TIMEDELTA, str(value // _MICROSECOND))
    return value


def _portable_text(text: str) -> Any:
    """Names of files may hold bytes that are not UTF-8, which Python shows as lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return msgspec.msgpack.Ext(_TEXT, text.encode("utf-8", "surrogatepass"))
    return text


def _extension(code: int, text: str) -> msgspec.msgpack.Ext:
    return msgspec.msgpack.Ext(code, text.encode())


def _from_extension(code: int, data: memoryview) -> Any:
    if code == _MAP:
        return dict(msgspec.msgpack.decode(data, ext_hook=_from_extension))
    text = bytes(data).decode("utf-8", "surrogatepass")
    if code == _DATETIME:
        at, fold, zone = text.split(" ", 2)
        return datetime.fromisoformat(at).replace(fold=int(fold), tzinfo=_zone(zone) if zone else None)
    if code == _DATE:
        return date.fromisoformat(text)
    if code == _TIMEDELTA:
        return int(text) * _MICROSECOND
    if code == _TEXT:
        return text
    raise ValueError(f"extension {code} is unknown")


def _zone_text(zone: tzinfo) -> str:
    if isinstance(zone, ZoneInfo) and zone.key:
        return zone.key
    if isinstance(zone, timezone):
        return f"UTC{zone.utcoffset(None) // _MICROSECOND:+d}"
    raise TypeError(f"a case keeps no zone like {zone!r}")


def _zone(text: str) -> tzinfo:
    if not text.startswith(("UTC+", "UTC-")):
        return ZoneInfo(text)
    offset = int(text[3:]) * _MICROSECOND
    return timezone(offset) if offset else UTC
