"""What benchmarks measure on: networks by short names, and random batches as they take them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn


def network(name: str) -> "nn.Module":
    """Build the network of a name: "unet64" is the U-Net of width 64, any other a row of the models' table."""
    from cellprune.models import build

    width = name.removeprefix("unet")
    return build({"name": "unet", "width": int(width)} if width != name else {"name": name})


def batches(name: str, batch: int, size_px: int) -> "Iterator[tuple[Tensor, Tensor]]":
    """Give endless batches of noise: images of one grey channel with a class a pixel, or coloured with one a image."""
    import torch

    images, target, classes = ((1, size_px, size_px), (size_px, size_px), 2)
    if not name.startswith("unet"):
        images, target, classes = ((3, size_px, size_px), (), 10)
    draw = torch.Generator().manual_seed(0)
    while True:
        yield torch.randn(batch, *images, generator=draw), torch.randint(classes, (batch, *target), generator=draw)
