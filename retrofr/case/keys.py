"""Where the keys of cases are kept: outside the cases, in a folder that only their user can read.

A key in the clear is as safe as the user's account and disk. Who carries a case elsewhere carries its key wrapped
by a passphrase: see :mod:`retrofr.case.wrapping`.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from retrofr.errors import CaseError, OutputError
from retrofr.oversight.private_files import KEYS_FOLDER_VARIABLE, keys_folder, sync_folder, write_privately

__all__ = [
    "KEYS_FOLDER_VARIABLE",
    "KEY_BYTES",
    "SCHEMA",
    "KeyStore",
    "StoredKey",
    "new_key",
    "sync_folder",
    "write_privately",
]

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
        self.folder = folder or keys_folder()

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

    def destroy(self, case_id: str) -> bool:
        """Overwrite a key and take it away; gives whether it was here.

        What the medium keeps of overwritten blocks, and copies of the key elsewhere, this cannot reach.

        Raises:
            OutputError: it cannot be overwritten or taken away.
        """
        path = self._path(case_id)
        there = path.exists()
        try:
            # The second kind is what a process left that was killed while it wrote the key.
            for file in (path, *self.folder.glob(f".{path.name}.*")):
                _overwrite(file)
                file.unlink(missing_ok=True)
            sync_folder(self.folder)
        except OSError as error:
            raise OutputError(
                f"the key of the case cannot be destroyed ({error.strerror})", subject=str(path)
            ) from error
        return there

    def is_destroyed(self, case_id: str) -> bool:
        """Whether a key is not here, or was overwritten by :meth:`destroy` and not yet taken away.

        Raises:
            CaseError: it is here and cannot be read.
        """
        path = self._path(case_id)
        try:
            json.loads(path.read_bytes())
        except FileNotFoundError:
            return True
        except OSError as error:
            raise CaseError(f"cannot be read ({error.strerror})", subject=str(path)) from error
        except ValueError:
            return True
        return False

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


def _overwrite(path: Path) -> None:
    try:
        with path.open("r+b", buffering=0) as file:
            file.write(secrets.token_bytes(os.fstat(file.fileno()).st_size))
            os.fsync(file.fileno())
    except FileNotFoundError:
        return


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
