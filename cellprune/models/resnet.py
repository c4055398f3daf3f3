"""Residual networks for 32 x 32 images: ResNet-20 in the two forms that the literature mixes, and ResNet-18.

Source: He, Zhang, Ren, Sun, CVPR 2016 (arXiv:1512.03385), section 4.2 (ResNet-20) and table 1 (ResNet-18).
Note: the paper's ResNet-20 has shortcuts without parameters (option A); some of the published tables of pruning are of
    one whose shortcuts are 1x1 convolutions where the shape changes (option B). They differ by 1 % of the weights.
"""

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from cellprune.torchvision_compat import ensure_torchvision

Shortcut = Literal["padding", "projection"]


def build(*, in_channels: int = 3, classes: int = 10, width: int = 16) -> nn.Sequential:
    """Build the ResNet-20 with option A's shortcuts; 269,722 parameters by default.

    Args:
        in_channels: channels of the image.
        classes: logits that come out.
        width: channels of the first stage; the second and third have two and four times as many.
    """
    return _resnet20(in_channels, classes, width, "padding")


def projection(*, in_channels: int = 3, classes: int = 10, width: int = 16) -> nn.Sequential:
    """Build the ResNet-20 whose shortcuts are projections where the shape changes; 272,474 parameters by default.

    Args:
        in_channels, classes, width: as `build` takes them.
    """
    return _resnet20(in_channels, classes, width, "projection")


def resnet18(*, in_channels: int = 3, classes: int = 10) -> nn.Module:
    """Build torchvision's ResNet-18 with a stem for small images: one 3x3 convolution, and no pooling after it.

    Args:
        in_channels: channels of the image.
        classes: logits that come out.
    """
    ensure_torchvision()
    from torchvision.models import resnet18 as torchvisions

    network: nn.Module = torchvisions(weights=None, num_classes=classes)
    network.conv1 = nn.Conv2d(in_channels, 64, kernel_size=3, padding=1, bias=False)
    nn.init.kaiming_normal_(network.conv1.weight, mode="fan_out")  # as all other convolutions of this network
    network.maxpool = nn.Identity()
    return network


def _resnet20(in_channels: int, classes: int, width: int, shortcut: Shortcut) -> nn.Sequential:
    """A stem, three stages of three blocks, one linear layer."""
    blocks = []
    channels = width
    for stage in range(3):
        for block in range(3):
            outputs = width * 2**stage
            blocks.append(Block(channels, outputs, stride=2 if stage > 0 and block == 0 else 1, shortcut=shortcut))
            channels = outputs
    network = nn.Sequential(
        nn.Conv2d(in_channels, width, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        *blocks,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(channels, classes),
    )
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight)
    return network


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut, which fits the block's input to the shape of its output.

    "padding" drops every second pixel and adds channels of zeros; "projection" is a strided 1x1 convolution and a norm.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, shortcut: Shortcut = "padding") -> None:
        super().__init__()
        self.shortcut: nn.Module = nn.Identity()
        if (inputs, stride) != (outputs, 1):
            self.shortcut = Padding(outputs - inputs, stride) if shortcut == "padding" else _project(inputs, outputs)
        self.residual = nn.Sequential(
            nn.Conv2d(inputs, outputs, kernel_size=3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Add the residual to the shortcut: (N, inputs, H, W) -> (N, outputs, H / stride, W / stride)."""
        return self.relu(self.residual(x) + self.shortcut(x))


class Padding(nn.Module):
    """Every `stride`-th pixel, and `missing` channels of zeros, half of them before the others."""

    def __init__(self, missing: int, stride: int) -> None:
        super().__init__()
        self.missing, self.stride = missing, stride

    def forward(self, x: Tensor) -> Tensor:
        """Fit the shape: (N, C, H, W) -> (N, C + missing, H / stride, W / stride)."""
        before = self.missing // 2
        return F.pad(x[..., :: self.stride, :: self.stride], (0, 0, 0, 0, before, self.missing - before))


def _project(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel_size=1, stride=2, bias=False), nn.BatchNorm2d(outputs))
