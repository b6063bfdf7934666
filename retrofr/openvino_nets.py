"""Nets run by OpenVINO on a CPU: converted once, kept for later runs, compiled for this machine."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from retrofr.converted_nets import ConvertedNet, conversion_terms, keep_net, read_net
from retrofr.errors import ModelError
from retrofr.openvino_import import InputForm, convert, import_openvino
from retrofr.records import Floats

_OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "bad_alloc", "out of memory")


def kept_or_converted(name: str, weights_sha256: str, make: Callable[[], Any], form: InputForm) -> Any:
    """A net as an OpenVINO model: the kept one where there is one, else converted and kept.

    Args:
        name: of the net; unique over all nets.
        weights_sha256: of the weights that ``make`` puts into it.
        make: makes the torch module; called only where it must be converted.
        form: of its input.

    Raises:
        ModelError: OpenVINO cannot convert it.
    """
    terms = conversion_terms(weights_sha256, net=name, **form.terms())
    kept = read_net(name, terms)
    model = None if kept is None else _read(kept)
    if model is not None:
        return model
    model = convert(make(), form)
    written = _written(model)
    if written is None:
        return model
    keep_net(name, terms, written)
    # Also where it cannot be kept, what runs was written and read once: OpenVINO then gives the same bits each time.
    return _read(written) or model


def run_model(model: Any, threads: int, name: str) -> Callable[[npt.NDArray[Any]], tuple[Floats, ...]]:
    """A model ready to run on the CPU: takes a batch, gives one float32 array for each output.

    Raises:
        ModelError: OpenVINO cannot run it. Running it raises MemoryError where memory ran out.
    """
    try:
        compiled = _core().compile_model(model, "CPU", _options(threads))
    except RuntimeError as error:
        raise ModelError(f"OpenVINO cannot run this net ({error})", subject=name) from error
    request = compiled.create_infer_request()

    def run(batch: npt.NDArray[Any]) -> tuple[Floats, ...]:
        with memory_errors():
            outputs = request.infer([np.ascontiguousarray(batch)], share_inputs=True)
            return tuple(np.array(output, np.float32) for output in outputs.values())

    return run


@contextmanager
def memory_errors() -> Iterator[None]:
    """Raise MemoryError where torch or OpenVINO says in its own way that memory ran out."""
    try:
        yield
    except RuntimeError as error:
        torch: Any = sys.modules.get("torch")
        if torch is not None and isinstance(error, torch.OutOfMemoryError):
            torch.cuda.empty_cache()
            raise MemoryError(str(error)) from error
        if any(sign in str(error).lower() for sign in _OUT_OF_MEMORY):
            raise MemoryError(str(error)) from error
        raise


def _read(net: ConvertedNet) -> Any:
    constants = np.frombuffer(net.constants, np.uint8)
    try:
        return _core().read_model(net.graph, import_openvino().Tensor(constants))
    except RuntimeError:
        return None  # it is converted again


def _written(model: Any) -> ConvertedNet | None:
    """The model as OpenVINO writes it; None where there is no room for temporary files."""
    try:
        with tempfile.TemporaryDirectory(prefix="retrofr-", ignore_cleanup_errors=True) as folder:
            graph, constants = Path(folder) / "net.xml", Path(folder) / "net.bin"
            import_openvino().serialize(model, graph, constants)
            return ConvertedNet(graph.read_bytes(), memoryview(constants.read_bytes()))
    except (OSError, RuntimeError):
        return None


@cache
def _core() -> Any:
    return import_openvino().Core()


def _options(threads: int) -> dict[str, Any]:
    return {
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
        # Pinned threads of two processes would share the same few cores while others idle.
        "ENABLE_CPU_PINNING": False,
    }
