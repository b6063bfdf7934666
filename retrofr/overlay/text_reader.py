"""Reads printed text in a picture: finds lines of text, then reads each. Needs the extra ``ocr``.

The two nets are PP-OCRv6 small (PaddleOCR, Apache-2.0). Their ONNX files come inside the package ``rapidocr``,
whose code is neither imported nor run: it would download what it misses. OpenVINO runs them here, on the CPU.

Source: Liao et al., Real-time Scene Text Detection with Differentiable Binarization, 2020; the numbers below are
those the nets were published with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from retrofr.errors import ModelError, WeightsError
from retrofr.openvino_import import import_openvino
from retrofr.records import Floats, Pixels
from retrofr.weights import WeightsFile, find_weights, read_weights

_PADDLE = "PP-OCRv6 small, PaddlePaddle/PaddleOCR, as ONNX in the package rapidocr"
DETECTION = WeightsFile(
    name="ppocr-text-lines",
    file_name="PP-OCRv6_det_small.onnx",
    sha256="090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
    size_bytes=9_929_594,
    licence="Apache-2.0",
    source=f"{_PADDLE}: text detection",
    training_data="PaddleOCR's own collection, not published",
    package="rapidocr",
    package_path="models/PP-OCRv6_det_small.onnx",
)
RECOGNITION = WeightsFile(
    name="ppocr-characters",
    file_name="PP-OCRv6_rec_small.onnx",
    sha256="6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
    size_bytes=21_234_383,
    licence="Apache-2.0",
    source=f"{_PADDLE}: text recognition",
    training_data="PaddleOCR's own collection, not published",
    package="rapidocr",
    package_path="models/PP-OCRv6_rec_small.onnx",
)
WEIGHTS = (DETECTION, RECOGNITION)

# Lines are looked for in a picture at most this wide, and enlarged where its short side is below that.
_LONGEST_SIDE, _SHORTEST_SIDE = 1280, 480
_TEXT_PIXEL, _TEXT_LINE = 0.3, 0.5
_GROW = 1.6  # the net marks the middle of a line; area × this / perimeter is added on each side
_MOST_LINES = 40
_LINE_HEIGHT = 48
_WIDTH_STEP = 64  # widths are padded to steps, so that few shapes are compiled


@dataclass(frozen=True)
class TextLine:
    """A line of text: what it says and where, x1, y1, x2, y2 in pixels of the picture, half-open."""

    text: str
    box: tuple[int, int, int, int]

    @property
    def height(self) -> int:
        return self.box[3] - self.box[1]


class LineReader(Protocol):
    """What reads the lines of text of a picture, (H, W, 3) uint8 RGB, from top to bottom."""

    def read_lines(self, image: Pixels) -> list[TextLine]: ...


def open_text_reader(threads: int = 1) -> TextReader:
    """Load the two nets.

    Args:
        threads: how many the CPU may use.

    Raises:
        ModelError: the extra ``ocr`` is not installed, or OpenVINO cannot run the nets.
        WeightsError: a weights file is not what it should be.
    """
    check_installed()
    return TextReader(read_weights(DETECTION), read_weights(RECOGNITION), threads)


def check_installed() -> None:
    """Refuse where the extra is missing; quick.

    Raises:
        ModelError: the extra ``ocr`` is not installed.
    """
    if any(find_weights(file) is None for file in WEIGHTS):
        raise ModelError(
            "reading a burnt-in clock needs the package rapidocr, whose text nets are not on this machine",
            subject="ocr",
            hint="`pip install 'retrofr[ocr]'` installs it",
        )


class TextReader:
    """The two nets, ready to run. Not to be used by two threads at once."""

    def __init__(self, detection: bytes, recognition: bytes, threads: int) -> None:
        openvino = import_openvino()
        core = openvino.Core()
        options = {
            "INFERENCE_PRECISION_HINT": "f32",
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
            "ENABLE_CPU_PINNING": False,
        }
        try:
            self._find = core.compile_model(core.read_model(detection), "CPU", options)
            model = core.read_model(recognition)
            self._read = core.compile_model(model, "CPU", options)
        except RuntimeError as error:
            raise ModelError(f"OpenVINO cannot run the text nets ({error})", subject="ocr") from error
        self._characters = _characters(model)

    def read_lines(self, image: Pixels) -> list[TextLine]:
        """Every line of upright text in (H, W, 3) uint8 RGB; those without a readable character are left out."""
        bgr: Pixels = np.ascontiguousarray(image[:, :, ::-1])
        lines = []
        for box in self._boxes(bgr):
            text = self._text(bgr[box[1] : box[3], box[0] : box[2]])
            if text.strip():
                lines.append(TextLine(text, box))
        return sorted(lines, key=lambda line: (line.box[1], line.box[0]))

    def _boxes(self, bgr: Pixels) -> list[tuple[int, int, int, int]]:
        height, width = bgr.shape[:2]
        scale = min(max(1.0, _SHORTEST_SIDE / min(height, width)), _LONGEST_SIDE / max(height, width))
        to = (max(32, round(width * scale / 32) * 32), max(32, round(height * scale / 32) * 32))
        resized = cv2.resize(bgr, to, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        text: Floats = self._find(_as_input(resized))[0][0, 0]
        return text_boxes(text, width, height)

    def _text(self, bgr: Pixels) -> str:
        height, width = bgr.shape[:2]
        wide = max(_LINE_HEIGHT, round(width * _LINE_HEIGHT / height))
        resized = cv2.resize(bgr, (wide, _LINE_HEIGHT), interpolation=cv2.INTER_LINEAR)
        # Zero is mid-grey to the net: what it was padded with in training.
        padded = np.zeros((1, 3, _LINE_HEIGHT, -(-wide // _WIDTH_STEP) * _WIDTH_STEP), np.float32)
        padded[:, :, :, :wide] = _as_input(resized)
        scores: Floats = self._read(padded)[0][0]
        return decode(scores.argmax(axis=1), self._characters)


def text_boxes(text: Floats, width: int, height: int) -> list[tuple[int, int, int, int]]:
    """The lines in a map (h, w) of how much each place looks like text, 0 to 1, of a picture of that size.

    Boxes are in the picture's pixels, clipped to it, at most 40: the clearest.
    """
    rows, columns = text.shape
    mask = cv2.dilate((text > _TEXT_PIXEL).astype(np.uint8), np.ones((2, 2), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    sums = np.bincount(labels.ravel(), weights=text.ravel(), minlength=count)
    found = []
    for n in range(1, count):
        x, y, w, h, area = (int(value) for value in stats[n])
        score = float(sums[n]) / area
        if min(w, h) < 3 or score < _TEXT_LINE:
            continue
        grow = w * h * _GROW / (2 * (w + h))
        left, right = (edge * width / columns for edge in (x - grow, x + w + grow))
        top, bottom = (edge * height / rows for edge in (y - grow, y + h + grow))
        box = (max(0, int(left)), max(0, int(top)), min(width, round(right)), min(height, round(bottom)))
        found.append((score, box))
    found.sort(reverse=True)
    return [box for _, box in found[:_MOST_LINES]]


def decode(best: npt.NDArray[np.integer[Any]], characters: Sequence[str]) -> str:
    """The text of the best character number at each step: repeats are one, number 0 stands between (CTC)."""
    kept = [
        int(number) for at, number in enumerate(best) if number != 0 and (at == 0 or number != best[at - 1])
    ]
    return "".join(characters[number] for number in kept)


def _characters(model: Any) -> list[str]:
    """What each output of the recognition net stands for: nothing, the characters in the file, a space."""
    try:
        listed = model.get_rt_info(["framework", "character"])
    except RuntimeError as error:
        raise WeightsError("holds no list of characters", subject=RECOGNITION.name) from error
    characters = ["", *str(getattr(listed, "value", listed)).split("\n"), " "]
    outputs = model.outputs[0].get_partial_shape()[2].get_length()
    if len(characters) == outputs + 1 and characters[-2] == "":  # the list ended with a line break
        del characters[-2]
    if len(characters) != outputs:
        raise WeightsError(
            f"lists {len(characters)} characters for {outputs} outputs", subject=RECOGNITION.name
        )
    return characters


def _as_input(bgr: npt.NDArray[np.generic]) -> Floats:
    """(1, 3, H, W) float32 from -1 to 1."""
    scaled = (bgr.astype(np.float32) / 255 - 0.5) / 0.5
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None], np.float32)
