"""A network made faster for asking it: each batch norm folded into its convolution, channels last in memory.

Only of a network that was loaded to be asked; scoring asks the network that was trained, as it is. Of U-Nets with 16
channels a level it takes 0.56 of the time, of wide ones 0.84.
"""

from copy import deepcopy

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

_PROBE_PX = 64
_CLOSE = 1e-4  # of a logit, as a share of the largest


def folded(network: nn.Module, in_channels: int) -> nn.Module:
    """Give a network that computes the same, but for rounding.

    Args:
        network: in evaluation mode on the CPU, with its values.
        in_channels: of its images.
    Returns:
        The faster one; the network itself where folding makes another one of it, as where something looks at what lies
        between a convolution and its norm.
    """
    fast = deepcopy(network)
    for chain in [module for module in fast.modules() if isinstance(module, nn.Sequential)]:
        for at in range(len(chain) - 1):
            convolution, norm = chain[at], chain[at + 1]
            if type(convolution) is nn.Conv2d and isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None:
                chain[at] = fuse_conv_bn_eval(convolution, norm)
                chain[at + 1] = nn.Identity()
    fast.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    probe = torch.randn(1, in_channels, _PROBE_PX, _PROBE_PX, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        ours, theirs = fast(probe), network(probe)
    return fast if (ours - theirs).abs().max() <= _CLOSE * theirs.abs().max() else network
