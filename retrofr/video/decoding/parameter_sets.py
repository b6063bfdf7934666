"""Whether all decoders of a stream know the same parameter sets, by which they read its pictures.

A decoder that did not see a set that came once, in the middle of a stream, would decode what follows by the old one,
and might not even notice.
"""

from __future__ import annotations

from typing import Any

from av.packet import Packet

from retrofr.video.decoding.clean_start import units

CODECS = frozenset({"h264", "hevc"})

# H.264, table 7-1: sequence, picture, extension and subset. HEVC, table 7-1: video, sequence, picture.
_SETS = {"h264": frozenset({7, 8, 13, 15}), "hevc": frozenset({32, 33, 34})}


class ParameterSets:
    """Follows a stream's packets.

    Args:
        codec: one of CODECS.
        extradata: of the stream.
    """

    def __init__(self, codec: str, extradata: bytes | None) -> None:
        self._codec, self._extradata = codec, extradata
        self._known: tuple[bytes, ...] | None = None

    def change_in(self, packet: Packet[Any]) -> bool:
        """Whether a packet brings other sets than the stream's first that brought some."""
        if packet.has_sidedata("new_extradata"):
            return True
        kinds = _SETS[self._codec]
        content = bytes(packet)
        own = tuple(unit for kind, unit in units(content, self._codec, self._extradata) if kind in kinds)
        if not own:
            return False
        if self._known is None:
            self._known = own
        return own != self._known
