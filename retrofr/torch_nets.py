"""Nets run by torch: plainly on a CPU, as the reference; on a GPU in half precision and channels-last.

The second way runs on a CPU as well, so that it is tested where there is no GPU.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from retrofr.errors import ModelError
from retrofr.openvino_nets import memory_errors
from retrofr.records import Floats

if TYPE_CHECKING:
    import torch

Array = npt.NDArray[Any]
Run = Callable[[Array], tuple[Floats, ...]]

# torch keeps these flags for the whole process: two threads that changed them in turns would leave them wrong.
_launches = threading.Lock()


def torch_run(
    module: torch.nn.Module, place: torch.device, *, threads: int, quick: bool = False, half: bool = False
) -> Run:
    """A torch module, ready to run.

    Args:
        module: as :func:`retrofr.runtime.compile_module` wants it. It is moved and changed.
        place: where it runs.
        threads: how many torch may use on a CPU.
        quick: as suits a GPU, which knows no other way; False on a CPU gives the reference.
        half: where quick, its convolutions compute in float16. Linear layers and normalisations keep float32: they
            cost little, and long sums lose most.

    Returns:
        Takes one batch, gives float32 arrays of their own; raises MemoryError where memory ran out, ModelError where
        a number went beyond what float16 holds.

    Raises:
        ModelError: there is no memory for the net.
    """
    import torch

    if place.type == "cpu":
        torch.set_num_threads(threads)
    try:
        with memory_errors():
            module = module.to(place).eval()
            return _Quick(module, place, half=half) if quick else _Plain(module)
    except MemoryError as error:
        raise ModelError(
            "there is no memory for this net",
            subject=str(place),
            hint="close what else uses its memory, or run with --device cpu",
        ) from error


class _Plain:
    """Runs a module as it is, on a CPU."""

    def __init__(self, module: torch.nn.Module) -> None:
        self._module = module

    def __call__(self, batch: Array) -> tuple[Floats, ...]:
        import torch

        with memory_errors(), torch.inference_mode():
            outputs = _listed(self._module(torch.from_numpy(np.ascontiguousarray(batch))))
            return tuple(tensor.float().numpy() for tensor in outputs)


class _Quick:
    """Runs a module as suits a GPU. Nets of several threads launch in turns and compute side by side."""

    def __init__(self, module: torch.nn.Module, place: torch.device, *, half: bool) -> None:
        import torch

        if half:
            _halve(module)
        self._module = module.to(memory_format=torch.channels_last)
        self._place, self._half = place, half
        self._inputs = _Buffer(pinned=place.type == "cuda")
        self._outputs: list[_Buffer] = []
        self._stream: torch.cuda.Stream | None = None
        if place.type == "cuda":
            torch.cuda.synchronize(place)  # the weights are there before another stream reads them
            self._stream = torch.cuda.Stream(place)  # type: ignore[no-untyped-call]
            # One that sleeps: waiting by spinning would take a core from the decoders.
            self._done = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]

    def __call__(self, batch: Array) -> tuple[Floats, ...]:
        import torch

        with memory_errors():
            with _launches, torch.inference_mode(), _exact(), self._on_stream():
                given = self._inputs.like(torch.from_numpy(np.ascontiguousarray(batch)))
                outputs = _listed(self._module(given.to(self._place, non_blocking=True)))
                here = self._fetched(outputs)
                if self._stream is not None:
                    self._done.record(self._stream)
            if self._stream is not None:
                self._done.synchronize()
            # Copies, since the next run fills the buffers again.
            results = tuple(np.array(tensor.numpy()) for tensor in here)
        if self._half and not all(np.isfinite(result).all() for result in results):
            raise ModelError(
                "a number went beyond what float16 holds",
                subject=str(self._place),
                hint="set the environment variable RETROFR_PRECISION to float32",
            )
        return results

    def _on_stream(self) -> AbstractContextManager[Any]:
        import torch

        return nullcontext() if self._stream is None else torch.cuda.stream(self._stream)

    def _fetched(self, outputs: tuple[torch.Tensor, ...]) -> list[torch.Tensor]:
        """The outputs on their way into buffers here; they are there when the stream has come so far."""
        while len(self._outputs) < len(outputs):
            self._outputs.append(_Buffer(pinned=self._place.type == "cuda"))
        return [buffer.like(tensor.float()) for buffer, tensor in zip(self._outputs, outputs, strict=False)]


class _Buffer:
    """Memory here that is kept and used again, page-locked for a GPU, which then copies by itself."""

    def __init__(self, *, pinned: bool) -> None:
        self._pinned = pinned
        self._memory: torch.Tensor | None = None

    def like(self, tensor: torch.Tensor) -> torch.Tensor:
        """A copy of the tensor in this memory, until the next one; of a tensor on a GPU, once that got so far."""
        import torch

        size = tensor.numel() * tensor.element_size()
        if self._memory is None or len(self._memory) < size:
            self._memory = None  # gone before the larger one is asked for
            self._memory = torch.empty(size, dtype=torch.uint8, pin_memory=self._pinned)
        copy = self._memory[:size].view(tensor.dtype).view(tensor.shape)
        return copy.copy_(tensor, non_blocking=True)


def _listed(outputs: torch.Tensor | tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    return outputs if isinstance(outputs, tuple) else (outputs,)


@contextmanager
def _exact() -> Iterator[None]:
    """No TF32, and of cuDNN's ways always the same."""
    import torch

    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
        yield


def _halve(module: torch.nn.Module) -> None:
    """Convolutions get float16 weights; what has weights takes its input in their type, whatever comes.

    What a net does to its pixels before the first layer stays in float32.
    """
    from torch import nn

    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.PReLU):
            part.half()
        if isinstance(part, nn.Conv2d | nn.PReLU | nn.Linear):
            part.register_forward_pre_hook(_in_type_of_weights)


def _in_type_of_weights(part: Any, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    return tuple(tensor.to(part.weight.dtype) for tensor in inputs)
