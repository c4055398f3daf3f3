"""The U-Net: an encoder that halves the image, a decoder that doubles it, and skips that carry detail across.

Source: Ronneberger, Fischer, Brox, MICCAI 2015 (arXiv:1505.04597), Figure 1 and section 3 (initialization).
Note: the paper's network has no norm and no padding; we default to batch norm and padded convolutions, as the
    published pruned networks for cells are trained. `norm="none", padding="valid"` is the paper's.
"""

from collections.abc import Callable, Sequence
from math import gcd
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from cellprune.errors import CellpruneError, unknown
from cellprune.models.levels import MOST_CHANNELS, MOST_LEVELS, checked, doubling
from cellprune.models.mirror import centre, mirrored
from cellprune.wording import quoted

Norm = Literal["batch", "group", "instance", "none"]
Padding = Literal["same", "valid"]

_NORMS: dict[str, Callable[[int], nn.Module]] = {
    "batch": nn.BatchNorm2d,
    "group": lambda channels: nn.GroupNorm(gcd(8, channels), channels),
    "instance": lambda channels: nn.InstanceNorm2d(channels, affine=True),
    "none": lambda channels: nn.Identity(),
}


def build(
    *, in_channels: int = 1, classes: int = 2, width: int = 16, depth: int = 4, norm: Norm = "batch",
    padding: Padding = "same", widths: Sequence[int] | None = None,
) -> "UNet":  # fmt: skip
    """Build a U-Net with weights drawn from torch's current random state.

    Args:
        in_channels: channels of the image.
        classes: maps that come out, one logit per class and pixel.
        width: channels of the first level; each further level has twice as many.
        depth: how often the image is halved.
        norm: what follows each 3x3 convolution; with "none" the convolution has a bias instead.
        padding: "same" pads each convolution with zeros; "valid" pads none and crops the skips, as the paper does.
        widths: channels of every level, from the image down; they take the place of `width` and `depth`.
    Raises:
        CellpruneError: a setting out of range.
    """
    for name, value in (("in_channels", in_channels), ("classes", classes), ("width", width), ("depth", depth)):
        most = MOST_LEVELS - 1 if name == "depth" else MOST_CHANNELS
        if type(value) is not int or not 1 <= value <= most:
            raise CellpruneError(f"model.{name} is {quoted(value)}, but must be a whole number from 1 to {most}")
    if norm not in _NORMS:
        raise CellpruneError(unknown("norm", norm, _NORMS, "model.norm"))
    if padding not in get_args(Padding):
        raise CellpruneError(unknown("padding", padding, get_args(Padding), "model.padding"))
    levels = doubling(width, depth) if widths is None else checked(widths)
    return UNet(in_channels, classes, levels, norm, padding)


class UNet(nn.Module):
    """The network; `forward` takes any image size and gives maps of that size, whatever the padding.

    Attributes:
        widths: channels of every level, from the image down.
        n_left_out: how many of the deepest levels are not computed.
    """

    def __init__(self, in_channels: int, classes: int, widths: Sequence[int], norm: Norm, padding: Padding) -> None:
        super().__init__()
        self.widths = tuple(widths)
        self.n_left_out = 0
        inputs = [in_channels, *widths[:-1]]
        self.padding = padding
        self.down = nn.ModuleList(_convolutions(i, o, norm, padding) for i, o in zip(inputs, widths, strict=True))
        self.pool = nn.MaxPool2d(2)
        upwards = list(zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.grow = nn.ModuleList(nn.ConvTranspose2d(below, here, kernel_size=2, stride=2) for below, here in upwards)
        self.up = nn.ModuleList(_convolutions(2 * here, here, norm, padding) for _, here in upwards)
        self.head = nn.Conv2d(widths[0], classes, kernel_size=1)
        self.apply(_initialize)

    def forward(self, image: Tensor) -> Tensor:
        """Give one logit map per class, of the image's size.

        The image is continued by mirroring as far as the levels (and, for "valid", the missing padding) ask for:
        the paper's overlap-tile strategy. A size that the network takes as it is is left alone.

        Args:
            image: (N, in_channels, H, W).
        Returns:
            (N, classes, H, W).
        """
        size = image.shape[-2:]
        return centre(self.levels(mirrored(image, [self.input_size(n) for n in size])), size)

    def levels(self, x: Tensor) -> Tensor:
        """Run the bare network of the paper's Figure 1 on a size that fits: with "valid", 572 px give 388."""
        skips, first = [], self.n_left_out
        deepest = len(self.up) - first
        for convolutions in self.down[:deepest]:
            x = convolutions(x)
            skips.append(x)
            x = self.pool(x)
        x = self.down[deepest](x)
        if first:  # a level had one below it, of which nothing is left but constants
            x = self.up[first - 1](self.grow[first - 1](x))
        for grow, convolutions in zip(self.grow[first:], self.up[first:], strict=True):
            x = grow(x)
            x = convolutions(torch.cat([centre(skips.pop(), x.shape[-2:]), x], dim=1))
        return self.head(x)

    def input_size(self, output_size: int) -> int:
        """Give the smallest input, in pixels along one axis, whose maps cover `output_size` pixels."""
        lost = 4 if self.padding == "valid" else 0  # pixels that two 3x3 convolutions without padding take away
        size = output_size
        for _ in self.up:  # a level that is left out counts: other mirrored pixels would give other maps
            size = -(-(size + lost) // 2)
        size += lost
        for _ in self.up:
            size = 2 * size + lost
        return size

    def deepest_levels(self) -> list[list[str]]:
        """Name the modules of each level but the first, the deepest first; see `structure.levels.Deep`.

        Without padding there are none: each level takes a border away, so the others need all of them.
        """
        if self.padding == "valid":
            return []
        depth = len(self.up)
        return [[f"down.{depth - at}", f"grow.{at}", *([f"up.{at - 1}", f"grow.{at - 1}"] if at else [])]
                for at in range(self.n_left_out, depth)]  # fmt: skip

    def leave_out_levels(self, count: int) -> None:
        """Compute so many of the deepest levels no more; see `structure.levels.Deep`."""
        for level in self.deepest_levels()[:count]:
            bias = self.get_parameter(f"grow.{self.n_left_out}.bias")
            for name in level:
                self.set_submodule(name, nn.Identity())
            if len(bias):
                self.grow[self.n_left_out] = Constants(bias)
            self.n_left_out += 1


class Constants(nn.Module):
    """What is left of a transposed convolution that reads nothing: its bias at every pixel, beside what is there."""

    def __init__(self, bias: nn.Parameter) -> None:
        super().__init__()
        self.bias = bias

    def forward(self, x: Tensor) -> Tensor:
        """Give (N, C, H, W) with as many maps more as there are constants."""
        return torch.cat([x, self.bias.view(1, -1, 1, 1).expand(len(x), -1, *x.shape[-2:])], dim=1)


def _convolutions(inputs: int, outputs: int, norm: Norm, padding: Padding) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (inputs, outputs):
        # the norm takes a bias away again, so only a network without norms has one
        layers.append(nn.Conv2d(channels, outputs, kernel_size=3, padding=padding, bias=norm == "none"))
        if norm != "none":
            layers.append(_NORMS[norm](outputs))
        layers.append(nn.ReLU(inplace=True))  # the norm needs its input again, not its output: 3 % less time
    return nn.Sequential(*layers)


def _initialize(module: nn.Module) -> None:
    """Draw each weight with standard deviation sqrt(2 / N), N the values a unit reads (section 3 of the paper).

    For the 2x2 transposed convolution torch counts N = 4 * outputs = 2 * inputs, though a unit reads `inputs` values:
    that is sqrt(1 / inputs), the right deviation for the one layer that no ReLU follows.
    """
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
