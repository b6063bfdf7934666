"""Render the sample footage: three cameras past which people walk, and the truth of who is where when.

    python samples/render.py --out samples/footage

Portraits (README.md says where each comes from) are moved, scaled, turned and lit in front of drawn rooms. The same
inputs and library versions give the same bytes. Nothing is rendered where everything is there and current.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from cameras import CAMERAS, Camera
from people import EYES, FACE, Figure, Layer, Picture, Pose, Visit, figure_from_behind, lay, read_figure

HERE = Path(__file__).resolve().parent
STAMP = ".rendered.json"
COLUMNS = (
    "person",
    "portrait",
    "file",
    "start_seconds",
    "end_seconds",
    "start_time",
    "end_time",
    "min_eye_distance_pixels",
)
WHOLE = 0.03
"""A face is whole while less than this part of its box is hidden; boxes fall on whole pixels."""
BITEXACT = 1 << 23  # AV_CODEC_FLAG_BITEXACT: no encoder version in the stream


def pose_of(visit: Visit, camera: Camera, seconds: float) -> Pose | None:
    """The pose at a time; None where they are well out of the picture."""
    if not visit.start - 0.4 <= seconds <= visit.end + 0.4:
        return None
    width, height = camera.size
    edges = (camera.edges[0] * width, camera.edges[1] * width)
    x = visit.place(seconds, edges)
    speed = (visit.place(seconds + 0.01, edges) - visit.place(seconds - 0.01, edges)) / 0.02
    eyes = visit.eye_distance(seconds)
    stride = 0.3 + 0.7 * min(1.0, abs(speed) / (8 * eyes))
    return Pose(
        x=x
        + 0.10 * eyes * float(np.sin(2 * np.pi * 0.45 * seconds + visit.start)) * _settled(visit, seconds),
        y=camera.eye_height * height + 0.09 * eyes * stride * float(np.sin(2 * np.pi * 1.8 * seconds)),
        eyes=eyes,
        tilt=2.4 * float(np.sin(2 * np.pi * 0.6 * seconds + 2 * visit.start)),
        light=camera.light(seconds),
        speed=speed,
    )


def _settled(visit: Visit, seconds: float) -> float:
    """0 at the edges and 1 from half a second inside, so that swaying moves no one across an edge."""
    return min(1.0, max(0.0, 2 * (seconds - visit.start)), max(0.0, 2 * (visit.end - seconds)))


def hidden_part(pose: Pose, covers: Sequence[Layer], camera: Camera) -> float:
    """How much of the box around a face is covered by what stands before it or lies outside the frame."""
    width, height = camera.size
    left, right = pose.x - FACE[0] * pose.eyes, pose.x + FACE[0] * pose.eyes
    top, bottom = pose.y - FACE[1] * pose.eyes, pose.y + FACE[2] * pose.eyes
    rows = slice(*np.clip((round(top), round(bottom)), 0, height))
    columns = slice(*np.clip((round(left), round(right)), 0, width))
    clear = np.ones((rows.stop - rows.start, columns.stop - columns.start), np.float32)
    for cover in covers:
        clear *= 1 - cover[rows, columns]
    return float(1 - clear.sum() / ((right - left) * (bottom - top)))


class Noise:
    """Sensor noise: a few fields made once, shifted anew for every frame."""

    def __init__(self, size: tuple[int, int], strength: float, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._size = size
        shape = (size[1] + 64, size[0] + 64, 3)
        grey = self._random.normal(0, strength, (*shape[:2], 1))
        self._field = np.round(grey + self._random.normal(0, 0.5 * strength, shape)).astype(np.int16)

    def add(self, picture: Picture) -> Picture:
        x, y = self._random.integers(0, 64, 2)
        piece = self._field[y : y + self._size[1], x : x + self._size[0]]
        return np.asarray(cv2.add(picture, piece, dtype=cv2.CV_8U), np.uint8)


@dataclass(frozen=True)
class Sight:
    """One face in one frame: which visit, how much of it is hidden, pixels between the eyes."""

    visit: int
    hidden: float
    eyes: float


def frames_of(camera: Camera, figures: dict[str, Figure]) -> Iterator[tuple[int, Picture, list[Sight]]]:
    """Every frame: its time in ticks, its picture (BGR), the faces that are at least partly seen."""
    width, height = camera.size
    back, front = camera.room(width, height)
    front_mask = np.asarray((front.matte > 127) * 255, np.uint8)
    front_matte = np.asarray(front_mask / 255, np.float32)
    noise = Noise(camera.size, camera.noise, seed=width)
    for tick in camera.ticks[:-1]:
        seconds = float(tick * camera.time_base)
        poses = {i: pose for i, v in enumerate(camera.visits) if (pose := pose_of(v, camera, seconds))}
        # The light falls on the room as on the people, but less: cameras even it out.
        room_light = 1 + 0.4 * (camera.light(seconds) / camera.light(0) - 1)
        picture = np.asarray(cv2.convertScaleAbs(back.image, alpha=room_light), np.uint8)
        mattes: dict[int, Layer] = {}
        for i in sorted(poses, key=lambda i: poses[i].eyes):
            mattes[i] = lay(picture, figures[camera.visits[i].figure], poses[i], camera.tint)
        cv2.copyTo(cv2.convertScaleAbs(front.image, alpha=room_light), front_mask, picture)
        yield tick, finish(picture, camera, noise, seconds), _sights(camera, poses, mattes, front_matte)


def _sights(camera: Camera, poses: dict[int, Pose], mattes: dict[int, Layer], front: Layer) -> list[Sight]:
    order = list(mattes)
    sights = []
    for i, pose in poses.items():
        nearer = [mattes[j] for j in order[order.index(i) + 1 :]]
        hidden = hidden_part(pose, [front, *nearer], camera)
        if hidden < 1:
            sights.append(Sight(i, hidden, pose.eyes))
    return sights


def finish(picture: Picture, camera: Camera, noise: Noise, seconds: float) -> Picture:
    """Take colour away, add noise, burn in the camera's label and clock, as recorders do."""
    if camera.colour < 1:
        grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        picture = np.asarray(cv2.addWeighted(picture, camera.colour, grey, 1 - camera.colour, 0), np.uint8)
    picture = noise.add(picture)
    clock = camera.started + timedelta(seconds=int(seconds))
    text = f"{camera.label}  {clock:%Y-%m-%d %H:%M:%S}"
    scale = camera.size[1] / 1000
    x, y = round(camera.size[0] * 0.02), round(camera.size[1] * 0.055)
    for shift, colour in ((2, (20, 20, 20)), (1, (20, 20, 20)), (0, (240, 240, 240))):
        place = (x + shift, y + shift)
        cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, 1, cv2.LINE_AA)
    return picture


def render(camera: Camera, figures: dict[str, Figure], path: Path) -> list[dict[str, str]]:
    """Encode one camera and give its rows of the truth."""
    seen: dict[int, list[tuple[int, Sight]]] = {}
    with av.open(str(path), "w", format=camera.container, options={"fflags": "+bitexact"}) as output:
        stream: Any = output.add_stream(camera.codec, rate=camera.frame_rate or Fraction(15))
        stream.width, stream.height, stream.pix_fmt = *camera.size, "yuv420p"
        stream.codec_context.time_base = camera.time_base
        stream.codec_context.thread_count = 1
        stream.codec_context.flags |= BITEXACT
        stream.options = camera.options
        if camera.bit_rate is not None:
            stream.bit_rate = camera.bit_rate
        for number, (tick, picture, sights) in enumerate(frames_of(camera, figures)):
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = tick, camera.time_base
            output.mux(stream.encode(frame))
            for sight in sights:
                seen.setdefault(sight.visit, []).append((number, sight))
        output.mux(stream.encode(None))
    rows = [
        _truth_row(camera, visit, seen[i]) for i, visit in enumerate(camera.visits) if visit.figure in EYES
    ]
    return sorted(rows, key=lambda row: float(row["start_seconds"]))


def _truth_row(camera: Camera, visit: Visit, seen: list[tuple[int, Sight]]) -> dict[str, str]:
    """When the whole face is in view; refuses a visit that is not crisp, for the plan then is wrong."""
    whole = [(number, sight) for number, sight in seen if sight.hidden < WHOLE]
    first, last = whole[0][0], whole[-1][0]
    if last - first + 1 != len(whole):
        raise SystemExit(f"{camera.file}: {visit.figure} is covered between {visit.start} and {visit.end} s")
    start, end = (camera.ticks[i] * camera.time_base for i in (first, last + 1))
    earliest, latest = (camera.ticks[i] * camera.time_base for i in (seen[0][0], seen[-1][0] + 1))
    if max(start - earliest, latest - end) > Fraction(1, 5):
        raise SystemExit(
            f"{camera.file}: {visit.figure} comes or goes too slowly: {start - earliest}, {latest - end}"
        )
    return {
        "person": visit.person,
        "portrait": visit.figure,
        "file": camera.file,
        "start_seconds": f"{float(start):.3f}",
        "end_seconds": f"{float(end):.3f}",
        "start_time": _wall(camera, start),
        "end_time": _wall(camera, end),
        "min_eye_distance_pixels": f"{min(sight.eyes for _, sight in whole):.1f}",
    }


def _wall(camera: Camera, seconds: Fraction) -> str:
    return (camera.started + timedelta(seconds=float(seconds))).isoformat(timespec="milliseconds")


def read_figures() -> dict[str, Figure]:
    figures = {name: read_figure(name) for name in EYES}
    figures["behind-brown"] = figure_from_behind(coat=(58, 74, 98), hair=(34, 40, 52))
    figures["behind-grey"] = figure_from_behind(coat=(92, 88, 84), hair=(28, 30, 34))
    return figures


def recipe() -> str:
    """A digest of everything the footage is made from, the libraries' versions included."""
    digest = hashlib.sha256(f"av {av.__version__} cv2 {cv2.__version__} numpy {np.__version__}".encode())
    sources = ("render.py", "cameras.py", "people.py", "scenes.py")
    for path in (*(HERE / name for name in sources), *sorted((HERE / "portraits").iterdir())):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def is_current(out: Path) -> bool:
    """Whether ``out`` holds this recipe's footage and truth, byte for byte."""
    try:
        stamp = json.loads((out / STAMP).read_text(encoding="utf-8"))
        found = {name: _sha256(out / name) for name in stamp["files"]}
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return bool(stamp == {"recipe": recipe(), "files": found})


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def render_all(out: Path) -> None:
    """Render what ``out`` lacks. A file under its own name is complete; the stamp is written last."""
    out.mkdir(parents=True, exist_ok=True)
    (out / STAMP).unlink(missing_ok=True)
    cv2.setNumThreads(1)
    figures = read_figures()
    rows: list[dict[str, str]] = []
    for camera in CAMERAS:
        unfinished = out / f".{camera.file}.part"
        rows += render(camera, figures, unfinished)
        unfinished.replace(out / camera.file)
        print(f"rendered {out / camera.file}")
    unfinished = out / ".truth.csv.part"
    with unfinished.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    unfinished.replace(out / "truth.csv")
    files = {name: _sha256(out / name) for name in (*(camera.file for camera in CAMERAS), "truth.csv")}
    (out / f"{STAMP}.part").write_text(json.dumps({"recipe": recipe(), "files": files}), encoding="utf-8")
    (out / f"{STAMP}.part").replace(out / STAMP)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=HERE / "footage", help="folder to write to")
    out: Path = parser.parse_args().out
    if not is_current(out):
        render_all(out)


if __name__ == "__main__":
    main()
