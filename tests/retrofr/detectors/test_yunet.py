"""YuNet's own parts: levels, tiles, crops, its weights file."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrofr import weights
from retrofr.detectors import yunet
from retrofr.detectors._pictures import spans
from retrofr.detectors._yunet_looks import LARGEST_FACE, LEVEL_STEP, cut_into, level_scales
from retrofr.detectors._yunet_net import load_yunet
from retrofr.errors import SettingsError, WeightsError
from retrofr.onnx_weights import OnnxWeights, read_onnx_weights
from retrofr.runtime import resolve_device


@given(st.integers(1, 20_000), st.integers(1, 20_000), st.floats(0.02, 1.5))
def test_a_face_as_large_as_the_frame_fits_a_level(height: int, width: int, finest: float) -> None:
    scales = level_scales(height, width, finest)
    assert scales[0] == finest
    assert min(height, width) * scales[-1] <= LARGEST_FACE
    assert all(one / other == pytest.approx(LEVEL_STEP) for one, other in pairwise(scales))


@given(st.integers(1, 100_000), st.integers(200, 4096), st.floats(0.05, 0.45))
def test_parts_cover_an_axis_and_each_point_counts_once(length: int, longest: int, share: float) -> None:
    overlap = int(longest * share)
    parts = spans(length, longest, overlap)
    assert parts[0].start == 0
    assert parts[-1].stop == length
    assert all(part.stop - part.start <= longest for part in parts)
    for one, other in pairwise(parts):
        assert one.last == other.first
        assert one.last - other.start >= overlap / 2 - 1
        assert one.stop - one.last >= overlap / 2 - 1


@pytest.mark.parametrize(("x", "y"), [(-30, -30), (70, 70), (-200, 10), (10, 300), (20, 20)])
def test_a_crop_over_the_frames_edge_is_black_outside(x: int, y: int) -> None:
    frame = np.full((100, 100, 3), 200, np.uint8)
    crop = np.zeros((120, 120, 3), np.uint8)
    cut_into(crop, frame, x, y, 60)
    inside = (np.arange(120) / 2 + x >= 0) & (np.arange(120) / 2 + x < 100)
    below = (np.arange(120) / 2 + y >= 0) & (np.arange(120) / 2 + y < 100)
    assert (crop[..., 0] == 200 * np.outer(below, inside)).all()


def test_settings_out_of_bounds_are_refused() -> None:
    with pytest.raises(SettingsError) as caught:
        yunet.SETTINGS(min_face_pixels=2)
    assert str(caught.value) == "parts.yunet.min_face_pixels: 2 is out of bounds; it goes from 8 to 1024 px"


def test_requirement_10_altered_weights_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (file,) = yunet.WEIGHTS
    content = bytearray(weights.read_weights(file))
    content[5000] ^= 1
    (tmp_path / file.file_name).write_bytes(content)
    monkeypatch.setenv("RETROFR_MODELS", str(tmp_path))
    monkeypatch.setattr(weights, "_package_folders", lambda package: [])
    with pytest.raises(WeightsError) as caught:
        yunet.build(yunet.SETTINGS(), resolve_device("cpu"))
    assert caught.value.exit_code == 6
    assert "is not the file it should be" in caught.value.reason


def test_a_net_of_another_layout_is_refused() -> None:
    (file,) = yunet.WEIGHTS
    read = read_onnx_weights(weights.read_weights(file), "other.onnx")
    short = OnnxWeights("other.onnx", read.arrays, read.nodes[:-40], read.inputs, read.outputs)
    with pytest.raises(WeightsError, match=r"other\.onnx: expected YuNet's 53 convolutions, found \d+"):
        load_yunet(short)
    first = read.nodes[0]
    swapped = OnnxWeights(
        "other.onnx", read.arrays, (read.nodes[2], *read.nodes[1:]), read.inputs, read.outputs
    )
    with pytest.raises(WeightsError, match=f"convolution {read.nodes[2].outputs[0]} is "):
        load_yunet(swapped)
    broken = {**read.arrays, first.inputs[1]: read.arrays[first.inputs[1]][:, :2]}
    with pytest.raises(WeightsError, match=r"expected float32 \(16, 3, 3, 3\), got float32 \(16, 2, 3, 3\)"):
        load_yunet(OnnxWeights("other.onnx", broken, read.nodes, read.inputs, read.outputs))
