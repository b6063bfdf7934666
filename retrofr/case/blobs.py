"""Large bytes in a case, in chunks: an index that was built once, for example. Encrypted like everything in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from retrofr.case.store import Case, now
from retrofr.errors import CaseError

CHUNK_BYTES = 16 << 20


def put_blob(case: Case, kind: str, key: str, chunks: Iterable[bytes]) -> None:
    """Keep bytes under a kind and key, in one transaction; what was there under both is replaced.

    Args:
        case: the case.
        kind: what they are, for example ``annoy``.
        key: what they were made of; says whether they are stale.
        chunks: the bytes, in pieces of any length.
    """
    with case.transaction():
        _drop(case, "kind = ? AND key = ?", (kind, key))
        blob_id = case.insert(
            "INSERT INTO blobs (kind, key, made, chunks, size_bytes) VALUES (?, ?, ?, 0, 0)",
            (kind, key, now()),
        )
        number, size = 0, 0
        for piece in _pieces(chunks):
            case.fetch_all(
                "INSERT INTO blob_chunks (blob_id, number, data) VALUES (?, ?, ?)", (blob_id, number, piece)
            )
            number, size = number + 1, size + len(piece)
        case.fetch_all("UPDATE blobs SET chunks = ?, size_bytes = ? WHERE id = ?", (number, size, blob_id))


def _pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes, each piece full but the last."""
    held = bytearray()
    for chunk in chunks:
        view = memoryview(chunk)
        while view:
            taken = view[: CHUNK_BYTES - len(held)]
            held += taken
            view = view[len(taken) :]
            if len(held) == CHUNK_BYTES:
                yield bytes(held)
                held.clear()
    if held:
        yield bytes(held)


def get_blob(case: Case, kind: str, key: str) -> Iterator[bytes] | None:
    """The bytes kept under a kind and key, in chunks of at most 16 MiB; None where there are none.

    Raises:
        CaseError: while it is read: it was dropped or replaced meanwhile.
    """
    row = case.fetch_one("SELECT id, chunks FROM blobs WHERE kind = ? AND key = ?", (kind, key))
    return None if row is None else _chunks(case, kind, row[0], row[1])


def _chunks(case: Case, kind: str, blob_id: int, count: int) -> Iterator[bytes]:
    for number in range(count):
        row = case.fetch_one(
            "SELECT data FROM blob_chunks WHERE blob_id = ? AND number = ?", (blob_id, number)
        )
        if row is None:
            raise CaseError(
                f"the {kind} kept in it was replaced while it was read",
                subject=str(case.path),
                hint="try again",
            )
        yield bytes(row[0])


def blob_keys(case: Case, kind: str) -> list[str]:
    """The keys under which bytes of a kind are kept, the oldest first."""
    return [row[0] for row in case.fetch_all("SELECT key FROM blobs WHERE kind = ? ORDER BY id", (kind,))]


def drop_blobs(case: Case, kind: str, *, but: str | None = None) -> None:
    """Take away the bytes of a kind; those under the key ``but`` stay."""
    with case.transaction():
        _drop(case, "kind = ? AND key IS NOT ?", (kind, but))


def _drop(case: Case, where: str, parameters: tuple[str | None, ...]) -> None:
    case.fetch_all(
        f"DELETE FROM blob_chunks WHERE blob_id IN (SELECT id FROM blobs WHERE {where})", parameters
    )
    case.fetch_all(f"DELETE FROM blobs WHERE {where}", parameters)
