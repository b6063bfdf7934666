"""Where the keys of cases are kept: outside the cases, in a folder that only their user can read.

A key in the clear is as safe as the user's account and disk. Who carries a case elsewhere carries its key wrapped
by a passphrase: see :mod:`retrofr.case.wrapping`.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from retrofr.errors import CaseError, OutputError

KEYS_FOLDER_VARIABLE = "RETROFR_KEYS"
KEY_BYTES = 32
SCHEMA = "retrofr.key/1"
_FILE_NAME = re.compile(r"([0-9a-f]{32})\.json")


@dataclass(frozen=True)
class StoredKey:
    """The key of one case, with what its owner may know the case by.

    ``name`` and ``folder`` are what the case was called and where it lay when the key came here.
    """

    case_id: str
    key: bytes
    name: str = ""
    folder: str = ""

    def __post_init__(self) -> None:
        if len(self.key) != KEY_BYTES:
            raise ValueError(f"key: expected {KEY_BYTES} bytes, got {len(self.key)}")
        if not re.fullmatch("[0-9a-f]{32}", self.case_id):
            raise ValueError(f"case_id: expected 32 hexadecimal digits, got {self.case_id!r}")

    def __repr__(self) -> str:
        return f"StoredKey({self.case_id})"  # a key has no place in a log or a traceback


def new_key() -> bytes:
    """A random key, from the system's source for such."""
    return secrets.token_bytes(KEY_BYTES)


class KeyStore:
    """A folder with one file a case. The variable RETROFR_KEYS overrides where it is.

    A file that others can read is refused, as ssh does it: such a key protects nothing, and whoever made it so
    must learn of it before the next case is created, not after.
    """

    def __init__(self, folder: Path | None = None) -> None:
        override = os.environ.get(KEYS_FOLDER_VARIABLE)
        chosen = folder or (Path(override) if override else None)
        self.folder = chosen or Path(platformdirs.user_data_dir("retrofr")) / "keys"

    def get(self, case_id: str) -> StoredKey | None:
        """The key of a case; None where it is not here.

        Raises:
            CaseError: it is here and others can read it, or it is not a key file.
        """
        path = self._path(case_id)
        try:
            with path.open("rb") as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                data = file.read(65536)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise CaseError(f"cannot be read ({error.strerror})", subject=str(path)) from error
        if mode & 0o077:
            raise CaseError(
                f"others than its owner can read or change this key (permissions {mode:03o})",
                subject=str(path),
                hint=f"if nobody has taken it: chmod 600 {path}",
            )
        return _parsed(data, case_id, path)

    def put(self, key: StoredKey) -> None:
        """Keep a key; one of the same case is replaced.

        Raises:
            OutputError: it cannot be written.
        """
        fields = {
            "schema": SCHEMA,
            "case": key.case_id,
            "key": key.key.hex(),
            "name": key.name,
            "folder": key.folder,
        }
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_privately(self._path(key.case_id), json.dumps(fields).encode() + b"\n")
        except OSError as error:
            raise OutputError(
                f"the key store cannot be written to ({error.strerror})",
                subject=str(self.folder),
                hint=f"name another folder with the variable {KEYS_FOLDER_VARIABLE}",
            ) from error

    def remove(self, case_id: str) -> None:
        """Forget a key; nothing happens where it is not here."""
        self._path(case_id).unlink(missing_ok=True)

    def case_ids(self) -> list[str]:
        """Ids of the cases of which a key is here, in order."""
        try:
            names = sorted(path.name for path in self.folder.iterdir())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise CaseError(f"cannot be read ({error.strerror})", subject=str(self.folder)) from error
        return [found[1] for name in names if (found := _FILE_NAME.fullmatch(name))]

    def _path(self, case_id: str) -> Path:
        return self.folder / f"{case_id}.json"


def write_privately(path: Path, data: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all (OSError where that fails)."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names of files in a folder survive the loss of power, where the file system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _parsed(data: bytes, case_id: str, path: Path) -> StoredKey:
    try:
        fields = json.loads(data)
        if fields["schema"] != SCHEMA or fields["case"] != case_id:
            raise ValueError("it is of another schema or case")
        return StoredKey(case_id, bytes.fromhex(fields["key"]), str(fields["name"]), str(fields["folder"]))
    except (ValueError, KeyError, TypeError) as error:
        raise CaseError(
            f"is not a key file of retrofr ({error})",
            subject=str(path),
            hint="`retrofr case key import` brings back a key that was exported",
        ) from error
