"""Small dense networks of equal cost, the controls that a pruned network must beat.

A narrow or a flat one spends what the masks leave, where no budget says how much that is (see `families`).
*narrow-to-density* asks the masks for more than a cost: each level is as wide as they leave it.

Source: the last one after Vorabbi et al., 2022 (arXiv:2203.02549), PreCrop: only the layers' densities matter.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import sqrt

import torch
from torch import Tensor, nn

from cellprune.config.request import RoundTo
from cellprune.controls.families import Shape, Sizing, Unit, Widths, largest, levels_of, require_fit, spent, steps
from cellprune.models.architecture import Architecture
from cellprune.pruning.ranking.latency import LatencyTable
from cellprune.runs.cost import StandIn
from cellprune.structure.cost import positions_per_weight
from cellprune.structure.layer_shapes import shapes_of_layers
from cellprune.structure.layers import by_output, weighted_layers

_SHAPES: dict[str, tuple[Shape, Unit]] = {
    "narrow-params": ("narrow", "params"),
    "narrow-macs": ("narrow", "macs"),
    "narrow-latency": ("narrow", "latency"),
    "flat-params": ("flat", "params"),
    "flat-macs": ("flat", "macs"),
    "flat-latency": ("flat", "latency"),
    "narrow-to-density": ("to-density", "macs"),
}


def instead(
    control: str,
    architecture: Architecture,
    masks: Mapping[str, Tensor],
    input_size: Sequence[int],
    round_to: RoundTo = 1,
    table: LatencyTable | None = None,
) -> StandIn:
    """Find the small network that stands in the masked one's place.

    Args:
        control: "narrow" or "flat" and a unit, such as "flat-macs", for the largest one that costs no more; or
            "narrow-to-density", for the one of the masks' widths.
        architecture: of the network that the masks belong to.
        masks: parameter name -> bool, True = kept.
        input_size, round_to, table: as `Sizing` takes them; of latency the masks are of whole channels.
    Raises:
        CellpruneError: the network has no levels.
        TooMuchError: the smallest one has more than the masks keep.
    """
    whole = architecture.shapes()
    shape, unit = _SHAPES[control]
    sizing = Sizing(unit, input_size, round_to, table)
    if unit == "latency":
        target = sizing.times.of_masks(weighted_layers(whole), shapes_of_layers(whole, input_size), masks)
    else:
        uses = positions_per_weight(whole, input_size)
        lost = {name: int((~mask).sum()) * (uses.get(name, 0) if unit == "macs" else 1) for name, mask in masks.items()}
        target = spent(whole, unit, input_size) - sum(lost.values())
    if shape == "to-density":
        widths = _to_density(architecture, masks, round_to)
    else:
        require_fit(shape, architecture, target, sizing, allowed="the masks keep", mend="prune less")
        widths = largest(shape, architecture, target, sizing)
    return sizing.told(shape, architecture, widths, target)


def _to_density(architecture: Architecture, masks: Mapping[str, Tensor], round_to: RoundTo) -> Widths:
    levels = levels_of(architecture)
    left = zip(left_by(masks, architecture), levels, strict=True)
    return tuple(_nearest(width, level, round_to) for width, level in left)


def left_by(masks: Mapping[str, Tensor], architecture: Architecture) -> list[Fraction]:
    """Tell how many channels masks leave at each level, the mean of the layers that make its channels.

    Masks of channels leave the channels that they keep. Masks of single weights leave, of a level whose layers keep a
    share d of their weights, the share sqrt(d) of its channels, so that a dense layer has as many weights.
    """
    whole = architecture.shapes()
    levels = levels_of(architecture)
    layers = weighted_layers(whole)
    by_channel = bool(masks.keys() - layers.keys())
    left = []
    for at, level in enumerate(levels):
        wider = weighted_layers(architecture.with_widths([n + (i == at) for i, n in enumerate(levels)]).shapes())
        own = [name for name, layer in layers.items() if name in masks and _outputs(layer) != _outputs(wider[name])]
        if not own:
            left.append(Fraction(level))
        elif by_channel:
            kept = [int(by_output(layers[name], masks[name]).any(1).sum()) for name in own]
            left.append(Fraction(sum(kept), len(kept)))
        else:
            n_kept, n_weights = (sum(int(count(masks[name])) for name in own) for count in (torch.sum, torch.numel))
            left.append(Fraction(level * sqrt(n_kept / n_weights)))
    return left


def _nearest(width: Fraction, level: int, round_to: RoundTo) -> int:
    """Give the width that a level may have and that is nearest; of two the wider one."""
    return min(steps(level, round_to), key=lambda step: (abs(step - width), -step))


def _outputs(layer: nn.Module) -> int:
    return len(by_output(layer, layer.get_parameter("weight")))
