"""A gallery's index kept with its case: saved once, loaded for each run, built again when it is stale.

A saved index belongs to exactly the tracklets it was built from, to one comparison and to annoy's settings and
version; with anything else it is stale. It is read and written in pieces through two functions, so that whoever
stores it encrypts it; in the clear it lies in memory only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version

import numpy as np

from retrofr.errors import CaseError
from retrofr.gallery.base import Gallery, Ids
from retrofr.gallery.fusion import ComparesTemplates
from retrofr.gallery.gallery_index import GalleryRecall, IndexedGallery, build_index
from retrofr.gallery.scan import VectorBlock
from retrofr.indexes import annoy

KIND = "annoy"
"""What blobs of saved indexes are called."""

FORMAT = 1
HEADER_BYTES = 4096

PutBlob = Callable[[str, str, Iterable[bytes]], None]
GetBlob = Callable[[str, str], Iterator[bytes] | None]


def gallery_stamp(recipe_key: str, tracklets: Ids) -> str:
    """Names the contents of a gallery: the recipe of its templates, and which tracklets there are.

    Args:
        recipe_key: of the templates.
        tracklets: the ids of all tracklets with templates, ascending. Tracklets never change once they are stored.
    """
    digest = hashlib.sha256(np.ascontiguousarray(tracklets, "<i8").tobytes()).hexdigest()
    return f"{recipe_key}:{len(tracklets)}:{digest}"


def index_key(stamp: str, comparison: ComparesTemplates, settings: annoy.Settings) -> str:
    """The key that a saved index is stored under; another key means that it is stale."""
    terms = [FORMAT, stamp, comparison.name, settings.as_dict(), version("annoy")]
    return hashlib.sha256(json.dumps(terms).encode("utf-8")).hexdigest()


def saved(indexed: IndexedGallery) -> Iterator[bytes]:
    """An index in pieces, read by :func:`load_index` however they are cut."""
    recall = indexed.measured
    header = {
        "format": FORMAT,
        "tracklets": len(indexed.block.counts),
        "dimensions": indexed.index.dimensions,
        "error": indexed.block.error,
        "recall": [recall.reach, recall.neighbours, recall.queries, recall.recall],
    }
    yield json.dumps(header).encode("utf-8").ljust(HEADER_BYTES)
    for numbers in (indexed.block.tracklets, indexed.block.counts):
        yield np.ascontiguousarray(numbers, "<i8").tobytes()
    yield from indexed.index.saved()


def load_index(gallery: Gallery, settings: annoy.Settings, pieces: Iterator[bytes]) -> IndexedGallery:
    """An index from what :func:`saved` gave.

    Raises:
        CaseError: the pieces are no such index, or this system cannot load one.
    """
    stream = _Pieces(pieces)
    try:
        header = json.loads(stream.read(HEADER_BYTES))
        length, reach = int(header["tracklets"]), header["recall"]
        tracklets, counts = (np.frombuffer(stream.read(8 * length), "<i8").astype(np.int64) for _ in range(2))
        block = VectorBlock(tracklets, counts, np.zeros((0, 1), np.float32), error=float(header["error"]))
        recall = GalleryRecall(float(reach[0]), int(reach[1]), int(reach[2]), reach[3])
        dimensions = int(header["dimensions"])
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise _unreadable() from error
    index = annoy.load(settings, dimensions, stream.rest())
    if int(counts.sum()) != index.size:
        raise _unreadable()
    return IndexedGallery(gallery, block, index, recall)


def _unreadable() -> CaseError:
    return CaseError("the saved index cannot be read", hint="it is built again when it is used next")


class _Pieces:
    """Reads from pieces of any length as from a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._held = b""

    def read(self, size: int) -> bytes:
        while len(self._held) < size:
            piece = next(self._pieces, None)
            if piece is None:
                raise ValueError("the pieces end too early")
            self._held += piece
        taken, self._held = self._held[:size], self._held[size:]
        return taken

    def rest(self) -> Iterator[bytes]:
        yield self._held
        self._held = b""
        yield from self._pieces


def open_index(
    gallery: Gallery,
    comparison: ComparesTemplates,
    settings: annoy.Settings,
    *,
    reach: float,
    stamp: str,
    put_blob: PutBlob,
    get_blob: GetBlob,
) -> IndexedGallery:
    """The saved index of a gallery; built and saved where there is none, or a stale one, or it cannot be read.

    Where this system cannot hold files in memory it is built and not saved.

    Args:
        reach: for a new one, see :func:`build_index`.
        stamp: what the gallery holds, see :func:`gallery_stamp`.
        put_blob: stores pieces under a kind and a key, in place of earlier ones.
        get_blob: gives the pieces back, None where there are none.
    """
    key = index_key(stamp, comparison, settings)
    pieces = get_blob(KIND, key) if annoy.can_be_saved() else None
    if pieces is not None:
        try:
            return load_index(gallery, settings, pieces)
        except CaseError:
            pass  # damaged: the templates are there, so it is built anew and the damaged one replaced
    built = build_index(gallery, comparison, settings, reach)
    if annoy.can_be_saved():
        put_blob(KIND, key, saved(built))
    return built
