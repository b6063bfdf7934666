"""Which frames may be damaged: from a reported error until the next clean keyframe."""

from __future__ import annotations

from bisect import insort

# Codecs in which FFmpeg's decoder reports nearly all damage, its error log included. Measured with PyAV 18.1 on
# clips of 150 frames with 20 bits flipped, 3 to 15 times each, as damaged frames (one 16x16 block differs by more
# than 30 grey levels) without a label: H.264 1 of 2027, FFV1 0 of 589; against MPEG-4 11 of 570, MPEG-1 31 of 673,
# MPEG-2 22 of 436, MJPEG 3 of 21, HEVC 100 of 132, VP8 150 of 150, VP9 136 of 147.
REPORTS_DAMAGE = frozenset({"h264", "ffv1"})

# Keyframes come out at most this many packets behind what was fed; of older errors only that there was one
# matters.
_REORDERED = 256


class DamageTrace:
    """Follows errors and keyframes by packet number.

    A frame is suspect if an error was reported in its own packet, or in an earlier one with no clean keyframe
    since. Frames that are stored after a keyframe and shown before it are predicted from what lies before it, so
    a keyframe cleans only what is shown after it.
    """

    def __init__(self) -> None:
        self._errors: list[int] = []

    def report(self, packet: int) -> None:
        """An error was reported in, or in front of, a packet."""
        if packet in self._errors[-_REORDERED:]:
            return
        insort(self._errors, packet)
        if len(self._errors) > 2 * _REORDERED:
            del self._errors[1:-_REORDERED]

    def show(self, packet: int, is_keyframe: bool) -> bool:
        """Take the next frame in the order shown; gives whether it is suspect.

        Args:
            packet: number of the packet it was made from.
            is_keyframe: nothing in it is predicted from other frames.
        """
        if is_keyframe and packet not in self._errors:
            self._errors = [error for error in self._errors if error > packet]
        return bool(self._errors) and self._errors[0] <= packet

    def restart(self) -> None:
        """The decoder begins anew at a keyframe."""
        self._errors = []
