"""Whole pictures from woven fields, for the frames that are looked at and flagged as interlaced.

The two fields of such a frame were taken 1/50 or 1/60 s apart, so what moves is combed. bwdif keeps one field and
makes up the other's lines from it and from the frames before and after.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from av.filter import Graph
from av.video.format import VideoFormat
from av.video.frame import VideoFrame

from retrofr.video._pyav import AV_FAILURES

_FILTER = "mode=send_frame:deint=interlaced"
_TICK = Fraction(1, 1000)


class Deinterlacer:
    """Deinterlaces single frames, each with its neighbours; frames in a row cost one filtering each."""

    def __init__(self) -> None:
        self._graph: Graph | None = None
        self._kind: tuple[int, int, str] | None = None
        self._pushed: list[VideoFrame] = []
        self._serial = 0

    def whole(
        self, before: VideoFrame | None, frame: VideoFrame, after: VideoFrame | None
    ) -> VideoFrame | None:
        """The frame with the lines of its second field made up.

        The neighbours only tell the filter where the picture moves, so a missing one is replaced by the other, and
        both by a blank picture, of which every point differs.

        Args:
            before, after: its neighbours as shown; None where there is none.

        Returns:
            None where the filter cannot take such a frame.
        """
        kind = _kind_of(frame)
        near = [one for one in (before, after) if one is not None and _kind_of(one) == kind]
        try:
            if not near:
                near = [_blank(kind)]
            return self._filter(kind, near[0], frame, near[-1])
        except AV_FAILURES:
            self._graph = None
            return None

    def _filter(
        self, kind: tuple[int, int, str], before: VideoFrame, frame: VideoFrame, after: VideoFrame
    ) -> VideoFrame | None:
        graph = self._graph
        if graph is None or self._kind != kind:
            graph = self._begin(kind)
        given = [before, frame]
        # What the filter holds already is not given to it twice.
        known = next((n for n in (2, 1) if _same(self._pushed[-n:], given[:n])), 0)
        for one in given[known:]:
            self._push(graph, one)
        wanted = self._serial
        self._push(graph, after)
        found = None
        while (made := _pull(graph)) is not None:
            if made.pts == 2 * wanted:  # the filter halves the time base
                found = made
        return found

    def _begin(self, kind: tuple[int, int, str]) -> Graph:
        width, height, pixel_format = kind
        graph = Graph()
        graph.threads = 1
        source = graph.add_buffer(
            width=width, height=height, format=VideoFormat(pixel_format), time_base=_TICK
        )
        graph.link_nodes(source, graph.add("bwdif", _FILTER), graph.add("buffersink")).configure()
        self._graph, self._kind, self._pushed = graph, kind, []
        return graph

    def _push(self, graph: Graph, frame: VideoFrame) -> None:
        self._serial += 1
        own = frame.pts
        frame.pts = self._serial
        try:
            graph.push(frame)
        finally:
            frame.pts = own
        self._pushed = [*self._pushed[-1:], frame]


def _blank(kind: tuple[int, int, str]) -> VideoFrame:
    width, height, pixel_format = kind
    black = VideoFrame.from_ndarray(np.zeros((height, width, 3), np.uint8), format="rgb24")
    return black.reformat(format=pixel_format, threads=1)


def _same(held: list[VideoFrame], given: list[VideoFrame]) -> bool:
    return len(held) == len(given) and all(a is b for a, b in zip(held, given, strict=True))


def _pull(graph: Graph) -> VideoFrame | None:
    try:
        frame = graph.pull()
    except (BlockingIOError, EOFError):
        return None
    return frame if isinstance(frame, VideoFrame) else None


def _kind_of(frame: VideoFrame) -> tuple[int, int, str]:
    return frame.width, frame.height, frame.format.name
