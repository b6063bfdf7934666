"""Keys that travel: a case's key wrapped by a passphrase, in a small JSON document.

scrypt (RFC 7914) makes a key of the passphrase, AES-256-GCM wraps the case's key with it; the case's id and the
parameters are authenticated as well. Nothing of key or passphrase is in the document.
"""

from __future__ import annotations

import base64
import json
import os
import unicodedata
from dataclasses import replace
from typing import Any

from retrofr.case.keys import KeyStore, StoredKey
from retrofr.errors import CaseError, UsageError

SCHEMA = "retrofr.case-key/1"
SCRYPT = {"n": 2**17, "r": 8, "p": 1}
"""128 MiB and about half a second a guess; the parameters OWASP's password storage page gives first."""
_MOST_SCRYPT = {"n": 2**20, "r": 16, "p": 4}  # a document of unknown origin must not eat the machine
_SALT_BYTES, _NONCE_BYTES = 16, 12
_PARTS = ("schema", "case", "name", "kdf", "cipher", "salt", "nonce")
SHORTEST_PASSPHRASE = 8


def wrap_key(key: StoredKey, passphrase: str, *, scrypt: dict[str, int] | None = None) -> bytes:
    """A key as a JSON document that only the passphrase opens.

    Args:
        key: of a case; its folder is not put into the document.
        passphrase: at least 8 characters.
        scrypt: cost parameters n, r, p.

    Raises:
        UsageError: the passphrase is too short.
    """
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise UsageError(
            f"it is shorter than {SHORTEST_PASSPHRASE} characters",
            subject="passphrase",
            hint="several words that have nothing to do with each other are long and can be remembered",
        )
    fields: dict[str, Any] = {
        "schema": SCHEMA,
        "case": key.case_id,
        "name": key.name,
        "kdf": {"name": "scrypt", **(scrypt or SCRYPT)},
        "cipher": "AES-256-GCM",
        "salt": _text(os.urandom(_SALT_BYTES)),
        "nonce": _text(os.urandom(_NONCE_BYTES)),
    }
    fields["wrapped_key"] = _text(
        _cipher(fields, passphrase).encrypt(_bytes(fields["nonce"]), key.key, _bound(fields))
    )
    return json.dumps(fields, indent=2).encode() + b"\n"


def export_key(keys: KeyStore, case_id: str, passphrase: str, *, name: str = "") -> bytes:
    """The key of a case, from the key store, wrapped by a passphrase.

    Raises:
        CaseError: the key is not in the store.
        UsageError: the passphrase is too short.
    """
    key = keys.get(case_id)
    if key is None:
        raise CaseError(f"no key of this case is in the key store ({keys.folder})", subject=case_id)
    return wrap_key(replace(key, name=name or key.name), passphrase)


def import_key(keys: KeyStore, data: bytes, passphrase: str, *, subject: str = "key file") -> StoredKey:
    """Put an exported key into the key store.

    Raises:
        CaseError: it cannot be unwrapped, or the store holds another key of the same case.
    """
    key = unwrap_key(data, passphrase, subject=subject)
    known = keys.get(key.case_id)
    if known is not None and known.key != key.key:
        raise CaseError(
            f"the key store ({keys.folder}) holds another key of the case {key.case_id} already",
            subject=subject,
            hint="take that one away first if it opens nothing",
        )
    keys.put(key if known is None else replace(known, name=key.name or known.name))
    return key


def unwrap_key(data: bytes, passphrase: str, *, subject: str = "key file") -> StoredKey:
    """The key in a document of :func:`wrap_key`.

    Raises:
        CaseError: the passphrase is another, the document was altered, or it is none; ``subject`` names it.
    """
    from cryptography.exceptions import InvalidTag

    fields = _parsed(data, subject)
    try:
        cipher = _cipher(fields, passphrase)
        key = cipher.decrypt(_bytes(fields["nonce"]), _bytes(fields["wrapped_key"]), _bound(fields))
    except InvalidTag as error:
        raise CaseError(
            "the passphrase does not open it, or it was altered", subject=subject, hint="try again"
        ) from error
    except (ValueError, TypeError) as error:
        raise CaseError(f"is not a key that was exported ({error})", subject=subject) from error
    return StoredKey(fields["case"], key, fields["name"])


def _parsed(data: bytes, subject: str) -> dict[str, Any]:
    try:
        fields = json.loads(data)
        schema = str(fields["schema"])
    except (ValueError, KeyError, TypeError) as error:
        raise CaseError("is not a key that was exported", subject=subject) from error
    if schema != SCHEMA and schema.startswith("retrofr.case-key/"):
        raise CaseError(
            f"was written by a newer retrofr (schema {schema}, this one knows {SCHEMA})",
            subject=subject,
            hint="update retrofr",
        )
    try:
        kdf = fields["kdf"]
        right = (
            schema == SCHEMA
            and fields["cipher"] == "AES-256-GCM"
            and kdf["name"] == "scrypt"
            and all(1 <= int(kdf[name]) <= most for name, most in _MOST_SCRYPT.items())
            and all(
                isinstance(fields[name], str) for name in ("case", "name", "salt", "nonce", "wrapped_key")
            )
        )
    except (ValueError, KeyError, TypeError) as error:
        raise CaseError("is not a key that was exported", subject=subject) from error
    if not right:
        raise CaseError("is not a key that was exported", subject=subject)
    return dict(fields)


def _cipher(fields: dict[str, Any], passphrase: str) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    cost = fields["kdf"]
    kdf = Scrypt(salt=_bytes(fields["salt"]), length=32, n=cost["n"], r=cost["r"], p=cost["p"])
    # One normal form: what keyboards of different systems make of the same letters differs.
    normal = unicodedata.normalize("NFC", passphrase)
    return AESGCM(kdf.derive(normal.encode("utf-8", "surrogateescape")))


def _bound(fields: dict[str, Any]) -> bytes:
    """What is authenticated beside the key: everything else that the document says."""
    return json.dumps({name: fields[name] for name in _PARTS}, sort_keys=True).encode()


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
