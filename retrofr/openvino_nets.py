"""Nets run by OpenVINO on a CPU: converted once, compiled for this machine once, both kept for later runs."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from retrofr.converted_nets import (
    ConvertedNet,
    conversion_terms,
    is_kept,
    keep_net,
    processor_sha256,
    read_net,
)
from retrofr.errors import ModelError
from retrofr.openvino_import import InputForm, convert, import_openvino
from retrofr.records import Floats

Run = Callable[[npt.NDArray[Any]], tuple[Floats, ...]]
"""Takes a batch, gives one float32 array for each output of a net; raises MemoryError where memory ran out."""

_OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "bad_alloc", "out of memory", "alloc_failed")


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


def run_kept_or_converted(
    name: str,
    weights_sha256: str,
    make: Callable[[], Any],
    form: InputForm,
    threads: int,
    *,
    when_needed: bool = False,
) -> Run:
    """A net of weights, ready to run on the CPU.

    Args:
        name, weights_sha256, make, form: as for :func:`kept_or_converted`.
        threads: how many it may use.
        when_needed: a net that is kept is read, checked and made ready by its first run. One that must be converted
            is made ready at once all the same: where that fails, it does so before hours of work.

    Raises:
        ModelError: OpenVINO cannot convert or run it.
    """

    terms = conversion_terms(weights_sha256, net=name, **form.terms())

    def ready() -> Run:
        compiled = _kept_compiled(name, terms, threads)
        if compiled is None:
            compiled = _compile(kept_or_converted(name, weights_sha256, make, form), threads, name)
            _keep_compiled(name, terms, compiled)
        return _running(compiled)

    if when_needed and is_kept(name, terms):
        return _WhenNeeded(ready)
    return ready()


class _WhenNeeded:
    """A net that its first run makes ready. For one thread at a time, as every net is."""

    def __init__(self, ready: Callable[[], Run]) -> None:
        self._ready: Callable[[], Run] | None = ready
        self._run: Run | None = None

    def __call__(self, batch: npt.NDArray[Any]) -> tuple[Floats, ...]:
        if self._run is None:
            assert self._ready is not None
            self._run, self._ready = self._ready(), None  # what it is made of takes memory
        return self._run(batch)


def run_model(model: Any, threads: int, name: str) -> Run:
    """A model ready to run on the CPU.

    Raises:
        ModelError: OpenVINO cannot run it.
    """
    return _running(_compile(model, threads, name))


def _compile(model: Any, threads: int, name: str) -> Any:
    try:
        return _core().compile_model(model, "CPU", _options(threads))
    except RuntimeError as error:
        raise ModelError(f"OpenVINO cannot run this net ({error})", subject=name) from error


def _running(compiled: Any) -> Run:
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


def _kept_compiled(name: str, terms: Mapping[str, Any], threads: int) -> Any:
    """The net as it was compiled on a machine like this one; None where there is none that OpenVINO takes."""
    kept = read_net(f"{name}-compiled", _compiled_terms(terms))
    if kept is None:
        return None
    try:
        return _core().import_model(bytes(kept.constants), "CPU", _options(threads))
    except RuntimeError:
        return None  # it is compiled again


def _keep_compiled(name: str, terms: Mapping[str, Any], compiled: Any) -> None:
    """Compiling takes five times as long as reading what it made, which gives the same bits."""
    try:
        content = compiled.export_model().getbuffer()
    except RuntimeError:
        return  # it is compiled again
    keep_net(f"{name}-compiled", _compiled_terms(terms), ConvertedNet(b"", content))


def _compiled_terms(terms: Mapping[str, Any]) -> dict[str, Any]:
    """A compiled net is for processors that can do the same; how many threads run it is settled later."""
    options = {option: str(value) for option, value in _options(0).items()}
    return {**terms, "processor": processor_sha256(), "options": options}


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
