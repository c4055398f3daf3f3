"""The one place that knows albumentations: image and target are changed together, from a seed alone.

Note: albumentations 2.0.8, the last release under a free licence, seeds its workers wrongly, so the seed is set anew
    for every sample; it wants images in 0..1 and masks as int32.
"""

import os
from functools import cache
from typing import Literal, TypeVar

import numpy as np

from cellprune.images.read import Floats
from cellprune.targets.kinds import Encoded, Labels, unknown_in

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # before the import, which asks the network else

import albumentations as A

Strength = Literal["none", "turns", "full"]
_T = TypeVar("_T", Encoded, Labels)

_RANGE = 10.0  # a normalized image has about the deviation 1 and lies within 5 of them but for a few pixels
_LEAST_VIEW_PX = 32  # side; smaller images are not halved
_MEAN_GREY = 0.5  # what the mean becomes in 0..1, and what is shown where a transform looks outside the image


def augment(image: Floats, target: _T, *, seed: int, strength: Strength = "full") -> tuple[Floats, _T]:
    """Flip and turn; at full strength also scale, bend, and change brightness and contrast, all mildly.

    Args:
        image: (C, h, w) float32 of about mean 0 and deviation 1; clipped to -5..5.
        target: (h, w) uint8 of classes and 255, or int32 of cells and -1, or (maps, h, w) float32 and NaN; it moves
            with the image and is never interpolated.
        seed: all that the change depends on.
        strength: "none" changes nothing, "turns" flips and takes quarter turns (of square images), "full" does all.
    Returns:
        The changed image and target, same shapes and types; what came from outside the image is unknown in the target:
        255, -1 or NaN.
    """
    if strength == "none":
        return image, target
    change = _change(strength, is_square=image.shape[1] == image.shape[2])
    shown = _in_unit_range(image)
    channels, height, width = [], *image.shape[1:]
    place = np.arange(height * width, dtype=np.int32).reshape(height, width)  # what moves, whatever the target is
    for channel in shown:  # one by one, alike by their seed: several at once are filled wrongly, or refused, by OpenCV
        change.set_random_seed(seed % 2**32)
        changed = change(image=channel, mask=place, valid=np.ones_like(place))
        channels.append(changed["image"])
    moved = target.reshape(*target.shape[:-2], -1)[..., changed["mask"]]
    moved[..., changed["valid"] != 1] = unknown_in(target)
    return _as_it_was(channels), moved


def view(image: Floats, *, seed: int) -> Floats:
    """Give a part of an image, at its scale or down to half of it, turned, brighter or darker, perhaps blurred.

    Two views of an image are what learning without truth calls alike.

    Args:
        image: (C, h, w) float32 of about mean 0 and deviation 1; clipped to -5..5.
        seed: all that the change depends on.
    Returns:
        (C, h / 2, w / 2) float32, but no side below 32 px that the image has: a quarter of the work of whole images.
    """
    change = _view(*(max(side // 2, min(side, _LEAST_VIEW_PX)) for side in image.shape[1:]))
    channels = []
    for channel in _in_unit_range(image):  # one by one, alike by their seed
        change.set_random_seed(seed % 2**32)
        channels.append(change(image=channel)["image"])
    return _as_it_was(channels)


def _in_unit_range(image: Floats) -> Floats:
    return np.clip(image / _RANGE + _MEAN_GREY, 0, 1).astype(np.float32)


def _as_it_was(channels: list[Floats]) -> Floats:
    return ((np.stack(channels) - _MEAN_GREY) * _RANGE).astype(np.float32)


@cache
def _view(height: int, width: int) -> A.Compose:
    return A.Compose(
        [
            A.RandomResizedCrop(size=(height, width), scale=(0.25, 1.0), ratio=(0.8, 1.25)),
            A.HorizontalFlip(p=0.5),
            A.VerticalFlip(p=0.5),
            *([A.RandomRotate90(p=1.0)] if height == width else []),
            A.RandomBrightnessContrast(brightness_limit=0.1, contrast_limit=0.4, p=0.8),
            A.GaussianBlur(blur_limit=(3, 7), p=0.3),
        ]
    )


@cache
def _change(strength: Strength, *, is_square: bool) -> A.Compose:
    outside = {"fill": _MEAN_GREY, "fill_mask": 0}  # `valid` is 0 there
    turns = [A.HorizontalFlip(p=0.5), A.VerticalFlip(p=0.5), *([A.RandomRotate90(p=1.0)] if is_square else [])]
    bends = [
        A.Affine(scale=(0.9, 1.1), p=0.5, **outside),
        A.ElasticTransform(alpha=80, sigma=8, p=0.3, **outside),
        A.RandomBrightnessContrast(brightness_limit=0.05, contrast_limit=0.1, p=0.5),
    ]
    return A.Compose(turns + (bends if strength == "full" else []), additional_targets={"valid": "mask"})
