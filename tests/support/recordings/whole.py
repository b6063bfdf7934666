"""Recordings that nothing is wrong with, in the containers and codecs that recorders use."""

from __future__ import annotations

from recordings.studio import B_FRAMES, Clip, Studio

_FINE = {"b": "4M", "qmax": "6"}
FRAGMENTED = {"movflags": "+frag_keyframe+empty_moov+default_base_moof"}


def make(studio: Studio) -> None:
    """Write them."""
    studio.encode("ok.mp4", Clip(sound=True))
    studio.encode("ok_b.mp4", Clip(options=B_FRAMES))
    studio.encode("faststart.mp4", Clip(container_options={"movflags": "+faststart"}))
    studio.encode("frag.mp4", Clip(container_options=FRAGMENTED))
    for name in ("ok.mkv", "ok.avi", "ok.asf"):
        studio.encode(name)
    studio.encode("b_in.avi", Clip(options=B_FRAMES))
    studio.encode("ok.ts", Clip(container="mpegts"))
    studio.encode("ok_b.ts", Clip(container="mpegts", options=B_FRAMES))
    studio.encode("ok.ps", Clip(container="vob"))
    studio.encode("ok265.mp4", Clip("libx265", container_options={"movflags": "+faststart"}))
    studio.encode("av1.mp4", Clip("libsvtav1", frames=100))
    studio.encode("vp9.webm", Clip("libvpx-vp9", frames=100))
    studio.encode("mpeg1.mpg", Clip("mpeg1video", options={"b": "3M", "qmin": "5"}, container="mpeg"))
    studio.encode("mpeg2.mpg", Clip("mpeg2video", options=_FINE, container="mpeg"))
    studio.encode("mpeg4.avi", Clip("mpeg4", options=_FINE))
    studio.encode("h263.3gp", Clip("h263", size=(352, 288), options={"b": "3M", "qmin": "5"}))
    studio.encode("mjpeg.avi", Clip("mjpeg", "yuvj420p"))
    studio.encode("oneframe.mp4", Clip(frames=1))
    # Bare streams: nothing but what the encoder wrote, without a time anywhere.
    studio.encode("raw.h264", Clip(container="h264"))
    studio.encode("raw_b.h264", Clip(container="h264", options=B_FRAMES))
    studio.encode("raw.h265", Clip("libx265", container="hevc"))
    studio.encode("oneframe.h264", Clip(container="h264", frames=1))
