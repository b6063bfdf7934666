"""Certificates of destruction: what was destroyed, when, by whom and why, signed by the operator's key.

A certificate is a JSON file. Signed is the canonical JSON (see :mod:`retrofr.oversight.log`) of all its fields but
``public_key`` and ``signature``. It holds counts, digests and words; no picture, no template,
no name of footage or probe.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrofr.errors import IntegrityError, OutputError, UsageError
from retrofr.oversight.log import canonical
from retrofr.oversight.operators import OperatorKey, Signature, verify
from retrofr.oversight.outside import OutsideLog
from retrofr.oversight.private_files import write_privately

SCHEMA = "retrofr.certificate/1"
_LARGEST_BYTES = 64 << 20
_SIGNATURE_FIELDS = ("public_key", "signature")


@dataclass(frozen=True)
class Certificate:
    """A certificate whose signature holds. ``fields`` are its plain JSON values; ``key`` signed it, hexadecimal."""

    fields: Mapping[str, Any]
    key: str


def make_certificate(fields: Mapping[str, Any], key: OperatorKey) -> bytes:
    """The bytes of a certificate: the fields, the schema, and the signature of the operator's key."""
    whole = {**fields, "schema": SCHEMA}
    signature = key.sign(canonical(whole))
    signed = {"public_key": signature.public_key_hex, "signature": signature.signature_hex}
    return _encoded(whole | signed)


def verify_certificate(data: bytes) -> Certificate:
    """The certificate of these bytes.

    Raises:
        IntegrityError: they are no certificate, or it is not as it was signed. Whose key signed, this cannot say.
    """
    try:
        fields = json.loads(data)
        key = fields["public_key"]
        signature = Signature(fields["operator"]["name"], key, fields["signature"])
        unsigned = {name: value for name, value in fields.items() if name not in _SIGNATURE_FIELDS}
        # In one form alone: a field that stands there twice would be read as one thing and verified as another.
        if fields["schema"] != SCHEMA or _encoded(fields) != data:
            raise ValueError("it is of another schema or form")
        sound = verify(canonical(unsigned), signature)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise IntegrityError(f"is not a certificate of retrofr, or was altered ({error})") from error
    if not sound:
        raise IntegrityError("was altered: its signature does not fit")
    return Certificate(unsigned, key)


def read_certificate(path: Path) -> tuple[Certificate, bytes]:
    """The certificate of a file, and its bytes.

    Raises:
        UsageError: the file cannot be read.
        IntegrityError: as :func:`verify_certificate`.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_BYTES)
    except OSError as error:
        raise UsageError(f"cannot be read ({error.strerror})", subject=str(path)) from error
    try:
        return verify_certificate(data), data
    except IntegrityError as error:
        raise IntegrityError(error.reason, subject=str(path)) from error


def certificates_folder() -> Path:
    """Where certificates are kept: in the folder of the audit log outside of cases."""
    return OutsideLog.of_user().folder / "certificates"


def keep(path: Path, data: bytes) -> None:
    """Write a certificate, or what is to become one, whole or not at all; its folder is made where it is missing.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_privately(path, data)
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror})", subject=str(path)) from error


def _encoded(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields, indent=2, sort_keys=True, ensure_ascii=True, allow_nan=False).encode() + b"\n"
