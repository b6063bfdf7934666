"""Charges every second of a core to the stage of the work it is spent on, by wrapping the library's functions."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

DECODE, GATE, CUTS, PICTURE = (
    "read and decode",
    "has anything changed?",
    "is it a cut?",
    "make an RGB picture",
)
RESIZE, DETECT = "shrink pictures for the net", "candidates, cutting them out, overlaps"
TRACK, QUALITY, VIEW = "track", "judge faces", "copy the surroundings of the best"
CUT, JPEG, REST = "cut chips", "pictures of faces as JPEG", "everything else"
STAGES = (DECODE, GATE, CUTS, PICTURE, RESIZE, DETECT, TRACK, QUALITY, VIEW, CUT, JPEG, REST)


@dataclass
class Meter:
    """Charges every second of a core to the stage that is innermost at the time; one thread alone may use it."""

    cpu: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    items: Counter[tuple[str, tuple[int, ...]]] = field(default_factory=Counter)
    moved: Counter[str] = field(default_factory=Counter)
    _open: list[str] = field(default_factory=lambda: [REST])
    _mark: float = field(default_factory=time.process_time)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """What is done within belongs to a stage, but for the stages within it."""
        self._charge()
        self._open.append(name)
        self.calls[name] += 1
        try:
            yield
        finally:
            self._charge()
            self._open.pop()

    def _charge(self) -> None:
        now = time.process_time()
        self.cpu[self._open[-1]] += now - self._mark
        self._mark = now

    def round(self) -> tuple[Counter[str], Counter[str], Counter[Any], Counter[str]]:
        """What was charged since the last round, which begins anew."""
        self._charge()
        taken = self.cpu, self.calls, self.items, self.moved
        self.cpu, self.calls, self.items, self.moved = Counter(), Counter(), Counter(), Counter()
        return taken


@dataclass
class Nets:
    """The nets that were made: how to make each as a torch module, to count its operations."""

    makers: dict[str, Callable[[], Any]] = field(default_factory=dict)

    def operations(self, name: str, shape: tuple[int, ...]) -> int:
        """Multiplications and additions of one item of a shape."""
        import torch
        from torch.utils.flop_counter import FlopCounterMode

        with torch.inference_mode(), FlopCounterMode(display=False) as counter:
            self.makers[name]()(torch.zeros((1, *shape), dtype=torch.uint8))
        return int(counter.get_total_flops())


def instrumented(meter: Meter, nets: Nets, stack: ExitStack) -> None:
    """Wrap what belongs to a stage, until the stack is left."""
    from retrofr import faces, runtime, stills
    from retrofr.comparison import Comparison
    from retrofr.detectors import _yunet_looks
    from retrofr.embedders import _landmarks
    from retrofr.tracking import Tracker
    from retrofr.video.decoding.picture import PictureMaker
    from retrofr.video.shots import ShotCounter
    from retrofr.video.stillness import StillnessGate

    def wrap(owner: Any, name: str, stage: str, moves: Callable[..., int] | None = None) -> None:
        whole = getattr(owner, name)

        def timed(*arguments: Any, **named: Any) -> Any:
            with meter.stage(stage):
                result = whole(*arguments, **named)
            if moves is not None:
                meter.moved[stage] += moves(result, *arguments)
            return result

        stack.enter_context(mock.patch.object(owner, name, timed))

    def of_picture(made: Any, *_: Any) -> int:
        return 0 if made is None else made.nbytes * 3 // 2  # planes of half as many bytes are read

    wrap(StillnessGate, "looks_at", GATE)
    wrap(ShotCounter, "cuts", CUTS)
    wrap(PictureMaker, "picture", PICTURE, of_picture)
    wrap(_yunet_looks, "resized", RESIZE, lambda made, whole, *_: made.nbytes + whole.nbytes)
    wrap(_yunet_looks.TwoLooks, "detect", DETECT)
    wrap(Tracker, "update", TRACK)
    wrap(faces, "measure_quality", QUALITY)
    wrap(faces, "view_face", VIEW, lambda made, *_: 2 * made.pixels.nbytes)
    wrap(Comparison, "cut", CUT)
    wrap(stills.StillSource, "face_jpeg", JPEG)
    for owner in (runtime, _landmarks):
        made = _remembered(meter, nets, owner.compile_weights)
        stack.enter_context(mock.patch.object(owner, "compile_weights", made))


def _remembered(meter: Meter, nets: Nets, compile_weights: Callable[..., Any]) -> Callable[..., Any]:
    """``compile_weights`` whose nets are timed, by name."""
    from retrofr.weights import read_weights_with_digest

    def compiled(file: Any, make: Callable[[bytes], Any], *arguments: Any, **named: Any) -> Any:
        runner = compile_weights(file, make, *arguments, **named)
        name = f"net {file.name}{'-' if named.get('kind') else ''}{named.get('kind', '')}"
        nets.makers[name] = lambda: make(read_weights_with_digest(file)[0]).eval()
        whole = runner._run

        def run(batch: Any) -> Any:
            meter.items[name, batch.shape[1:]] += len(batch)
            with meter.stage(f"{name}, {' × '.join(map(str, batch.shape[1:3]))}"):
                return whole(batch)

        runner._run = run
        return runner

    return compiled
