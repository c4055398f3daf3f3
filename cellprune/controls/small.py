"""Small dense networks of equal cost, the controls that a pruned network must beat.

*narrow* is the same network with every level narrower by one factor, as nearly as whole channels allow, *flat* the one
with equal width at every level: where pruning only finds out how wide a network need be, one of the two does as well.
A control that spends less than its budget is an unfair one. Of a few channels a level, one more is a large step, so
narrow ones are filled up level by level, to the last channel that fits; flat ones can only be told how near they come.
Where masks keep channels in blocks, widths are multiples of a block, too, and narrow ones are filled block by block.

*narrow-to-density* asks the masks for more than a cost: each level is as wide as they leave it.

Source: the last one after Vorabbi et al., 2022 (arXiv:2203.02549), PreCrop: only the layers' densities matter.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import cache
from math import sqrt
from typing import Literal

import torch
from torch import Tensor, nn

from cellprune.config.request import RoundTo
from cellprune.errors import CellpruneError, TooMuchError
from cellprune.models.architecture import Architecture
from cellprune.models.network import is_leveled
from cellprune.pruning.ranking.latency import NS, LatencyTable
from cellprune.runs.cost import StandIn, Whole
from cellprune.structure.cost import positions_per_weight
from cellprune.structure.layer_shapes import shapes_of_layers
from cellprune.structure.layers import by_output, weighted_layers

Shape = Literal["narrow", "flat", "to-density"]
Unit = Literal["params", "macs", "latency"]
_SHAPES: dict[str, tuple[Shape, Unit]] = {
    "narrow-params": ("narrow", "params"),
    "narrow-macs": ("narrow", "macs"),
    "narrow-latency": ("narrow", "latency"),
    "flat-params": ("flat", "params"),
    "flat-macs": ("flat", "macs"),
    "flat-latency": ("flat", "latency"),
    "narrow-to-density": ("to-density", "macs"),
}
Widths = tuple[int, ...]
_GIVEN_BACK = 3  # blocks, at most
_FULL = Fraction(97, 100)  # of a budget: less is an unfair control, where blocks allow more


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
        input_size: (channels, height, width) of an image, for multiply-adds.
        round_to: widths are multiples of it; "auto" takes 16, or 8 for widths below 16, or any below 8.
        table: what layers take, for the unit latency, whose masks are of whole channels.
    Raises:
        CellpruneError: the network has no levels.
        TooMuchError: the smallest one has more than the masks keep.
    """
    whole = architecture.shapes()
    levels = levels_of(whole, architecture.name)
    shape, unit = _SHAPES[control]
    if unit == "latency":
        assert table is not None, "who asks for latency has timed the layers"
        cost, target = _times(architecture, masks, input_size, table)
    else:
        uses = positions_per_weight(whole, input_size)
        lost = {name: int((~mask).sum()) * (uses.get(name, 0) if unit == "macs" else 1) for name, mask in masks.items()}
        target = spent(whole, unit, input_size) - sum(lost.values())

        def cost(widths: Widths) -> int:
            return spent(architecture.with_widths(widths).shapes(), unit, input_size)

    if shape == "to-density":
        widths = tuple(_nearest(width, level, round_to)
                       for width, level in zip(left_by(masks, architecture), levels, strict=True))  # fmt: skip
    else:
        widths = _largest(choices(levels, shape, round_to), cost, unit, target, round_to)
    if shape == "narrow":
        widths = filled(widths, levels, cost, target, round_to)
    achieved = cost(widths)
    dense = Whole(levels, spent(whole, "params", input_size), spent(whole, "macs", input_size))
    return StandIn(shape, unit, target, achieved, widths, dense)


def _times(
    architecture: Architecture, masks: Mapping[str, Tensor], input_size: Sequence[int], table: LatencyTable
) -> tuple[Callable[[Widths], int], int]:
    """Give what a network of given widths takes, by a table of layers, and what the masked one does, in nanoseconds."""
    whole = architecture.shapes()
    shapes = shapes_of_layers(whole, input_size)

    def cost(widths: Widths) -> int:
        return table.of_small(shapes, shapes_of_layers(architecture.with_widths(widths).shapes(), input_size))

    return cost, table.of_masks(weighted_layers(whole), shapes, masks)


def has_levels(architecture: Architecture) -> bool:
    """Tell whether there is a narrow and a flat one of a network."""
    return is_leveled(architecture.shapes())


def levels_of(network: nn.Module, name: str) -> tuple[int, ...]:
    """Give the channels of each level of the network of that name.

    Raises:
        CellpruneError: it has no such notion.
    """
    if not is_leveled(network):
        raise CellpruneError(
            f"model {name!r} has no widths to choose, so there is no narrow or flat one of it: "
            "take another --model, or remove --control"
        )
    return network.widths


def choices(levels: Sequence[int], shape: Shape, round_to: RoundTo = 1) -> list[tuple[int, ...]]:
    """List all networks of one factor or of one width, from the smallest on.

    Each level's width is rounded down, and at least the smallest that there is.
    """
    if shape == "flat":
        return [(width,) * len(levels) for width in _steps(max(levels), round_to)]
    factors = sorted({Fraction(part, level) for level in levels for part in range(1, level + 1)})
    narrow = (tuple(_at_most(int(factor * level), level, round_to) for level in levels) for factor in factors)
    return [*dict.fromkeys(narrow)]


def left_by(masks: Mapping[str, Tensor], architecture: Architecture) -> list[Fraction]:
    """Tell how many channels masks leave at each level, the mean of the layers that make its channels.

    Masks of channels leave the channels that they keep. Masks of single weights leave, of a level whose layers keep a
    share d of their weights, the share sqrt(d) of its channels, so that a dense layer has as many weights.
    """
    whole = architecture.shapes()
    levels = levels_of(whole, architecture.name)
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


def spent(network: nn.Module, unit: Literal["params", "macs"], input_size: Sequence[int]) -> int:
    """Count all parameters, or the multiply-adds of an image."""
    if unit == "params":
        return sum(p.numel() for p in network.parameters())
    uses = positions_per_weight(network, input_size)
    weights = dict(network.named_parameters())
    return sum(weights[name].numel() * uses[name] for name in weighted_layers(network))


def filled(
    widths: tuple[int, ...],
    levels: Sequence[int],
    cost: Callable[[tuple[int, ...]], int],
    target: int,
    round_to: RoundTo = 1,
) -> tuple[int, ...]:
    """Add channels, or blocks of them, while one fits, each to the level that is narrowest beside the whole network's.

    Args:
        widths: where to start, within the target.
        levels: widths of the whole network, which no level exceeds.
        cost: of a network of such widths; it grows with each of them, so a level that is full stays full.
        target: what the network may cost.
        round_to: as `instead` takes it. A block is a large step: where what is left is more than 3 %, a level gives one
            back, if others can then be filled up to more.
    Returns:
        Widths to which no single channel, or block, can be added; of levels that are equally narrow the first is wider.
    """
    cost = cache(cost)
    widths = _topped_up(widths, range(len(levels)), levels, cost, target, round_to)
    while round_to != 1 and cost(widths) < _FULL * target:
        best = max(_exchanged(widths, levels, cost, target, round_to), key=cost, default=widths)
        if cost(best) <= cost(widths):
            return widths
        widths = best
    return widths


def _exchanged(
    widths: Widths, levels: Sequence[int], cost: Callable[[Widths], int], target: int, round_to: RoundTo
) -> Iterator[Widths]:
    """Give the networks in which one level gives back some blocks, and others take what that pays for."""
    for at, width in enumerate(widths):
        for down in [step for step in _steps(levels[at], round_to) if step < width][-_GIVEN_BACK:]:
            others = [level for level in range(len(levels)) if level != at]
            taken = _topped_up((*widths[:at], down, *widths[at + 1 :]), others, levels, cost, target, round_to)
            yield _topped_up(taken, range(len(levels)), levels, cost, target, round_to)


def _topped_up(
    widths: Widths,
    among: Iterable[int],
    levels: Sequence[int],
    cost: Callable[[Widths], int],
    target: int,
    round_to: RoundTo,
) -> Widths:
    """Fill some of the levels, step by step."""
    open_levels = {level for level in among if widths[level] < levels[level]}
    while open_levels:
        narrowest = min(open_levels, key=lambda level: (Fraction(widths[level], levels[level]), level))
        step = next(width for width in _steps(levels[narrowest], round_to) if width > widths[narrowest])
        wider = (*widths[:narrowest], step, *widths[narrowest + 1 :])
        fits = cost(wider) <= target
        widths = wider if fits else widths
        if not fits or widths[narrowest] == levels[narrowest]:
            open_levels.remove(narrowest)
    return widths


def _largest(
    networks: Sequence[Widths], cost: Callable[[Widths], int], unit: Unit, target: int, round_to: RoundTo
) -> tuple[int, ...]:
    n_within = bisect_right(networks, target, key=cost)
    if not n_within:
        raise TooMuchError(
            f"the masks keep {_amount(target, unit)}, but the smallest such network, of widths "
            f"{'-'.join(map(str, networks[0]))}, has {_amount(cost(networks[0]), unit)}: prune less"
            f"{', or take --round-to 1' if round_to != 1 else ''}"
        )
    return networks[n_within - 1]


def _amount(n: int, unit: Unit) -> str:
    return f"{n / NS:.3g} ms" if unit == "latency" else f"{n:,} {unit}"


def _steps(level: int, round_to: RoundTo) -> list[int]:
    """List the widths that a level may have, from the narrowest on; the whole one is among them."""
    if round_to == "auto":
        return sorted({*range(1, min(8, level) + 1), *range(16, level + 1, 16), level})
    return sorted({*range(round_to, level + 1, round_to), level})


def _at_most(width: int, level: int, round_to: RoundTo) -> int:
    steps = _steps(level, round_to)
    return steps[max(0, bisect_right(steps, width) - 1)]


def _nearest(width: Fraction, level: int, round_to: RoundTo) -> int:
    """Give the width that a level may have and that is nearest; of two the wider one."""
    return min(_steps(level, round_to), key=lambda step: (abs(step - width), -step))


def _outputs(layer: nn.Module) -> int:
    return len(by_output(layer, layer.get_parameter("weight")))
