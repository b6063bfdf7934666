"""How a torch net is run: by torch on a GPU, by OpenVINO on a CPU, converted from the same module.

Plain torch on a CPU is the reference the other two are tested against. Only this file decides on a device, on the
number of threads and on precision: float32 without TF32 or bfloat16, and float16 on a GPU for nets that were shown
to give the same. OpenVINO is imported when a net is asked for, torch only where it runs nets, where one is
converted, or where there may be a GPU.
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from retrofr import gpus
from retrofr.errors import ModelError, SettingsError
from retrofr.openvino_import import InputForm, convert
from retrofr.openvino_nets import run_kept_or_converted, run_model
from retrofr.records import Floats
from retrofr.torch_nets import torch_run
from retrofr.weights import WeightsFile, read_weights_with_digest

if TYPE_CHECKING:
    import torch

Array = npt.NDArray[Any]
Run = Callable[[Array], tuple[Floats, ...]]

BACKENDS = ("openvino", "torch")
PRECISIONS = ("float32", "float16")
BACKEND_VARIABLE = "RETROFR_BACKEND"
THREADS_VARIABLE = "RETROFR_THREADS"
PRECISION_VARIABLE = "RETROFR_PRECISION"


@dataclass(frozen=True)
class Device:
    """Where nets run: ``kind`` is ``cpu`` or ``cuda``, ``index`` the GPU's number (0 for the CPU).

    ``name`` is the processor's or the GPU's own name, ``backend`` what runs the nets, ``backend_version`` its
    version, ``threads`` how many it may use on a CPU. ``precision`` is that of nets that may run in float16.
    """

    kind: str
    index: int
    name: str
    backend: str
    backend_version: str
    threads: int
    precision: str = PRECISIONS[0]

    @property
    def torch_device(self) -> torch.device:
        import torch

        return torch.device("cpu") if self.kind == "cpu" else torch.device("cuda", self.index)

    def describe(self) -> str:
        """One line for results, for example ``cpu (AMD EPYC, 2 threads, openvino 2026.4.1)``.

        A precision is named where it is not float32.
        """
        runs_on = f"{self.backend} {self.backend_version}"
        if self.precision != PRECISIONS[0]:
            runs_on += f", {self.precision}"
        if self.kind == "cpu":
            threads = f"{self.threads} thread{'' if self.threads == 1 else 's'}"
            return f"cpu ({self.name}, {threads}, {runs_on})"
        return f"cuda:{self.index} ({self.name}, {runs_on})"


def resolve_device(
    text: str, *, backend: str | None = None, threads: int | None = None, worker: int = 0
) -> Device:
    """Turn what the user asked for into a device that is there; ``auto`` loads torch only where a GPU may be.

    A GPU runs nets that may in float16 if it is quicker that way; the environment variable RETROFR_PRECISION says
    float32 or float16 instead. On a CPU all is float32.

    Args:
        text: ``auto`` (a GPU where there is one, else the CPU), ``cpu``, ``cuda`` (a GPU) or ``cuda:N``.
        backend: ``openvino`` or ``torch``, on a CPU; without it the environment variable RETROFR_BACKEND, else
            openvino. A GPU is always run by torch.
        threads: how many a CPU may use; without it RETROFR_THREADS, else as many as this process may run on.
        worker: number of this process among those of a run; of several GPUs each takes its own, in turn.

    Raises:
        SettingsError: the text, backend, precision or number of threads makes no sense.
        ModelError: the device asked for is not on this machine; what is there is named.
    """
    if not re.fullmatch("auto|cpu|cuda(:[0-9]{1,3})?", text):
        raise SettingsError(
            f"{text!r} is not a device", subject="device", hint="expected auto, cpu, cuda or cuda:N"
        )
    kind, _, number = text.partition(":")
    backend, threads, precision = _chosen_backend(backend), _chosen_threads(threads), _asked_precision()
    if kind == "cpu":
        return _cpu(backend, threads)
    names = gpus.names() if kind == "cuda" or gpus.may_be_there() else []
    index = int(number) if number else worker % max(1, len(names))
    if index < len(names):
        import torch

        precision = precision or ("float16" if gpus.is_quick_in_half(index) else "float32")
        return Device("cuda", index, names[index], "torch", torch.__version__, threads, precision)
    if kind == "auto":
        return _cpu(backend, threads)
    there = ["cpu", *(f"cuda:{i} ({name})" for i, name in enumerate(names))]
    raise ModelError(
        f"{text} is not on this machine, as far as torch can see",
        subject="device",
        hint=f"there is: {', '.join(there)}; `--device auto` takes the best of them",
    )


class Runner:
    """A net ready to run. Not to be used by two threads at once.

    Args:
        run: takes one batch, gives the net's outputs; raises MemoryError where memory ran out.
        device: what it runs on.
        largest_batch: how many items ``run`` is given at once; halved for good where memory runs out.
    """

    def __init__(self, run: Run, device: Device, largest_batch: int) -> None:
        self._run = run
        self.device = device
        self.largest_batch = largest_batch

    def in_batches(self, *, cpu: int, gpu: int) -> Runner:
        """The same net, run with so many items at once."""
        return Runner(self._run, self.device, cpu if self.device.kind == "cpu" else gpu)

    def __call__(self, batch: Array) -> tuple[Floats, ...]:
        """Run the net on (N, ...) of the type it was compiled for; N may be 0.

        Returns:
            One float32 array (N, ...) for each output of the net, on the CPU.

        Raises:
            ModelError: memory ran out even with one item.
        """
        if len(batch) == 0:
            one = self._run_or_halve(np.zeros((1, *batch.shape[1:]), batch.dtype))[0]
            return tuple(output[:0] for output in one)
        parts: list[tuple[Floats, ...]] = []
        done = 0
        while done < len(batch):
            outputs, count = self._run_or_halve(batch[done : done + self.largest_batch])
            parts.append(outputs)
            done += count
        if len(parts) == 1:
            return parts[0]
        return tuple(np.concatenate(outputs) for outputs in zip(*parts, strict=True))

    def _run_or_halve(self, items: Array) -> tuple[tuple[Floats, ...], int]:
        """The outputs of the first so many items, and how many those are."""
        while True:
            try:
                return self._run(items), len(items)
            except MemoryError as error:
                if len(items) == 1:
                    raise ModelError(
                        f"ran out of memory with one input of {' × '.join(map(str, items.shape[1:]))}",
                        subject=self.device.describe(),
                        hint="close what else uses its memory, or run with --device cpu",
                    ) from error
                self.largest_batch = max(1, len(items) // 2)
                items = items[: self.largest_batch]


def compile_module(
    module: torch.nn.Module,
    device: Device,
    example_shape: tuple[int, ...],
    *,
    dynamic: tuple[int, ...] = (0,),
    dtype: type[np.generic] = np.float32,
    cpu_batch: int = 16,
    gpu_batch: int = 64,
    half: bool = False,
) -> Runner:
    """Make a net ready to run on a device.

    Args:
        module: in eval mode; takes one tensor with the batch first, gives a tensor or a tuple of tensors, and
            reads no shapes in ``forward`` that its inputs may change. It is moved to the device.
        device: from :func:`resolve_device`.
        example_shape: of an input; OpenVINO follows one such input through the net.
        dynamic: the axes whose size may differ from ``example_shape``; axis 0 always may.
        dtype: of the inputs, ``numpy.float32`` or ``numpy.uint8``.
        cpu_batch: most items run at once on a CPU. Nets on large pictures are fastest with 1.
        gpu_batch: most items run at once on a GPU.
        half: a test shows that it gives the same in float16, so that it may run so where the device does.

    Raises:
        ModelError: OpenVINO cannot convert the net, or the net does not fit into the device's memory.
    """
    if device.backend == "openvino":
        model = convert(module, InputForm(example_shape, (0, *dynamic), dtype))
        run = run_model(model, device.threads, type(module).__name__)
    else:
        run = _run_by_torch(module, device, half=half)
    return Runner(run, device, cpu_batch if device.kind == "cpu" else gpu_batch)


def _run_by_torch(module: torch.nn.Module, device: Device, *, half: bool) -> Run:
    in_half = device.precision == "float16"
    return torch_run(
        module,
        device.torch_device,
        threads=device.threads,
        quick=device.kind == "cuda" or in_half,
        half=half and in_half,
    )


def compile_weights(
    file: WeightsFile,
    make: Callable[[bytes], torch.nn.Module],
    device: Device,
    example_shape: tuple[int, ...],
    *,
    dynamic: tuple[int, ...] = (0,),
    dtype: type[np.generic] = np.float32,
    cpu_batch: int = 16,
    gpu_batch: int = 64,
    half: bool = False,
    kind: str = "",
    when_needed: bool = False,
) -> Runner:
    """Make the net of a weights file ready to run; on a CPU without torch where it was converted before.

    Args:
        file: its bytes are read and checked each time.
        make: makes the module from those bytes; it imports what it needs itself.
        kind: tells nets apart that take different parts of one file.
        when_needed: on a CPU, a net that was converted before is made ready by its first run.
        device, example_shape, dynamic, dtype, cpu_batch, gpu_batch, half: as for :func:`compile_module`.

    Raises:
        WeightsError: the weights are absent or not what they should be.
        ModelError: as for :func:`compile_module`.
    """
    content, sha256 = read_weights_with_digest(file)
    if device.backend == "openvino":
        name = f"{file.name}-{kind}" if kind else file.name
        form = InputForm(example_shape, (0, *dynamic), dtype)
        made = partial(make, content)
        run = run_kept_or_converted(name, sha256, made, form, device.threads, when_needed=when_needed)
    else:
        run = _run_by_torch(make(content), device, half=half)
    return Runner(run, device, cpu_batch if device.kind == "cpu" else gpu_batch)


def _chosen_backend(backend: str | None) -> str:
    chosen = backend or os.environ.get(BACKEND_VARIABLE) or BACKENDS[0]
    if chosen not in BACKENDS:
        raise SettingsError(f"{chosen!r} is not one of {', '.join(BACKENDS)}", subject="backend")
    return chosen


def _asked_precision() -> str | None:
    """What the environment asks for; None for nothing."""
    asked = os.environ.get(PRECISION_VARIABLE) or None
    if asked is not None and asked not in PRECISIONS:
        raise SettingsError(f"{asked!r} is not one of {', '.join(PRECISIONS)}", subject=PRECISION_VARIABLE)
    return asked


def _chosen_threads(threads: int | None) -> int:
    text = os.environ.get(THREADS_VARIABLE)
    if threads is None and text:
        if not text.isdecimal():
            raise SettingsError(f"expected a whole number, got {text!r}", subject=THREADS_VARIABLE)
        threads = int(text)
    if threads is None:
        return usable_cores()
    if not 1 <= threads <= 1024:
        raise SettingsError(f"{threads} is out of bounds; it goes from 1 to 1024", subject="threads")
    return threads


def usable_cores() -> int:
    """How many cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu(backend: str, threads: int) -> Device:
    return Device("cpu", 0, _cpu_name(), backend, version(backend), threads)


def _cpu_name() -> str:
    """As the system calls it; Linux tells only through this file."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()
