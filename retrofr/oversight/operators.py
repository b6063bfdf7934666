"""Who acts: the operator's name, and a key of the operator's own that signs what is written down.

A key says that the same key signed; who held it, the machine's user accounts must say. It lies in the clear, as safe
as the user's account and disk, in the folder ``operators`` of the key store.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import stat
import unicodedata
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from retrofr.errors import CaseError, OutputError, UsageError
from retrofr.oversight.private_files import KEYS_FOLDER_VARIABLE, keys_folder, locked, write_privately

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

OPERATOR_VARIABLE = "RETROFR_OPERATOR"
SCHEMA = "retrofr.operator-key/1"
LONGEST_NAME = 100
_declared: ContextVar[str | None] = ContextVar("operator", default=None)


@dataclass(frozen=True)
class Operator:
    """Who acts. ``stated`` is False where nobody said, and the name is that of the system's user."""

    name: str
    stated: bool = True

    def __post_init__(self) -> None:
        if not self.name or self.name != _plain(self.name) or len(self.name) > LONGEST_NAME:
            raise ValueError(f"name: expected 1 to {LONGEST_NAME} printable characters, got {self.name!r}")

    def describe(self) -> str:
        """``A. Smith``, or that nobody said."""
        return self.name if self.stated else f"not stated, system user {self.name}"


@dataclass(frozen=True)
class Signature:
    """An Ed25519 signature: 64 bytes as hexadecimal digits, with the 32 bytes of the public key."""

    operator: str
    public_key_hex: str
    signature_hex: str


@dataclass(frozen=True, repr=False)
class OperatorKey:
    """The key of an operator, to sign with; it shows nothing of itself in a log or a traceback."""

    operator: Operator
    private: Ed25519PrivateKey

    def __repr__(self) -> str:
        return f"OperatorKey({self.operator.name}, {self.public_key_hex[:8]})"

    @property
    def public_key_hex(self) -> str:
        """The public key: 64 hexadecimal digits."""
        return self.private.public_key().public_bytes_raw().hex()

    def sign(self, data: bytes) -> Signature:
        """Sign these bytes."""
        return Signature(self.operator.name, self.public_key_hex, self.private.sign(data).hex())


def declare(name: str | None) -> None:
    """Say who acts from here on in this context, as ``--operator`` does; None takes it back.

    Raises:
        UsageError: it is not a name.
    """
    _declared.set(None if name is None else _checked(name, "operator").name)


def current_operator() -> Operator:
    """Who acts: as :func:`declare` said, else as the variable RETROFR_OPERATOR says, else the system's user.

    Raises:
        UsageError: the variable holds no name.
    """
    declared = _declared.get()
    if declared is not None:
        return Operator(declared)
    variable = os.environ.get(OPERATOR_VARIABLE)
    if variable:
        return _checked(variable, OPERATOR_VARIABLE)
    return Operator(_plain(system_user())[:LONGEST_NAME].strip() or "unknown", stated=False)


def system_user() -> str:
    """The name of the system's user that runs this, or the number where the system knows no name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"user {os.getuid()}"


def operator_key(operator: Operator | None = None) -> OperatorKey:
    """The key of an operator, by default of the one who acts; it is made when it is first asked for.

    Raises:
        CaseError: others can read the key, or it is not a key file.
        OutputError: it had to be made and the key store cannot be written to.
    """
    operator = operator or current_operator()
    path = _path(operator.name)
    if not path.exists():
        _make(operator, path)
    _, private = _read(path, operator.name)
    return OperatorKey(operator, private)


def public_key(operator: Operator) -> str | None:
    """The public key of an operator, 64 hexadecimal digits; None where no key is here, and none is made.

    Raises:
        CaseError: others can read the key, or it is not a key file.
    """
    path = _path(operator.name)
    if not path.exists():
        return None
    return OperatorKey(operator, _read(path, operator.name)[1]).public_key_hex


def sign(data: bytes, operator: Operator | None = None) -> Signature:
    """Sign bytes with the key of an operator; raises what :func:`operator_key` does."""
    return operator_key(operator).sign(data)


def verify(data: bytes, signature: Signature) -> bool:
    """Whether the key of the signature signed these bytes. Whose key it is, this cannot say.

    Digits must be written as they are made, in lower case: a record has one form, and another one was altered.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        public, signed = bytes.fromhex(signature.public_key_hex), bytes.fromhex(signature.signature_hex)
        if (public.hex(), signed.hex()) != (signature.public_key_hex, signature.signature_hex):
            return False
        Ed25519PublicKey.from_public_bytes(public).verify(signed, data)
    except (ValueError, InvalidSignature):
        return False
    return True


def known_keys() -> dict[str, str]:
    """Public keys, as hexadecimal digits, of the operators of whom a key is on this machine, by their names.

    Raises:
        CaseError: a key file cannot be read, or others can read it.
    """
    found = {}
    for path in sorted(_folder().glob("*.json")):
        name, private = _read(path, None)
        found[name] = private.public_key().public_bytes_raw().hex()
    return found


def _folder() -> Path:
    return keys_folder() / "operators"


def _path(name: str) -> Path:
    # A name may hold any character, a file's may not.
    return _folder() / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.json"


def _plain(name: str) -> str:
    """In one form of Unicode, without characters that print nothing, without blanks around it."""
    composed = unicodedata.normalize("NFC", name)
    return "".join(c for c in composed if unicodedata.category(c)[0] != "C").strip()


def _checked(name: str, subject: str) -> Operator:
    try:
        return Operator(unicodedata.normalize("NFC", name).strip())
    except ValueError:
        raise UsageError(
            f"expected a name of 1 to {LONGEST_NAME} printable characters", subject=subject
        ) from None


def _make(operator: Operator, path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(path.parent / ".lock"):
            if path.exists():  # another process made it meanwhile
                return
            private = Ed25519PrivateKey.generate()
            fields = {
                "schema": SCHEMA,
                "operator": operator.name,
                "private_key": private.private_bytes_raw().hex(),
                "public_key": private.public_key().public_bytes_raw().hex(),
            }
            write_privately(path, json.dumps(fields).encode() + b"\n")
    except OSError as error:
        raise OutputError(
            f"the key of the operator cannot be kept ({error.strerror or error})",
            subject=str(path.parent),
            hint=f"name another folder with the variable {KEYS_FOLDER_VARIABLE}",
        ) from error


def _read(path: Path, name: str | None) -> tuple[str, Ed25519PrivateKey]:
    """The operator's name and key of a key file; ``name`` is whose it must be."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            data = file.read(65536)
    except OSError as error:
        raise CaseError(f"cannot be read ({error.strerror})", subject=str(path)) from error
    if mode & 0o077:
        raise CaseError(
            f"others than its owner can read or change this key (permissions {mode:03o})",
            subject=str(path),
            hint=f"if nobody has taken it: chmod 600 {path}",
        )
    try:
        fields = json.loads(data)
        if fields["schema"] != SCHEMA or name not in (None, fields["operator"]):
            raise ValueError("it is of another schema or operator")
        return str(fields["operator"]), Ed25519PrivateKey.from_private_bytes(
            bytes.fromhex(fields["private_key"])
        )
    except (ValueError, KeyError, TypeError) as error:
        raise CaseError(
            f"is not the key file of an operator ({error})",
            subject=str(path),
            hint="bring it back from a backup; what it signed can be verified without it",
        ) from error
