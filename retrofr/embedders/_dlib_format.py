"""Reads the file format in which dlib keeps its face descriptor network.

The file is C++ templates written out: each wrapper writes its version, then what it wraps, then itself. So the
versions come first, outermost to innermost, then the layers, innermost (the first to run) to outermost. The order
of the wrappers is not in the file; it is the network's type in dlib, repeated here.

Source: dlib 20.0 (dlib/serialize.h, dlib/dnn/core.h, dlib/dnn/layers.h) and its example dnn_face_recognition_ex.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from retrofr.errors import WeightsError
from retrofr.records import Floats

_BLOCK = ("relu", "add_prev", "affine", "con", "relu", "affine", "con", "tag")
_DOWN_BLOCK = ("relu", "add_prev", "pool", "skip", "tag", "affine", "con", "relu", "affine", "con", "tag")
# True where a block halves the picture, first to run first.
DOWN_BLOCKS = (
    (False,) * 3 + (True,) + (False,) * 3 + (True,) + (False,) * 2 + (True,) + (False,) * 2 + (True,)
)
_WRAPPERS = (
    "fc",
    "pool",
    *(kind for down in reversed(DOWN_BLOCKS) for kind in (_DOWN_BLOCK if down else _BLOCK)),
    "pool",
    "relu",
    "affine",
    "con",
)
_PLAIN = ("tag", "skip")
_FLOAT_SPECIALS = {32000: float("inf"), 32001: float("-inf"), 32002: float("nan")}


@dataclass(frozen=True, eq=False)
class Convolution:
    """Filters (out, in, height, width) and bias (out,), float32, with the channel scaling behind it folded in."""

    filters: Floats
    bias: Floats
    stride: int
    padding: int


@dataclass(frozen=True, eq=False)
class DlibNetwork:
    """What the file holds: convolutions in the order they run, the last layer (128, 256), the mean RGB."""

    convolutions: tuple[Convolution, ...]
    descriptor: Floats
    mean_rgb: tuple[float, float, float]
    side_pixels: int


def read_dlib_network(content: bytes, subject: str) -> DlibNetwork:
    """Read dlib's face descriptor network.

    Raises:
        WeightsError: the bytes are not that network.
    """
    reader = _Reader(content, subject)
    try:
        return _read_network(reader)
    except (struct.error, IndexError, ValueError, OverflowError) as error:
        raise reader.problem(f"cannot be read on ({error})") from error


def _read_network(reader: _Reader) -> DlibNetwork:
    reader.expect(1, "loss layer version")
    reader.expect_tag("loss_metric_2")
    reader.real()
    reader.real()
    for kind in _WRAPPERS[:-1]:
        reader.expect(1 if kind in _PLAIN else 2, f"version of {kind}")
    innermost = reader.integer()
    if innermost not in (2, 3):
        raise reader.problem(f"unknown version {innermost} of the first layer")
    reader.expect_tag("input_rgb_image_sized")
    mean = (reader.real(), reader.real(), reader.real())
    height, width = reader.integer(), reader.integer()
    convolutions: list[Convolution] = []
    descriptor: Floats | None = None
    for number, kind in enumerate(reversed(_WRAPPERS)):
        if kind in _PLAIN:
            continue
        if kind == "con":
            convolutions.append(_read_convolution(reader))
        elif kind == "affine":
            convolutions[-1] = _read_affine(reader, convolutions[-1])
        elif kind == "fc":
            descriptor = _read_descriptor(reader)
        else:
            _skip_layer(reader, kind)
        _skip_training_state(reader)
        if number == 0 and innermost == 3:
            reader.integer()
    reader.expect_end()
    if descriptor is None or height != width:
        raise reader.problem(f"expected a square input, got {width}x{height}")
    return DlibNetwork(tuple(convolutions), descriptor, mean, height)


def _read_convolution(reader: _Reader) -> Convolution:
    reader.expect_tag("con_4")
    values = reader.tensor().ravel()
    _, _, _, stride_y, stride_x, padding_y, padding_x = (reader.integer() for _ in range(7))
    filters, biases = reader.alias(), reader.alias()
    for _ in range(4):
        reader.real()
    count = int(np.prod(filters))
    if values.size != count + int(np.prod(biases)) or stride_y != stride_x or padding_y != padding_x:
        raise reader.problem(f"{values.size} weights do not fit filters {filters} with biases {biases}")
    return Convolution(values[:count].reshape(filters), values[count:], stride_y, padding_y)


def _read_affine(reader: _Reader, before: Convolution) -> Convolution:
    """The channel scaling (dlib's name for folded batch normalisation), folded in float64."""
    reader.expect_tag("affine_")
    values = reader.tensor().ravel().astype(np.float64)
    gamma, beta = reader.alias(), reader.alias()
    reader.expect(0, "affine mode")
    channels = len(before.bias)
    if gamma != (1, channels, 1, 1) or beta != gamma or values.size != 2 * channels:
        raise reader.problem(f"affine layer of {values.size} values behind {channels} channels")
    scale, shift = values[:channels], values[channels:]
    filters = (before.filters * scale[:, None, None, None]).astype(np.float32)
    bias = (before.bias * scale + shift).astype(np.float32)
    return Convolution(filters, bias, before.stride, before.padding)


def _read_descriptor(reader: _Reader) -> Floats:
    reader.expect_tag("fc_2")
    outputs, inputs = reader.integer(), reader.integer()
    values = reader.tensor()
    reader.alias()
    reader.alias()
    reader.expect(1, "bias mode (1: none)")
    for _ in range(4):
        reader.real()
    return np.ascontiguousarray(values.reshape(inputs, outputs).T)


def _skip_layer(reader: _Reader, kind: str) -> None:
    tag = reader.text()
    if kind == "pool" and tag in ("max_pool_2", "avg_pool_2"):
        for _ in range(6):
            reader.integer()
    elif not (kind == "relu" and tag == "relu_") and not (kind == "add_prev" and tag == "add_prev_"):
        raise reader.problem(f"expected a layer {kind}, got {tag!r}")


def _skip_training_state(reader: _Reader) -> None:
    for _ in range(3):
        reader.boolean()
    for _ in range(3):
        reader.tensor()


class _Reader:
    """The primitives of dlib/serialize.h, read from front to back."""

    def __init__(self, content: bytes, subject: str) -> None:
        self._content = content
        self._at = 0
        self._subject = subject

    def problem(self, what: str) -> WeightsError:
        return WeightsError(f"not dlib's face network: byte {self._at}: {what}", subject=self._subject)

    def integer(self) -> int:
        """One control byte (sign in bit 7, number of bytes in bits 0 to 3), then the magnitude, little-endian."""
        control = self._take(1)[0]
        size = control & 0x0F
        if control & 0x70 or not 1 <= size <= 8:
            raise self.problem(f"0x{control:02x} does not begin a whole number")
        value = int.from_bytes(self._take(size), "little")
        return -value if control & 0x80 else value

    def real(self) -> float:
        """Mantissa, then exponent (the comment in dlib says the reverse; its code does this)."""
        mantissa, exponent = self.integer(), self.integer()
        return _FLOAT_SPECIALS.get(exponent) or float(np.ldexp(float(mantissa), exponent))

    def boolean(self) -> bool:
        value = self._take(1)
        if value not in (b"0", b"1"):
            raise self.problem(f"{value!r} is not a truth value")
        return value == b"1"

    def text(self) -> str:
        size = self.integer()
        if not 0 <= size <= 100:
            raise self.problem(f"a name of {size} characters")
        return self._take(size).decode("ascii")

    def tensor(self) -> Floats:
        """Version 2, four sizes, then raw little-endian float32."""
        self.expect(2, "tensor version")
        shape = self._sizes()
        raw = self._take(4 * int(np.prod(shape)))
        return np.frombuffer(raw, "<f4").astype(np.float32).reshape(shape)

    def alias(self) -> tuple[int, int, int, int]:
        """The shape of a view into the tensor before it."""
        self.expect(1, "alias version")
        return self._sizes()

    def expect(self, wanted: int, what: str) -> None:
        got = self.integer()
        if got != wanted:
            raise self.problem(f"{what}: expected {wanted}, got {got}")

    def expect_tag(self, wanted: str) -> None:
        got = self.text()
        if got != wanted:
            raise self.problem(f"expected a layer {wanted!r}, got {got!r}")

    def expect_end(self) -> None:
        if self._at != len(self._content):
            raise self.problem(f"{len(self._content) - self._at} bytes are left over")

    def _sizes(self) -> tuple[int, int, int, int]:
        sizes = (self.integer(), self.integer(), self.integer(), self.integer())
        if min(sizes) < 0 or max(sizes) > len(self._content):
            raise self.problem(f"impossible sizes {sizes}")
        return sizes

    def _take(self, count: int) -> bytes:
        taken = self._content[self._at : self._at + count]
        if len(taken) != count:
            raise self.problem(f"ends {count - len(taken)} bytes early")
        self._at += count
        return taken
