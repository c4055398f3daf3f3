"""VGG-16 and VGG-19 with batch norm: all convolutions, then a pooling over the whole map and one linear layer.

Source: Simonyan & Zisserman, ICLR 2015 (arXiv:1409.1556), table 1, columns D and E.
Note: the paper's networks have no norm, and are for images of 224 px: a fifth max pooling and three linear layers. The
    form of the pruning literature, for 32 px, has neither, and a bias in each convolution.
"""

from collections.abc import Sequence

from torch import nn

from cellprune.models.levels import Leveled, Stem, checked

_END_PX = 7  # side of the last map, of an image of 224 px
_HIDDEN = 8  # times the last stage's channels


def vgg16(
    *,
    in_channels: int = 3,
    classes: int = 10,
    stem: Stem = "small",
    width: int = 64,
    widths: Sequence[int] | None = None,
) -> Leveled:
    """Build the VGG-16; 14,728,266 parameters by default.

    Args:
        in_channels: channels of the image.
        classes: logits that come out.
        stem: "small", the form for images of 32 px; "large", the paper's with batch norm, for images of 224 px.
        width: channels of the first stage; they double at each stage up to the fourth.
        widths: channels of each of the five stages; they take the place of `width`.
    """
    return _vgg(in_channels, classes, stem, width, widths, depths=(2, 2, 3, 3, 3))


def vgg19(
    *,
    in_channels: int = 3,
    classes: int = 10,
    stem: Stem = "small",
    width: int = 64,
    widths: Sequence[int] | None = None,
) -> Leveled:
    """Build the VGG-19; 20,040,522 parameters by default.

    Args:
        in_channels, classes, stem, width, widths: as `vgg16` takes them.
    """
    return _vgg(in_channels, classes, stem, width, widths, depths=(2, 2, 4, 4, 4))


def _vgg(
    in_channels: int,
    classes: int,
    stem: Stem,
    width: int,
    widths: Sequence[int] | None,
    depths: tuple[int, ...],
) -> Leveled:
    levels = checked([width * min(2**stage, 8) for stage in range(5)] if widths is None else widths, 5)
    layers: list[nn.Module] = []
    channels = in_channels
    for stage, (outputs, depth) in enumerate(zip(levels, depths, strict=True)):
        if stage:
            layers.append(nn.MaxPool2d(2))
        for _ in range(depth):
            layers += [nn.Conv2d(channels, outputs, kernel_size=3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
            channels = outputs
    network = Leveled(*layers, *(_pooled(channels, classes) if stem == "small" else _classified(channels, classes)))
    network.widths = levels
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight)
            assert module.bias is not None
            nn.init.zeros_(module.bias)
    return network


def _pooled(channels: int, classes: int) -> list[nn.Module]:
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes)]


def _classified(channels: int, classes: int) -> list[nn.Module]:
    """The paper's end: a last pooling, and three linear layers that see where on the map something is."""
    hidden = _HIDDEN * channels
    return [
        *(nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(_END_PX), nn.Flatten()),
        *(nn.Linear(channels * _END_PX**2, hidden), nn.ReLU(), nn.Dropout()),
        *(nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout()),
        nn.Linear(hidden, classes),
    ]
