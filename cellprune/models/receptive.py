"""How far a network looks, found without knowing what it is made of: where does a patch of NaN reach?

A NaN passes every convolution, norm, pooling and activation, whatever the weights (0 * NaN is NaN), so what it touches
in the output is all that depends on the patch, in any network of this shape, pruned or not. An instance norm or a
pooling over the whole image carries it everywhere: then there is no bound.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from cellprune.models.network import is_mirroring
from cellprune.runs.modelcard import ReceptiveField
from cellprune.structure.standing_in import looking

_CELL = 64  # the largest stride that is told; every stride that a network of ours has divides it
_REACHES = (256, 1024)  # px looked at on both sides of the patch, near first; a wider field is as good as none


def receptive_field(network: nn.Module, in_channels: int) -> ReceptiveField | None:
    """Measure the receptive field on strips of the image, along both axes.

    Args:
        network: takes (N, in_channels, H, W) and gives maps of that size; it is left as it was.
    Returns:
        None when the network gives no maps, or when what a pixel depends on has no bound of some 1000 px, or is not on
        a grid of 1, 2, 4 ... 64 px.
    """
    # no cuDNN: its faster convolutions carry a NaN to neighbours that it does not reach
    with looking(network), torch.backends.cudnn.flags(enabled=False):
        if network(_zeros(network, (1, in_channels, _CELL, _CELL))).ndim < 4:
            return None
        fields = [_along(axis, network, in_channels) for axis in (-2, -1)]
    if fields[0] is None or fields[1] is None:
        return None
    return ReceptiveField(
        radius_px=max(field.radius_px for field in fields if field),
        stride_px=max(field.stride_px for field in fields if field),
    )


def _along(axis: int, network: nn.Module, in_channels: int) -> ReceptiveField | None:
    for reach in _REACHES:
        begin, end = _touched(network, in_channels, axis, reach, shift=0)
        if begin > 0 and end < 2 * reach + _CELL:
            break
    else:
        return None
    stride = None
    for shift in (2**power for power in range(_CELL.bit_length() - 1, -1, -1)):
        if _touched(network, in_channels, axis, reach, shift=shift) != (begin + shift, end + shift):
            break
        stride = shift
    if stride is None:
        return None
    return ReceptiveField(radius_px=max(reach - begin, end - reach - _CELL, 0), stride_px=stride)


def _touched(network: nn.Module, in_channels: int, axis: int, reach: int, shift: int) -> tuple[int, int]:
    """Give begin and end of what a patch, `reach + shift` px from the strip's start, touches along the axis."""
    # as thin as the network allows; one more cell, so that a shifted patch reaches no further towards the end
    shape = [1, in_channels, *[min(_CELL, network.input_size(1)) if is_mirroring(network) else _CELL] * 2]
    shape[axis] = 2 * reach + 2 * _CELL
    image = _zeros(network, shape)
    image.narrow(axis, reach + shift, _CELL).fill_(float("nan"))
    output: Tensor = network(image)
    other = -1 if axis == -2 else -2
    places = output.isnan().any(1).any(other)[0].nonzero()
    return (int(places[0]), int(places[-1]) + 1) if len(places) else (reach + shift, reach + shift + _CELL)


def _zeros(network: nn.Module, shape: Sequence[int]) -> Tensor:
    parameter = next(network.parameters(), torch.empty(0))
    return torch.zeros(shape, device=parameter.device, dtype=parameter.dtype)
