"""Frames that come again when a reading is gone on with, and were given out before."""

from __future__ import annotations

from retrofr.video.plan import Resume


class Dropping:
    """Knows which frames to drop; ``active`` until the last of them has come."""

    def __init__(self, resume: Resume | None) -> None:
        self._last = None if resume is None else resume.after_packet
        self.active = self._last is not None

    def drops(self, packet: int | None, *, is_key: bool) -> bool:
        """Whether the frame made from this packet was given out before."""
        # The frame looked for may not come again from a damaged stream; a keyframe is shown after all before it.
        if self._last is not None and is_key and packet is not None and packet > self._last:
            self.active = False
        return self.active

    def ends_with(self, packet: int | None) -> bool:
        """Whether this was the last one to drop."""
        if self.active and packet == self._last:
            self.active = False
            return True
        return False
