"""What a file's packets say, without decoding them: how long it really is, where it breaks, how even it is.

Every packet is read and none but the first few of a stream are decoded, so an hour takes seconds. Damage inside
packets is not seen here unless the container reports it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from av.packet import Packet

from retrofr.errors import ExhibitError
from retrofr.video._pyav import AV_FAILURES, InputContainer, has_decoder, open_container, recorded_streams
from retrofr.video.decoding.opening import set_up_decoder
from retrofr.video.facts import FirstLook, Survey
from retrofr.video.headers.stream_pass import StreamPass
from retrofr.video.isolation.endless import EndGuard, EndlessError

# A demuxer that fails this often in a row without giving a packet has nothing more to give.
_MAX_DEMUX_FAILURES = 16
# A stream cut in the middle may begin with a whole group of pictures that cannot be decoded.
_LOOKED_AT_PACKETS = 300


def survey(path: Path, name: str, on_progress: Callable[[int], None] | None = None) -> Survey:
    """Read all packets of a file's recorded video streams.

    Args:
        path: the file.
        name: how errors call it.
        on_progress: called after each packet with the bytes of video read so far.

    Raises:
        ExhibitError: it does not open, or has no recorded video stream.
    """
    container = open_container(path, name)
    try:
        reading = _Reading(container, path, name, on_progress)
        return reading.survey()
    finally:
        container.close()


class _Reading:
    def __init__(
        self,
        container: InputContainer,
        path: Path,
        name: str,
        on_progress: Callable[[int], None] | None,
    ) -> None:
        self._container, self._on_progress = container, on_progress
        self._guard = EndGuard(path.stat().st_size, name)
        self._recorded = recorded_streams(container)
        if not self._recorded:
            raise ExhibitError("no recorded video stream in this file", subject=name)
        self._passes = {stream.index: StreamPass(stream) for stream in self._recorded}
        self._failures = 0
        self._unfinished = False

    def survey(self) -> Survey:
        endless = False
        size = 0
        looking = {stream.index: _Look(stream) for stream in self._recorded if has_decoder(stream)}
        try:
            for packet in self._packets():
                self._guard.took(packet.size)
                if packet.stream_index not in self._passes:  # av's mark of the end is of stream 0
                    continue
                self._passes[packet.stream_index].take(packet)
                if packet.stream_index in looking:
                    looking[packet.stream_index].take(packet)
                size += packet.size
                if self._on_progress is not None:
                    self._on_progress(size)
        except EndlessError:
            endless = True
        starts = [start for each in self._passes.values() if (start := each.start()) is not None]
        zero = min(starts, default=Fraction(0))
        streams = tuple(
            replace(each.survey(zero), look=looking[index].finish() if index in looking else None)
            for index, each in self._passes.items()
        )
        return Survey(streams, self._failures, self._unfinished, endless)

    def _packets(self) -> Iterator[Packet[Any]]:
        in_a_row = 0
        while in_a_row < _MAX_DEMUX_FAILURES:
            try:
                for packet in self._container.demux(self._recorded):
                    if packet.size:
                        in_a_row = 0
                    yield packet
                return
            except AV_FAILURES:
                in_a_row += 1
                self._failures += 1
        self._failures -= _MAX_DEMUX_FAILURES - 1  # those in a row are one place
        self._unfinished = True


class _Look:
    """Decodes the first packets of a stream until a picture comes."""

    def __init__(self, stream: Any) -> None:
        self._first: FirstLook | None = None
        self._context = set_up_decoder(stream)
        self._left = _LOOKED_AT_PACKETS

    def take(self, packet: Packet[Any]) -> None:
        if self._first is None and self._left and packet.size:
            self._left -= 1
            self._decode(packet)

    def finish(self) -> FirstLook | None:
        """The picture, if need be one that the decoder still held back at the end of a short stream."""
        if self._first is None and self._left:
            self._decode(None)
        return self._first

    def _decode(self, packet: Packet[Any] | None) -> None:
        try:
            frames = self._context.decode(packet)
        except EOFError:
            return
        except AV_FAILURES:
            return
        if frames:
            frame = frames[0]
            self._first = FirstLook(
                width=frame.width,
                height=frame.height,
                pixel_format=frame.format.name,
                interlaced=bool(frame.interlaced_frame),
                rotation_degrees=round(frame.rotation / 90) % 4 * 90,
            )
