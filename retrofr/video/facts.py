"""What a file says of itself: its headers, and its packets. Plain data: it travels between processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from retrofr.clock import ClockOrigin
from retrofr.records import VideoStream
from retrofr.video.decoding.timing import Break
from retrofr.video.headers.rhythm import UNKNOWN, Rhythm

Tags = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Refusal:
    """Why nothing of a file or stream can be searched, and what may be done about it."""

    reason: str
    hint: str | None = None


@dataclass(frozen=True)
class StreamFacts:
    """One recorded video stream as its headers declare it.

    Args:
        stream: index, codec, coded size, average rate and declared duration.
        profile, level: of the codec; None where not stated.
        pixel_format, bit_depth: of the decoded picture, for example ``yuv420p`` and 8.
        full_range: True where the pixels use all values (JPEG range).
        pixel_aspect: width of a pixel over its height; None where not stated.
        field_order: ``progressive``, ``interlaced, top field first``, …; None where not stated.
        reordered: frames are stored in another order than they are shown (B-frames).
        start_seconds: the stream's first time in the container's own seconds.
        declared_frames: how many frames the header counts; None where it does not.
        codec_rate: frames a second as the codec's own headers state it (H.264 timing information).
        tags: metadata of the stream, such as ``handler_name`` and ``encoder``.
        encrypted: its pictures cannot be decoded without a key.
        decodable: there is a decoder for it.
    """

    stream: VideoStream
    profile: str | None = None
    level: int | None = None
    pixel_format: str | None = None
    bit_depth: int | None = None
    full_range: bool = False
    pixel_aspect: Fraction | None = None
    field_order: str | None = None
    reordered: bool = False
    start_seconds: Fraction | None = None
    declared_frames: int | None = None
    codec_rate: Fraction | None = None
    tags: Tags = ()
    encrypted: bool = False
    decodable: bool = True


@dataclass(frozen=True)
class ContainerFacts:
    """One file as its headers declare it.

    Args:
        format, long_name: the demuxer's names, for example ``avi`` and ``AVI (Audio Video Interleaved)``.
        streams: the recorded video streams; empty only where ``refusal`` says why.
        others: what else is in the file, one phrase each, such as ``sound (aac)``.
        declared_seconds: duration of the whole file as its header states it.
        tags: metadata of the container.
        origins: clocks that the container itself holds, the most trusted first.
        notices: what an examiner should know of how the file is built, one sentence each.
        problems: what the structure of the file says is lost, one sentence each.
        refusal: not None where nothing of it can be searched.
    """

    format: str
    long_name: str
    streams: tuple[StreamFacts, ...] = ()
    others: tuple[str, ...] = ()
    declared_seconds: Fraction | None = None
    tags: Tags = ()
    origins: tuple[ClockOrigin, ...] = ()
    notices: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    refusal: Refusal | None = None

    def losses(self, counted: Mapping[int, int]) -> tuple[str, ...]:
        """The ``problems``, but none where every frame that the headers count is there all the same.

        Args:
            counted: frames, or packets with content, that were found of each stream, by its index.
        """
        is_whole = bool(self.streams) and all(
            each.declared_frames is not None and counted.get(each.stream.index, 0) >= each.declared_frames
            for each in self.streams
        )
        return () if is_whole else self.problems


@dataclass(frozen=True)
class FirstLook:
    """The first picture that decodes: its coded size, and what only pictures tell.

    ``rotation_degrees`` is what a player turns it by, counter-clockwise, in quarter turns.
    """

    width: int
    height: int
    pixel_format: str
    interlaced: bool
    rotation_degrees: int


@dataclass(frozen=True)
class StreamSurvey:
    """What the packets of one recorded video stream say. Times are media time, as in a search.

    Args:
        index: of the stream.
        packets, size_bytes: with content; ``empty_packets`` come beside them (dropped frames in AVI).
        keyframes: packets from which decoding can begin; ``keyframe_packets`` is how many packets it
            usually is from one to the next, None below two.
        stamps_missing: packets without any time.
        start_seconds, end_seconds: of the first frame's start and the last one's end, in order of storage;
            None where nothing has a time.
        recorded_seconds: how long the frames are shown, gaps left out; None where nothing has a time.
        segments: stretches of unbroken time.
        breaks: the first of them; ``gaps`` and ``steps_back`` count them all.
        gap_seconds: the time that the gaps span.
        holes: in an otherwise even stream, the first places where frames are missing for more than half a
            second without a break, from the last frame's start to the next one's; ``hole_count`` counts all.
        corrupt_packets: that the container itself reports as damaged.
        rhythm: the frame-rate character.
        look: None where no picture decoded from the first packets.
    """

    index: int
    packets: int = 0
    size_bytes: int = 0
    empty_packets: int = 0
    keyframes: int = 0
    keyframe_packets: int | None = None
    stamps_missing: int = 0
    start_seconds: Fraction | None = None
    end_seconds: Fraction | None = None
    recorded_seconds: Fraction | None = None
    segments: int = 0
    breaks: tuple[Break, ...] = ()
    gaps: int = 0
    steps_back: int = 0
    gap_seconds: Fraction = Fraction(0)
    holes: tuple[tuple[Fraction, Fraction], ...] = ()
    hole_count: int = 0
    corrupt_packets: int = 0
    rhythm: Rhythm = UNKNOWN
    look: FirstLook | None = None


@dataclass(frozen=True)
class Survey:
    """All recorded video streams of a file.

    ``unreadable_places`` is how often the demuxer failed and went on; ``unfinished``: it could not go on, and
    the rest of the file was not read; ``endless``: more came out than the file can hold.
    """

    streams: tuple[StreamSurvey, ...]
    unreadable_places: int = 0
    unfinished: bool = False
    endless: bool = False
