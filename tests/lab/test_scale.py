"""Pixels of another size than the model learned from are warned of, and corrected where both are known."""

from collections.abc import Callable
from pathlib import Path

import pytest
from lab_engines import Bright

from cellprune.errors import CellpruneError
from cellprune.lab import scale
from cellprune.lab.inputs import find

Write = Callable[..., Path]


def test_pixels_of_another_size_are_warned_of_and_corrected_where_both_are_known(write: Write) -> None:
    near = write("near.tif", resolution=(1e4 / 0.7, 1e4 / 0.7), resolutionunit="CENTIMETER")
    far = write("far.tif", resolution=(1e4 / 0.65, 1e4 / 0.19), resolutionunit="CENTIMETER")
    unknown = write("unknown.tif")
    card = Bright(zoom=(0.5, 0.4), pixel_size_um=(0.65, 0.65)).card
    images, _, _ = find([str(near), str(far), str(unknown)])
    sizes = scale.pixel_sizes(images, None)
    assert sizes["unknown"] is None
    said = scale.warning(card, sizes)
    assert said is not None
    assert said.startswith("far has pixels of 0.19 x 0.65 um, but the model learned from 0.65 x 0.65 um")
    assert scale.warning(card, {"near": sizes["near"], "unknown": None}) is None
    assert scale.warning(Bright().card, sizes) is None, "of a model that does not know its own, nothing can be said"
    assert set(scale.zooms(card, sizes, rescale=False).values()) == {(0.5, 0.4)}
    del sizes["unknown"]
    assert scale.zooms(card, sizes, rescale=True)["far"] == pytest.approx((0.5 * 0.19 / 0.65, 0.4))


def test_rescaling_needs_both_pixel_sizes() -> None:
    with pytest.raises(CellpruneError, match="the pixel size of x is unknown: give it as --pixel-size"):
        scale.zooms(Bright(pixel_size_um=(1, 1)).card, {"x": None}, rescale=True)
    with pytest.raises(
        CellpruneError, match="the pixel size of the model's training images is unknown: remove --rescale"
    ):
        scale.zooms(Bright().card, {"x": (1.0, 1.0)}, rescale=True)


def test_a_given_pixel_size_is_that_of_all_images_and_else_each_files_own(write: Write) -> None:
    half = write("half.tif", resolution=(2e4, 2e4), resolutionunit="CENTIMETER")
    images, _, _ = find([str(half), str(write("silent.tif"))])
    assert scale.pixel_sizes(images, None) == {"half": pytest.approx((0.5, 0.5)), "silent": None}
    assert scale.pixel_sizes(images, (1.0, 2.0)) == dict.fromkeys(("half", "silent"), (1.0, 2.0))
    said = "half states pixels of 0.5 x 0.5 um; --pixel-size, 1 x 2 um, is used instead"
    assert scale.overridden(images, (1.0, 2.0)) == said
    assert scale.overridden(images, (0.501, 0.5)) is None, "files round"
    assert scale.overridden(images, None) is None


@pytest.mark.parametrize(
    ("size", "differs"),
    [((1.0, 1.0), False), ((1.5, 1.0), False), ((1.501, 1.0), True), ((1.0, 1.501), True), ((1.0, 0.66), True),
     ((0.667, 0.667), False)],
)  # fmt: skip
def test_either_axis_may_be_off_by_the_limit_and_no_more(size: tuple[float, float], differs: bool) -> None:
    card = Bright(pixel_size_um=(1.0, 1.0)).card
    assert (scale.difference(card, {"x": size}) is not None) == differs
    assert (scale.warning(card, {"x": size}) is not None) == differs


def test_of_several_images_the_first_is_named_and_the_others_counted() -> None:
    card = Bright(pixel_size_um=(1.0, 1.0)).card
    said = scale.difference(card, {"a": (1.0, 1.0), "b": (3.0, 3.0), "c": None, "d": (9.0, 9.0), "e": (0.1, 0.1)})
    assert said == (
        "b (and 2 more) has pixels of 3 x 3 um, but the model learned from 1 x 1 um: to the model its cells have "
        "another size"
    )
    assert scale.warning(card, {"b": (3.0, 3.0)}).endswith("; use --rescale, or correct --pixel-size")


def test_each_axis_is_rescaled_by_itself_and_an_image_of_unknown_scale_is_left_out() -> None:
    card = Bright(zoom=(0.5, 2.0), pixel_size_um=(1.0, 0.5)).card
    found = scale.zooms(card, {"a": (2.0, 0.5), "b": None, "c": (1.0, 1.0)}, rescale=True)
    assert found == {"a": (1.0, 2.0), "c": (0.5, 4.0)}
