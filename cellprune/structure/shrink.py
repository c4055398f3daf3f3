"""Makes a network smaller by the channels that masks remove: smaller tensors in the same modules.

The masked network multiplies zeros; the smaller one has none to multiply. Both are the same function, have the same
gradients, and train alike, to the rounding of sums in another order. Dropout alone draws otherwise, for its maps have
other shapes.

Source: Fang et al., CVPR 2023 (arXiv:2301.12900), for what must go together; the rest is our own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd

from cellprune.errors import CellpruneError
from cellprune.structure.agreeing import require_masks_of
from cellprune.structure.channels import Channels, Counting
from cellprune.structure.comparing import Standing, drawn, random_inputs, require_same
from cellprune.structure.copying import copied_with
from cellprune.structure.layers import is_transposed, weighted_layers
from cellprune.structure.levels import Deep, count_gone, empty_weights, weights_of_levels
from cellprune.structure.positions import Positions
from cellprune.structure.standing_in import copies
from cellprune.structure.trace import find


def shrink(model: nn.Module, masks: Mapping[str, Tensor], inputs: object) -> nn.Module:
    """Make a network without the channels that masks remove.

    Args:
        model: any network whose forward names no number of channels; it is left as it was.
        masks: parameter name -> bool, True = kept, as `prune(..., granularity="channel")` gives them; a parameter that
            is not named is whole.
        inputs: what the model takes, one sample or more; its size decides nothing but the time.
    Returns:
        A new network of the same class and in the same modes, whose parameters and statistics are the kept ones. It
        was compared with the masked network in evaluation mode, on random inputs, parameters and statistics. Of a
        U-Net, a level whose layers have no channels left goes as a whole, with all that is below it.
    Raises:
        CellpruneError: the masks do not remove whole channels, or leave a layer none; the channels cannot be followed
            (names the operation); a forward names their number (names the module); the two networks differ (names the
            first layer that does).
    Note:
        dropout draws as many numbers as its input has, so a network that has it trains alike in distribution only.
    Example:
        >>> import torch
        >>> from torch import nn
        >>> from cellprune import prune, shrink
        >>> model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 2, 1))
        >>> inputs = torch.randn(2, 1, 16, 16)
        >>> masks = prune(model, method="magnitude", sparsity=0.5, granularity="channel", batches=[(inputs, None)])
        >>> shrink(model, masks, inputs)[0]
        Conv2d(1, 4, kernel_size=(3, 3), stride=(1, 1))
    """
    return shrunk(model, masks, inputs).network


@dataclass(frozen=True)
class Shrunk:
    """A smaller network, and what of the whole one it has, by the parameters that have a mask."""

    network: nn.Module
    positions: Positions


def shrunk(model: nn.Module, masks: Mapping[str, Tensor], inputs: Any) -> Shrunk:
    """Do what `shrink` does, and say what the smaller network has kept."""
    channels = find(model, inputs)
    kept = _kept(model, channels, masks)
    positions = channels.positions(kept)
    small = cut(model, positions, dict(model.named_parameters()) | dict(model.named_buffers()))
    own, sample = copies(model), random_inputs(inputs)
    names = {name for name, _ in [*small.named_parameters(), *small.named_buffers()]}  # no level that went has any
    # drawn, for a weight of zero would hide what it meets; and as they are, for what is drawn may grow beyond numbers
    for values in (masked(drawn(own, model), masks), masked(own, masks)):
        fewer = {name: tensor for name, tensor in cut_tensors(model, positions, values).items() if name in names}
        require_same(Standing(model, values), Standing(small, fewer), sample, channels, kept, kept)
    return Shrunk(small, positions.named(masks))


def masked(tensors: Mapping[str, Tensor], masks: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give tensors with zeros where masks say so."""
    pruned = {name: tensors[name].detach().masked_fill(~mask.to(tensors[name].device), 0.0)
              for name, mask in masks.items()}  # fmt: skip
    return dict(tensors) | pruned


def cut(model: nn.Module, positions: Positions, tensors: Mapping[str, Tensor]) -> nn.Module:
    """Copy a network without some of its channels.

    Args:
        model: the network; it is left as it was.
        positions: what stays of it.
        tensors: name -> the network's parameters and buffers, or others of the same shapes in their place.
    """
    small = copied_with(model, cut_tensors(model, positions, tensors))
    modules = dict(small.named_modules())
    for before, after in zip(model.modules(), small.modules(), strict=True):
        _count_weights(before, after)
    for name, passed in positions.passes.items():
        _count_channels(modules[name], int(passed.sum()))
    for name, (read, made) in positions.counted.items():
        counting = modules[name]
        assert isinstance(counting, Counting)
        counting.keep_channels(read, made)
    if levels := count_gone(weights_of_levels(model, weighted_layers(model)), empty_weights(positions.of)):
        assert isinstance(small, Deep), "it has levels"
        small.leave_out_levels(levels)
    return small


def cut_tensors(model: nn.Module, positions: Positions, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give the parameters and buffers of the smaller network; as `cut` takes them."""
    axes = {name: dict(of) for name, of in positions.of.items()}
    modules, names = dict(model.named_modules()), {id(buffer): name for name, buffer in model.named_buffers()}
    for name, passed in positions.passes.items():  # statistics go with the channels of their norm
        for buffer in modules[name]._buffers.values():
            if buffer is not None and buffer.shape == passed.shape:
                axes[names[id(buffer)]] = {0: passed}
    fewer = dict(tensors)
    for name, of in axes.items():
        for axis, left in of.items():
            fewer[name] = fewer[name].detach().index_select(axis, left.nonzero().squeeze(1).to(fewer[name].device))
    return fewer


def _kept(model: nn.Module, channels: Channels, masks: Mapping[str, Tensor]) -> Tensor:
    require_masks_of(model, masks)
    kept, unfit = channels.kept_by(masks, {name: p.shape for name, p in model.named_parameters()})
    if unfit is not None:
        reasons = "".join(f"; channels are not followed through {operation}" for operation in channels.stopped_by[:3])
        raise CellpruneError(
            f"the mask of {unfit!r} does not remove whole channels that may go{reasons}: give masks that "
            f"prune(..., granularity='channel') chose for this network"
        )
    levels = weights_of_levels(model, channels.makes)
    kept = channels.without_unread(kept, levels)
    empty = channels.empty(kept)
    gone = {name for level in levels[: count_gone(levels, empty)] for name in level}
    for name in channels.makes:
        if name in empty - gone:
            raise CellpruneError(f"the masks leave no channel of {name!r}: keep one at least")
    return kept


def _count_weights(before: nn.Module, layer: Any) -> None:
    """Set a layer's numbers to those of its weight, where that has changed."""
    old, weight = before._parameters.get("weight"), layer._parameters.get("weight")
    if old is None or old.shape == weight.shape:
        return
    if isinstance(layer, nn.Linear):
        layer.out_features, layer.in_features = weight.shape
    elif isinstance(layer, _ConvNd):
        if 1 < layer.groups == layer.in_channels:  # depthwise: a group for each channel that is read
            layer.groups = layer.groups * len(weight) // len(old)
        # the weight's first axis has all groups, its second one of them
        first, second = len(weight), weight.shape[1] * layer.groups
        layer.in_channels, layer.out_channels = (first, second) if is_transposed(layer) else (second, first)


def _count_channels(norm: nn.Module, count: int) -> None:
    if isinstance(norm, _NormBase):
        norm.num_features = count
    elif isinstance(norm, nn.GroupNorm):  # whole groups go
        norm.num_groups = norm.num_groups * count // norm.num_channels
        norm.num_channels = count
    elif isinstance(norm, nn.PReLU) and norm.num_parameters > 1:
        norm.num_parameters = count
