"""Parity is counted pixel by pixel, and its limits fire."""

import numpy as np
import pytest
from lab_engines import Bright, spots

from cellprune.export import simulated
from cellprune.export.parity import LIMIT_IOU, LIMITS_PPM, Example, Parity, parity, reference
from cellprune.lab.engine import Running


def bright(precision: str = "fp32") -> Bright:
    engine = Bright()
    engine.running = Running("onnx", precision, "cpu", 1, {})
    return engine


def test_pixels_and_ious_are_counted() -> None:
    image = spots().astype(np.float32)[None]
    truth = (image[0] > 0).astype(np.uint8)
    truth[0] = 255
    examples = [Example(image, truth), Example(image)]
    expected = reference(bright(), examples)
    same = parity(bright(), examples, expected)
    assert (same.n_pixels, same.n_differing, same.iou_difference, same.fault) == (4000, 0, 0.0, None)
    other = [1 - expected[0], expected[1].copy()]
    other[1][0, 0] ^= 1
    found = parity(bright(), examples, other)
    assert found.n_differing == 2001
    assert found.iou_difference == pytest.approx(1.0)
    assert found.ppm == pytest.approx(1e6 * 2001 / 4000)
    assert parity(bright(), examples[1:], other[1:]).iou_difference is None


@pytest.mark.parametrize("precision", LIMITS_PPM)
def test_a_pixel_beyond_the_limit_is_a_fault(precision: str) -> None:
    most = round(LIMITS_PPM[precision])
    assert Parity("onnx", precision, 10**6, most, 0.0).fault is None
    assert f"; {most:,} are allowed" in str(Parity("onnx", precision, 10**6, most + 1, 0.0).fault)


def test_one_pixel_of_few_may_lie_on_the_edge() -> None:
    assert Parity("onnx", "fp32", 4096, 1, None).fault is None
    assert Parity("onnx", "fp32", 4096, 2, None).fault == (
        "488 of a million pixels have another class than in torch; 10 are allowed"
    )


def test_the_iou_counts_in_int8_alone() -> None:
    beyond = LIMIT_IOU + 0.001
    assert "the IoU of an image is 0.0060 from that in torch; 0.005 is allowed" in str(
        Parity("onnx", "int8", 10**6, 0, beyond).fault
    )
    assert Parity("onnx", "int8", 10**6, 0, LIMIT_IOU).fault is None
    assert Parity("onnx", "fp32", 10**6, 0, beyond).fault is None


def test_simulated_images_are_as_the_model_knows_them() -> None:
    header = {
        "architecture": {"in_channels": 2},
        "classes": ["background", "cell"],
        "zoom": [0.5, 0.25],
        "network_size_px": [64, 48],
    }
    examples = simulated.examples(header)
    assert {example.image.shape for example in examples} == {(2, 128, 192)}
    assert examples[0].image.dtype == np.float32
    assert 0.05 < np.mean([example.truth.mean() for example in examples]) < 0.9
    assert np.array_equal(examples[1].image, simulated.examples(header)[1].image)
    of_three = simulated.examples(header | {"classes": ["background", "cell", "debris"], "zoom": [9.0, 9.0]})
    assert {example.truth is None for example in of_three} == {True}
    assert of_three[0].image.shape == (2, 48, 48)
