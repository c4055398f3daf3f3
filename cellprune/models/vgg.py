"""VGG-16 and VGG-19 with batch norm for 32 x 32 images: all convolutions, a pooling over the whole map, one layer more.

Source: Simonyan & Zisserman, ICLR 2015 (arXiv:1409.1556), table 1, columns D and E.
Note: the paper's networks have no norm, a fifth max pooling and three linear layers, for images seven times as wide;
    this form, with a bias in each convolution, is the one of the pruning literature.
"""

from collections.abc import Sequence

from torch import nn

from cellprune.models.levels import Leveled, checked


def vgg16(*, in_channels: int = 3, classes: int = 10, width: int = 64, widths: Sequence[int] | None = None) -> Leveled:
    """Build the VGG-16; 14,728,266 parameters by default.

    Args:
        in_channels: channels of the image.
        classes: logits that come out.
        width: channels of the first stage; they double at each stage up to the fourth.
        widths: channels of each of the five stages; they take the place of `width`.
    """
    return _vgg(in_channels, classes, width, widths, depths=(2, 2, 3, 3, 3))


def vgg19(*, in_channels: int = 3, classes: int = 10, width: int = 64, widths: Sequence[int] | None = None) -> Leveled:
    """Build the VGG-19; 20,040,522 parameters by default.

    Args:
        in_channels, classes, width, widths: as `vgg16` takes them.
    """
    return _vgg(in_channels, classes, width, widths, depths=(2, 2, 4, 4, 4))


def _vgg(in_channels: int, classes: int, width: int, widths: Sequence[int] | None, depths: tuple[int, ...]) -> Leveled:
    levels = checked([width * min(2**stage, 8) for stage in range(5)] if widths is None else widths, 5)
    layers: list[nn.Module] = []
    channels = in_channels
    for stage, (outputs, depth) in enumerate(zip(levels, depths, strict=True)):
        if stage:
            layers.append(nn.MaxPool2d(2))
        for _ in range(depth):
            layers += [nn.Conv2d(channels, outputs, kernel_size=3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
            channels = outputs
    network = Leveled(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))
    network.widths = levels
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight)
            assert module.bias is not None
            nn.init.zeros_(module.bias)
    return network
