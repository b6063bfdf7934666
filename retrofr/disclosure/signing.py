"""The signature of a bundle: the operator's key over the digest of its tag manifest, which covers all other files.

Signed is the canonical JSON (see :mod:`retrofr.oversight.log`) of all fields but ``public_key`` and ``signature``. It
shows that nothing was altered since whoever holds that key signed; whose key it is, somebody else must say.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from retrofr.disclosure.bag import SIGNATURE
from retrofr.errors import IntegrityError
from retrofr.integrity import sha256_bytes
from retrofr.oversight.log import canonical, moment
from retrofr.oversight.operators import Operator, OperatorKey, Signature, verify

SCHEMA = "retrofr.bundle-signature/1"
_SIGNATURE_FIELDS = ("public_key", "signature")


@dataclass(frozen=True)
class Signed:
    """A signature that holds.

    Args:
        operator: who signed, as they called themselves.
        key: the public key, hexadecimal.
        at: when, ISO 8601, by the signer's clock.
        tag_manifest_sha256: of the tag manifest that was signed.
    """

    operator: Operator
    key: str
    at: str
    tag_manifest_sha256: str


def sign_bundle(tag_manifest: bytes, key: OperatorKey) -> bytes:
    """The bytes of ``signature.json``."""
    fields = {
        "schema": SCHEMA,
        "tagmanifest_sha256": sha256_bytes(tag_manifest),
        "operator": {"name": key.operator.name, "stated": key.operator.stated},
        "at": moment(datetime.now(UTC)),
    }
    signature = key.sign(canonical(fields))
    return _encoded(fields | {"public_key": signature.public_key_hex, "signature": signature.signature_hex})


def read_signature(data: bytes) -> Signed:
    """The signature of these bytes.

    Raises:
        IntegrityError: they are none, or not as they were signed.
    """
    try:
        fields = json.loads(data)
        name, stated = fields["operator"]["name"], fields["operator"]["stated"]
        signature = Signature(name, fields["public_key"], fields["signature"])
        unsigned = {name: value for name, value in fields.items() if name not in _SIGNATURE_FIELDS}
        # In one form alone: a field that stands there twice would be read as one thing and verified as another.
        if fields["schema"] != SCHEMA or _encoded(fields) != data:
            raise ValueError("it is of another schema or form")
        sound = verify(canonical(unsigned), signature)
        signed = Signed(
            Operator(name, stated=bool(stated)),
            signature.public_key_hex,
            str(fields["at"]),
            str(fields["tagmanifest_sha256"]),
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise IntegrityError(
            f"is not the signature of a bundle, or was altered ({error})", subject=SIGNATURE
        ) from error
    if not sound:
        raise IntegrityError("was altered: the signature does not fit", subject=SIGNATURE)
    return signed


def _encoded(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields, indent=2, sort_keys=True, ensure_ascii=True, allow_nan=False).encode() + b"\n"
