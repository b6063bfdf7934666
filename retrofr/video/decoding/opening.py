"""A stream's decoder, set up in the one way in which all of them are."""

from __future__ import annotations

from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext

from retrofr.video._pyav import AvStream

# Frames above 64 megapixels (8K is 33) come from damaged headers; decoding one could take gigabytes.
_MAX_PIXELS = 64 << 20


def set_up_decoder(stream: AvStream) -> VideoCodecContext:
    """The decoder of a stream from which nothing was decoded yet.

    It has one thread. Damaged streams decode differently with another number of threads, and with frame threads
    differently from run to run; a second run has to give the same pictures.
    """
    context = stream.codec_context
    context.thread_count = 1
    context.thread_type = "NONE"
    context.flags |= Flags.copy_opaque  # so that a frame says which packet it was made from
    context.options = {**context.options, "max_pixels": str(_MAX_PIXELS)}
    return context


def show_corrupt(context: VideoCodecContext) -> None:
    """From here on frames come out that are damaged, or whose decoder began without what they may need."""
    context.flags |= Flags.output_corrupt
