"""What is known about the footage of a run, and which part of it is meant."""

from __future__ import annotations

from dataclasses import dataclass, field

from retrofr.hash_lists import HashList
from retrofr.notes import FootageNotes
from retrofr.selection import Selection


@dataclass(frozen=True)
class FootageRequest:
    """What is known about the footage of a run, and which part of it is searched.

    Args:
        notes: what the examiner knows about the recordings.
        selection: time window, cameras, streams.
        hashes: digests that came with the footage; None where none did.
        ocr: read the clock that is burnt into the pictures; needs the extra ``ocr``.
    """

    notes: FootageNotes = field(default_factory=FootageNotes)
    selection: Selection = field(default_factory=Selection)
    hashes: HashList | None = None
    ocr: bool = False
