"""Work on a stream, slice by slice: going on behind any slice gives what an unbroken run gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from clips import Picture, make_clip, numbered_picture
from fakes import COLOURS, ColourDetector, ColourEmbedder, draw_face
from retrofr.alignment import cut_chips
from retrofr.events import Event, ignore, never
from retrofr.indexed import IndexedSlice, StreamProgress
from retrofr.intake import TakenIn
from retrofr.nets import Nets
from retrofr.notes import ExhibitNotes
from retrofr.records import Floats, Pixels, Tracklet
from retrofr.settings import Settings
from retrofr.stream_work import CollectedPiece, StreamEnd, StreamTask, StreamWork, collected
from retrofr.video.container import open_exhibit, read_container
from retrofr.video.footage import FootageFile
from retrofr.video.isolated import DecoderProcess

SETTINGS = Settings.from_mapping({"video": {"slice_seconds": 2.0}, "sampling": {"rate": 5.0}})


class ColourComparison:
    """What the face finder needs of a Comparison, for colours."""

    dimensions = 3
    embedders = (ColourEmbedder(),)

    def cut(self, image: Pixels, landmarks: Floats) -> list[tuple[Pixels, ...]]:
        return [(chip,) for chip in cut_chips(image, landmarks, ColourEmbedder.chip)]

    def templates(self, faces: list[tuple[Pixels, ...]]) -> Floats:
        chips = [face[0] for face in faces]
        return ColourEmbedder().embed(np.stack(chips)) if chips else np.zeros((0, 3), np.float32)


NETS = Nets(ColourDetector(), ColourComparison(), SimpleNamespace())  # type: ignore[arg-type]


def passers_by(number: int, width: int, height: int) -> Pixels:
    """One person all the time, one now and then, and a shot cut every 70 frames."""
    image = np.ascontiguousarray(numbered_picture(number, width, height))
    if number // 70 % 2:
        image[30:] = 255 - image[30:] // 2
    draw_face(image, COLOURS["red"], 20 + number % 40, 60, 60)
    if number % 60 < 30:
        draw_face(image, COLOURS["blue"], 200, 100, 60)
    return image


@pytest.fixture(scope="module")
def decoder() -> Iterator[DecoderProcess]:
    with DecoderProcess(SETTINGS.video) as running:
        yield running


def taken_in(path: Path) -> TakenIn:
    file = FootageFile(path, path.name)
    facts = read_container(path, path.name)
    return TakenIn(open_exhibit(file), ExhibitNotes(), (), None, (), facts)


def work_through(
    decoder: DecoderProcess,
    taken: TakenIn,
    progress: StreamProgress | None = None,
    *,
    tell: Callable[[Event], None] = ignore,
    stop: Callable[[], bool] = never,
) -> tuple[list[IndexedSlice], StreamEnd]:
    work = StreamWork(NETS, decoder, SETTINGS, "faces")
    pieces: list[CollectedPiece] = list(
        collected(work(StreamTask(taken, taken.exhibit.streams[0], progress), tell, stop))
    )
    *slices, end = pieces
    assert isinstance(end, StreamEnd)
    assert all(isinstance(piece, IndexedSlice) for piece in slices)
    return slices, end  # type: ignore[return-value]


def plain(tracklet: Tracklet) -> list[object]:
    """Everything of a tracklet that can be compared with ==."""
    flat: list[object] = []
    for field in fields(tracklet):
        value = getattr(tracklet, field.name)
        if field.name == "best":
            value = [(face.frame, face.box.tolist(), face.landmarks.tolist(), face.quality) for face in value]
        flat.append(value.tolist() if isinstance(value, np.ndarray) else value)
    return flat


def told(slices: list[IndexedSlice]) -> list[object]:
    return [
        (piece.number, [(plain(item.tracklet), item.faces_jpeg) for item in piece.tracklets])
        for piece in slices
    ]


CLIPS: dict[str, Callable[[Path, Picture], Path]] = {
    "plain.mp4": lambda path, picture: make_clip(path, frames=260, picture=picture),
    "open_groups.mkv": lambda path, picture: make_clip(
        path, frames=260, b_frames=3, picture=picture, options={"x264-params": "threads=1:open-gop=1"}
    ),
    "no_times.h264": lambda path, picture: make_clip(path, frames=260, picture=picture),
}


@pytest.mark.parametrize("name", CLIPS)
def test_going_on_behind_any_slice_gives_the_same(tmp_path: Path, decoder: DecoderProcess, name: str) -> None:
    taken = taken_in(CLIPS[name](tmp_path / name, passers_by))
    whole, end = work_through(decoder, taken)
    assert [piece.number for piece in whole] == sorted({piece.number for piece in whole})
    assert len(whole) >= 3
    assert whole[-1].progress.resume is None
    assert not end.stopped
    for done in range(len(whole)):
        rest, its_end = work_through(decoder, taken, whole[done].progress)
        assert told(rest) == told(whole[done + 1 :])
        assert its_end.progress.counts == end.progress.counts
        assert vars(its_end.progress.facts) == vars(end.progress.facts)


def test_every_tracklet_lies_in_its_slice(tmp_path: Path, decoder: DecoderProcess) -> None:
    taken = taken_in(CLIPS["plain.mp4"](tmp_path / "plain.mp4", passers_by))
    slices, end = work_through(decoder, taken)
    starts = [2 * piece.number for piece in slices]
    assert starts == [0, 2, 4, 6, 8, 10]
    for piece in slices:
        assert [item.tracklet.number for item in piece.tracklets] == list(range(1, len(piece.tracklets) + 1))
        for item in piece.tracklets:
            assert item.tracklet.slice == piece.number
            assert 2 * piece.number <= item.tracklet.first.seconds <= item.tracklet.last.seconds
            assert item.tracklet.last.seconds < 2 * piece.number + 2
            assert all(picture.startswith(b"\xff\xd8") for picture in item.faces_jpeg)
    assert end.progress.counts.found == sum(t.tracklet.faces for piece in slices for t in piece.tracklets)


def test_a_stop_gives_whole_slices_only_and_the_next_run_goes_on(
    tmp_path: Path, decoder: DecoderProcess
) -> None:
    taken = taken_in(CLIPS["plain.mp4"](tmp_path / "plain.mp4", passers_by))
    whole, end = work_through(decoder, taken)
    heard: list[Event] = []
    slices, stopped = work_through(decoder, taken, tell=heard.append, stop=lambda: len(heard) >= 4)
    assert stopped.stopped
    assert 0 < len(slices) < len(whole)
    assert told(slices) == told(whole[: len(slices)])
    rest, its_end = work_through(decoder, taken, slices[-1].progress)
    assert told(slices + rest) == told(whole)
    assert vars(its_end.progress.facts) == vars(end.progress.facts)


def test_a_stream_at_its_end_is_not_read_again(tmp_path: Path, decoder: DecoderProcess) -> None:
    path = CLIPS["plain.mp4"](tmp_path / "plain.mp4", passers_by)
    taken = taken_in(path)
    whole, end = work_through(decoder, taken)
    path.unlink()
    slices, again = work_through(decoder, taken, whole[-1].progress)
    assert slices == []
    assert vars(again.progress.facts) == vars(end.progress.facts)
