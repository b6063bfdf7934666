"""The log outside of cases, which survives them: one for each user of a machine, over all cases and searches.

Two files of JSON lines in one folder, written to at their ends alone: ``log.jsonl`` has the entries, ``heads.jsonl``
the signed heads. A line that was cut off by a loss of power stays where it is; the next entry begins a new line.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from retrofr.errors import OutputError
from retrofr.oversight.log import Draft, Entry, canonical, make_entry, make_head, parse_entry
from retrofr.oversight.operators import OperatorKey
from retrofr.oversight.private_files import locked, sync_folder

AUDIT_FOLDER_VARIABLE = "RETROFR_AUDIT"
_TAIL_BYTES = 1 << 20
_LINE = re.compile(rb"[^\n]*\n|[^\n]+")


@dataclass(frozen=True)
class OutsideLog:
    """The log in a folder; nothing is made before the first entry is written."""

    folder: Path

    @classmethod
    def of_user(cls) -> OutsideLog:
        """Where the variable RETROFR_AUDIT says, else in the user's state folder."""
        override = os.environ.get(AUDIT_FOLDER_VARIABLE)
        return cls(Path(override) if override else Path(platformdirs.user_state_dir("retrofr")) / "audit")

    @property
    def entries_path(self) -> Path:
        """The file of the entries."""
        return self.folder / "log.jsonl"

    @property
    def heads_path(self) -> Path:
        """The file of the signed heads."""
        return self.folder / "heads.jsonl"

    def append(self, draft: Draft, key: OperatorKey | None, case_entry: Entry | None = None) -> Entry:
        """Write an entry and the head that it makes, to the disk.

        Args:
            draft: what happened.
            key: signs the head; without one the entry stands unsigned and says so.
            case_entry: what the log of the case says of the same.

        Raises:
            OutputError: it cannot be written.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with locked(self.folder / "lock"):
                last = self._last()
                entry = make_entry(
                    draft,
                    log=_new_id() if last is None else last["log"],
                    last=last,
                    public_key_hex=None if key is None else key.public_key_hex,
                    case_entry=case_entry,
                )
                _add_line(self.entries_path, canonical(entry))
                if key is not None:
                    _add_line(self.heads_path, make_head(entry, key).encoded())
                return entry
        except OSError as error:
            raise self._unwritable(error.strerror or str(error)) from error

    def check_writable(self) -> None:
        """Raise an OutputError where no entry could be written; makes the folder."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with locked(self.folder / "lock"):
                os.close(_opened(self.entries_path))
        except OSError as error:
            raise self._unwritable(error.strerror or str(error)) from error

    def entry_lines(self) -> list[bytes]:
        """The lines of the entries, as they are kept; a last line without an end has no newline.

        Raises:
            OutputError: the file is there and cannot be read.
        """
        return self._lines(self.entries_path)

    def head_lines(self) -> list[bytes]:
        """The lines of the heads; see :meth:`entry_lines`."""
        return self._lines(self.heads_path)

    def entries(self) -> list[Entry]:
        """Those entries that are as they were written, in the order in which they lie."""
        return [
            entry for line in self.entry_lines() if (entry := parse_entry(line.rstrip(b"\n"))) is not None
        ]

    def _lines(self, path: Path) -> list[bytes]:
        try:
            return _LINE.findall(path.read_bytes())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise OutputError(f"cannot be read ({error.strerror})", subject=str(path)) from error

    def _last(self) -> Entry | None:
        """The last entry that is whole; the end of the file is enough, as entries are small."""
        try:
            with self.entries_path.open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
                lines = file.read().split(b"\n")
        except FileNotFoundError:
            return None
        return next((entry for line in reversed(lines) if (entry := parse_entry(line)) is not None), None)

    def _unwritable(self, why: str) -> OutputError:
        return OutputError(
            f"the audit log outside of cases cannot be written to ({why})",
            subject=str(self.folder),
            hint=f"name another folder with the variable {AUDIT_FOLDER_VARIABLE}",
        )


def _new_id() -> str:
    return f"outside-{os.urandom(8).hex()}"


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _add_line(path: Path, line: bytes) -> None:
    """Add a line and wait until it is on the disk."""
    is_new = not path.exists()
    handle = _opened(path)
    try:
        size = os.fstat(handle).st_size
        torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
        data = (b"\n" if torn else b"") + line + b"\n"
        if os.write(handle, data) != len(data):
            raise OSError(None, "the disk is full")
        os.fsync(handle)
    finally:
        os.close(handle)
    if is_new:
        sync_folder(path.parent)
