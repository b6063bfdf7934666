"""Footage made for measuring: a still camera that sees a room, and real faces that pass through it.

    python benchmarks/_footage.py --data ../shared/data --work FOLDER --seconds 30

What a clip shows is decided by its kind and a seed, so that it is the same wherever it is made. Beside each clip
lies its truth: who is where in which frame. Pictures are put together as the planes that the encoder takes, from
parts made before: that is several times quicker than drawing each.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from _passers import Bytes, CutOut, Visit, cut_outs, visible, visit

RATE, GROUP = 25, 50
"""Frames a second, and from one keyframe to the next."""

PRESET = "superfast"
"""The quickest of x264's that uses what cameras use: CABAC and the loop filter. Both cost at decoding."""

NOISE, NOISE_PLANES = 2.0, 6
"""Grey levels (standard deviation) of the sensor's noise, and how many planes of it take turns."""

LIGHT_LEVELS, LIGHT_PERIOD = 3, 90.0
"""The light goes up and down by so many grey levels, within so many seconds."""

VERSION = 2
"""Of what clips show: one made by another version is made again."""


@dataclass(frozen=True)
class Kind:
    """What a clip shows.

    ``places`` people are in the picture at once, each gone for a few seconds now and then; or, with ``share``,
    somebody is there for that share of the time. ``shorter`` divides the length asked for.
    """

    size: tuple[int, int]
    bit_rate: int
    places: int = 0
    share: float = 0.0
    shorter: int = 1


KINDS = {
    "busy": Kind((1920, 1080), 4_000_000, places=8),
    "typical": Kind((1920, 1080), 4_000_000, share=0.1),
    "empty": Kind((1920, 1080), 4_000_000),
    "busy-4k": Kind((3840, 2160), 12_000_000, places=8, shorter=5),
    "busy-d1": Kind((704, 576), 1_000_000, places=3),
}


@dataclass(frozen=True)
class Clip:
    """A made recording; its truth lies beside it."""

    kind: str
    path: Path
    seconds: float

    @property
    def truth(self) -> Path:
        """Who is where: frame, visit, photo, the face's box, and which share of it can be seen."""
        return self.path.with_suffix(".tsv")


def clip(kind: str, seconds: float, faces: Path, work: Path, seed: int = 1) -> Clip:
    """The clip of a kind; made where it is not there yet.

    Args:
        kind: one of KINDS.
        seconds: how long, before a kind's own ``shorter``.
        faces: folder of photos with its index.tsv.
        work: where clips are kept.
        seed: another gives other people on other ways.
    """
    spec = KINDS[kind]
    length = max(8.0, seconds / spec.shorter)
    made = Clip(kind, work / f"{kind}-{length:g}s-{seed}-v{VERSION}.mp4", length)
    if not made.path.exists():
        random = np.random.default_rng([seed, *kind.encode()])
        people = cut_outs(faces, work) if spec.places or spec.share else []
        visits = _visits(spec, round(length * RATE), people, random)
        _write_clip(made, spec, visits, random)
    return made


# ---- who comes when ------------------------------------------------------------------------------------------


def _visits(spec: Kind, frames: int, people: list[CutOut], random: np.random.Generator) -> list[Visit]:
    """All visits of a clip, in the order in which they are laid over each other."""
    found: list[Visit] = []

    def next_visit(start: int) -> Visit:
        speed = float(random.uniform(2.0, 6.0)) * spec.size[0] / 1920
        person = people[int(random.integers(len(people)))]
        return visit(len(found) + 1, person, spec.size, start, speed, random)

    for _ in range(spec.places):
        start = -int(random.integers(50, 400))  # the first is on the way already
        while start < frames:
            found.append(next_visit(start))
            start = found[-1].end + int(random.integers(10, 3 * RATE))
    block = min(frames, 100 * RATE)
    for first in range(0, frames if spec.share else 0, block):
        length = max(RATE, round(spec.share * min(block, frames - first)))
        start = first + int(random.integers(max(1, min(block, frames - first) - length)))
        for _ in range(int(random.integers(1, 3))):
            found.append(next_visit(start).cut_to(length, spec.size[0]))
    return sorted(found, key=lambda one: one.side)  # who is nearer is larger, and hides the others


# ---- what it looks like --------------------------------------------------------------------------------------


class Room:
    """The background: walls, furniture, their texture; light that changes slowly, noise, a branch that sways."""

    def __init__(self, size: tuple[int, int], frames: int, random: np.random.Generator) -> None:
        width, height = size
        self._random, (self._width, self._height) = random, size
        luma = _texture(size, random)
        self._lit = [
            _bytes(luma.astype(np.int16) + level) for level in range(-LIGHT_LEVELS, LIGHT_LEVELS + 1)
        ]
        patches = [random.integers(118, 138, (5, 8)).astype(np.uint8) for _ in range(2)]
        half = (width // 2, height // 2)
        self._chroma = [_bytes(cv2.resize(patch, half, interpolation=cv2.INTER_CUBIC)) for patch in patches]
        shape = (NOISE_PLANES, height + 64, width + 64)
        noise = random.standard_normal(shape, np.float32) * np.float32(NOISE)
        self._more = np.maximum(noise, 0).round().astype(np.uint8)
        self._less = np.maximum(-noise, 0).round().astype(np.uint8)
        leaves = random.integers(30, 160, (height // 24, width // 32)).astype(np.uint8)
        self._branch = cv2.resize(leaves, (width // 8, height // 6), interpolation=cv2.INTER_CUBIC)
        self._sways = np.zeros(frames, bool)
        for start in range(0, frames, 20 * RATE):
            first = start + int(random.integers(17 * RATE))
            self._sways[first : first + 3 * RATE] = True

    def planes(self, frame: int) -> tuple[Bytes, Bytes, Bytes]:
        """Luma and chroma of the empty room, without noise."""
        light = LIGHT_LEVELS * (1 + np.sin(2 * np.pi * frame / RATE / LIGHT_PERIOD))
        luma = self._lit[round(float(light))].copy()
        swing = round(10 * np.sin(frame * 0.35)) if self._sways[frame] else 0
        tall, wide = self._branch.shape
        left = self._width * 3 // 4 + swing
        luma[40 : 40 + tall, left : left + wide] = self._branch
        return luma, self._chroma[0].copy(), self._chroma[1].copy()

    def add_noise(self, luma: Bytes) -> None:
        """Add the sensor's noise of one frame, in place."""
        number, x, y = (int(self._random.integers(most)) for most in (NOISE_PLANES, 64, 64))
        window = (number, slice(y, y + self._height), slice(x, x + self._width))
        cv2.add(luma, self._more[window], dst=luma)
        cv2.subtract(luma, self._less[window], dst=luma)


def _texture(size: tuple[int, int], random: np.random.Generator) -> Bytes:
    """Luma of a room: soft shades, edges of furniture, and fine texture on all of it."""
    width, height = size
    room: Any = cv2.resize(random.uniform(70, 150, (4, 7)), size, interpolation=cv2.INTER_CUBIC)
    for _ in range(40):
        x, y = int(random.integers(width)), int(random.integers(height))
        w, h = (int(random.integers(side // 40, side // 5)) for side in size)
        room[y : y + h, x : x + w] += random.uniform(-45, 45)
    for grain, strength in ((2, 5), (6, 6)):
        coarse = random.normal(0, strength, (height // grain, width // grain))
        room += cv2.resize(coarse, size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(cv2.GaussianBlur(room, (0, 0), 0.8), 25, 225), np.uint8)


def _bytes(plane: Any) -> Bytes:
    return np.ascontiguousarray(plane, np.uint8)


def _lay_over(planes: Sequence[Bytes], made: Visit, frame: int) -> None:
    """Put a visitor into the picture, in place; what lies outside is cut off."""
    x, y = (int(value) for value in made.points[frame - made.start])
    for plane, own, clear, scale in zip(
        planes, made.planes, (made.clear[0], made.clear[1], made.clear[1]), (1, 2, 2), strict=True
    ):
        left, top = x // scale, y // scale
        x0, y0 = max(0, left), max(0, top)
        x1, y1 = min(plane.shape[1], left + own.shape[1]), min(plane.shape[0], top + own.shape[0])
        if x1 <= x0 or y1 <= y0:
            continue
        inner = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
        place = plane[y0:y1, x0:x1]
        kept = cv2.multiply(place, np.ascontiguousarray(clear[inner]), scale=1 / 255)
        place[:] = cv2.add(kept, np.ascontiguousarray(own[inner]))


# ---- files ---------------------------------------------------------------------------------------------------


def _write_clip(made: Clip, spec: Kind, visits: list[Visit], random: np.random.Generator) -> None:
    """Encode a clip and write its truth; a clip is there whole or not at all."""
    frames = round(made.seconds * RATE)
    room, partial = Room(spec.size, frames, random), made.path.with_suffix(".part.mp4")
    width, height = spec.size
    with av.open(str(partial), "w") as output, made.truth.open("w", encoding="utf-8") as truth:
        stream: Any = output.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = width, height, "yuv420p", spec.bit_rate
        rate = str(spec.bit_rate)
        stream.options = {"preset": PRESET, "bf": "0", "maxrate": rate, "bufsize": rate, "threads": "2"} | {
            "g": str(GROUP),
            "keyint_min": str(GROUP),
            "sc_threshold": "0",
        }
        truth.write("frame\tvisit\tphoto\tx1\ty1\tx2\ty2\tvisible\n")
        for frame in range(frames):
            planes = room.planes(frame)
            here = [one for one in visits if one.start <= frame < one.end]
            for one in here:
                _lay_over(planes, one, frame)
            room.add_noise(planes[0])
            _write_truth(truth, frame, here, spec.size)
            joined = np.concatenate([plane.reshape(-1, width) for plane in planes])
            output.mux(stream.encode(av.VideoFrame.from_ndarray(joined, format="yuv420p")))
        output.mux(stream.encode(None))
    partial.rename(made.path)


def _write_truth(truth: Any, frame: int, here: list[Visit], size: tuple[int, int]) -> None:
    boxes = [one.box_at(frame) for one in here]
    corner = np.array([*size, *size])
    for one, box, share in zip(here, boxes, visible(boxes, size), strict=True):
        if share > 0:
            corners = "\t".join(f"{value:.1f}" for value in np.clip(box, 0, corner))
            truth.write(f"{frame}\t{one.number}\t{one.photo}\t{corners}\t{share:.2f}\n")


def cut(made: Clip, path: Path, first_second: float, seconds: float) -> Path:
    """A part of a clip, by stream copy, from one keyframe to another; it goes on at the start behind the end."""
    with av.open(str(made.path)) as source:
        packets = [packet for packet in source.demux(video=0) if packet.size]
        groups = [i for i, packet in enumerate(packets) if packet.is_keyframe] + [len(packets)]
        wanted = round(seconds * RATE / GROUP)
        order = [(round(first_second * RATE / GROUP) + i) % (len(groups) - 1) for i in range(wanted)]
        chosen = [packet for group in order for packet in packets[groups[group] : groups[group + 1]]]
        _copy(source.streams.video[0], [chosen], path)
    return path


def joined(clips: Sequence[Clip], path: Path, seconds: float) -> Path:
    """Clips one after the other, over and over, by stream copy, until there are so many seconds."""
    if path.exists():
        return path
    partial = path.with_suffix(".part.mp4")
    with av.open(str(clips[0].path)) as first:
        _copy(first.streams.video[0], _over_and_over(clips, seconds), partial)
    partial.rename(path)
    return path


def _over_and_over(clips: Sequence[Clip], seconds: float) -> Iterator[list[Any]]:
    given, turn = 0.0, 0
    while given < seconds:
        made = clips[turn % len(clips)]
        with av.open(str(made.path)) as source:
            yield [packet for packet in source.demux(video=0) if packet.size]
        given, turn = given + made.seconds, turn + 1


def _copy(template: Any, batches: Any, path: Path) -> None:
    """Write packets in their order, one frame's time apart."""
    tick = round(1 / RATE / template.time_base)
    number = 0
    with av.open(str(path), "w") as output:
        stream = output.add_stream_from_template(template)
        for batch in batches:
            for packet in batch:
                packet.pts = packet.dts = number * tick
                packet.duration, packet.stream = tick, stream
                number += 1
                output.mux(packet)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of shared clips and faces")
    parser.add_argument("--work", type=Path, required=True, help="where to put the clips")
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    for kind in options.kinds:
        started = time.perf_counter()
        made = clip(kind, options.seconds, options.data / "faces", options.work)
        taken = time.perf_counter() - started
        rate = made.path.stat().st_size * 8 / made.seconds / 1e6
        print(
            f"{kind}: {made.seconds:g} s of footage in {taken:.1f} s ({made.seconds * RATE / taken:.0f} frames/s), "
            f"{rate:.2f} Mb/s"
        )


if __name__ == "__main__":
    main()
