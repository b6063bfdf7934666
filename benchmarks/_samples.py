"""Decodes the samples of a recording and nothing else: the floor that indexing is held against.

    python benchmarks/_samples.py CLIP --how needed|all|all-threads|keyframes

Prints, as JSON, how long it took. Pictures are neither converted nor looked at.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

HOW = {
    "needed": "one thread; of each group of pictures no more than its last sample needs",
    "all": "one thread; every frame",
    "all-threads": "PyAV's own threads on all cores; every frame",
    "keyframes": "one thread; keyframes alone",
}


class Grid:
    """Tells which frames are samples: the first at or after each ``k / rate`` seconds from the first frame on."""

    def __init__(self, rate: Fraction) -> None:
        self._rate, self._anchor, self._point = rate, Fraction(0), -1

    def wants(self, seconds: Fraction) -> bool:
        """Whether the frame shown at a time is one; to be asked in the order of time."""
        if self._point < 0:
            self._anchor = seconds
        point = int((seconds - self._anchor) * self._rate // 1)
        due = point > self._point
        self._point = max(self._point, point)
        return due


def samples(path: Path, rate: Fraction, how: str) -> Iterator[tuple[int, Any]]:
    """Give (number of the frame, frame) of each sample.

    Numbers are counted from media time, so that skipped frames count too; the recording's frame rate is constant.
    """
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 0 if how == "all-threads" else 1
        if how == "all-threads":
            stream.thread_type = "AUTO"
        if how == "keyframes":
            stream.codec_context.skip_frame = "NONKEY"
        base, frame_rate = stream.time_base, stream.average_rate
        first: Fraction | None = None
        grid, wanted = Grid(rate), set[int]()
        for group in _groups(container, stream):
            for pts in sorted(packet.pts for packet in group if packet.size):
                if grid.wants(pts * base) or how == "keyframes":
                    wanted.add(pts)
            for packet in _needed(group, wanted, how):
                for frame in packet.decode():
                    seconds = frame.pts * base
                    first = seconds if first is None else first
                    if frame.pts in wanted:
                        wanted.discard(frame.pts)
                        yield round((seconds - first) * frame_rate), frame
        if how != "keyframes" and wanted:
            raise SystemExit(f"{path.name}: {len(wanted)} samples were not decoded; is it damaged?")


def _groups(container: Any, stream: Any) -> Iterator[list[Any]]:
    """Packets from one keyframe to before the next; the last is the empty one that ends the stream."""
    group: list[Any] = []
    for packet in container.demux(stream):
        if group and (packet.is_keyframe or not packet.size):
            yield group
            group = []
        group.append(packet)
    yield group


def _needed(group: list[Any], wanted: set[int], how: str) -> list[Any]:
    """The packets of a group that are decoded."""
    if how.startswith("all") or not group[0].size:
        return group
    if how == "keyframes":
        return group[:1]
    last = max((i for i, packet in enumerate(group) if packet.pts in wanted), default=-1)
    return group[: last + 1]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clip", type=Path)
    parser.add_argument("--how", choices=HOW, default="needed")
    parser.add_argument("--rate", type=Fraction, default=Fraction(2))
    options = parser.parse_args()
    started, cpu = time.perf_counter(), time.process_time()
    count = sum(1 for _ in samples(options.clip, options.rate, options.how))
    taken = {"wall": time.perf_counter() - started, "cpu": time.process_time() - cpu, "samples": count}
    print(json.dumps(taken))


if __name__ == "__main__":
    main()
