"""What a network is shown of an image of any size: the middle of it, or a part that is drawn anew in every epoch.

Source: Szegedy et al., CVPR 2015 (arXiv:1409.4842), section 6, as torchvision's RandomResizedCrop has it: a part of
    8 to 100 % of the area and of an aspect of 3/4 to 4/3, brought to the network's size. Held-out images are brought to
    8/7 of that size by their shorter side, and cut to it.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from cellprune.data.draws import numbers

Bytes = NDArray[np.uint8]
Size = tuple[int, int]  # height, width

MARGIN = 8 / 7  # 256 px for 224
PADDING_PX = 4
_LEAST_AREA, _MOST_ASPECT = 0.08, 4 / 3
_TRIES = 10  # to find a part that lies within the image
_DRAWS = np.arange(4 * _TRIES + 1)


def middle(image: Bytes, size: Size, margin: float = 1.0) -> Bytes:
    """Give the middle of an image, as large a part of its aspect as there is.

    Args:
        image: (H, W, C) uint8.
        size: of what comes out.
        margin: how many times the part's sides the shorter side of the whole image is at least.
    """
    height, width = image.shape[:2]
    if (height, width) == size and margin == 1:
        return image
    scale = min(height / size[0], width / size[1]) / margin
    part = tuple(max(1, round(scale * side)) for side in size)
    top, left = (height - part[0]) // 2, (width - part[1]) // 2
    return _resized(image[top : top + part[0], left : left + part[1]], size)


def drawn(image: Bytes, size: Size, number: int) -> Bytes:
    """Give a part of an image, mirrored or not, as the number says.

    Args:
        image: (H, W, C) uint8.
        size: of what comes out.
        number: of 64 bits, drawn for this image.
    """
    draws = (numbers(_DRAWS, "resized-crop", number) >> np.uint64(11)) * 2.0**-53  # below 1
    top, left, height, width = _part(image.shape[0], image.shape[1], draws)
    made = _resized(image[top : top + height, left : left + width], size)
    return made[:, ::-1] if draws[-1] < 0.5 else made


def moves(drawn: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Give what the numbers say of images that are moved by up to `PADDING_PX` along both axes, or mirrored.

    Returns:
        Rows and columns, from 0, at which the image begins in the padded one; 1 where it is mirrored.
    """
    steps = 2 * PADDING_PX + 1
    down, right, mirror = (
        values.astype(np.int64) for values in (drawn % steps, drawn // steps % steps, drawn // steps**2 % 2)
    )
    return down, right, mirror


def moved(images: Tensor, drawn: NDArray[np.uint64]) -> Tensor:
    """Move each image as its number says, black outside, and mirror it or not.

    Args:
        images: (B, H, W, C) of any type, on any device.
        drawn: (B,) numbers of 64 bits.
    """
    down, right, mirror = (torch.from_numpy(values).to(images.device) for values in moves(drawn))
    height, width = (torch.arange(n, device=images.device) for n in images.shape[1:3])
    across = torch.where(mirror[:, None] == 1, width.flip(0), width)
    rows, columns = down[:, None] + height, right[:, None] + across
    padded = F.pad(images, [0, 0, *[PADDING_PX] * 4])
    which = torch.arange(len(images), device=images.device)
    return padded[which[:, None, None], rows[:, :, None], columns[:, None, :]]


def _part(height: int, width: int, draws: NDArray[np.floating]) -> tuple[int, int, int, int]:
    """Draw a part: top, left, height, width. One that never fits gives the middle of the nearest aspect."""
    for area, aspect, down, right in draws[:-1].reshape(_TRIES, 4).tolist():
        pixels = height * width * (_LEAST_AREA + (1 - _LEAST_AREA) * area)
        ratio = _MOST_ASPECT ** (2 * aspect - 1)
        wide, high = round(math.sqrt(pixels * ratio)), round(math.sqrt(pixels / ratio))
        if 0 < wide <= width and 0 < high <= height:
            return int(down * (height - high + 1)), int(right * (width - wide + 1)), high, wide
    high = min(height, max(1, round(width * _MOST_ASPECT)))
    wide = min(width, max(1, round(height * _MOST_ASPECT)))
    return (height - high) // 2, (width - wide) // 2, high, wide


def _resized(image: Bytes, size: Size) -> Bytes:
    if image.shape[:2] == size:
        return image
    tensor = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None]  # channels last: the fast kernel
    made = F.interpolate(tensor, size, mode="bilinear", antialias=True, align_corners=False)
    result: Bytes = made[0].permute(1, 2, 0).numpy()
    return result
