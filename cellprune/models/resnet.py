"""The ResNet-20 for 32 x 32 images, with shortcuts that carry no parameters.

Source: He, Zhang, Ren, Sun, CVPR 2016 (arXiv:1512.03385), section 4.2, shortcut option A.
"""

from torch import Tensor, nn
from torch.nn import functional as F


def build(*, in_channels: int = 3, classes: int = 10, width: int = 16) -> nn.Sequential:
    """Build the ResNet-20: a stem, three stages of three blocks, one linear layer; 269,722 parameters by default.

    Args:
        in_channels: channels of the image.
        classes: logits that come out.
        width: channels of the first stage; the second and third have two and four times as many.
    """
    blocks = []
    channels = width
    for stage in range(3):
        for block in range(3):
            outputs = width * 2**stage
            blocks.append(Block(channels, outputs, stride=2 if stage > 0 and block == 0 else 1))
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
    """Two 3x3 convolutions beside a shortcut; the shortcut drops every second pixel and adds channels of zeros."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.missing = outputs - inputs
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
        shortcut = x[..., :: self.stride, :: self.stride]
        before = self.missing // 2
        shortcut = F.pad(shortcut, (0, 0, 0, 0, before, self.missing - before))
        return self.relu(self.residual(x) + shortcut)
