"""Small dense networks of equal cost, the controls that a pruned network must beat.

*narrow* is the same network with every level narrower by one factor, as nearly as whole channels allow, *flat* the one
with equal width at every level: where pruning only finds out how wide a network need be, one of the two does as well.
A control that spends less than its budget is an unfair one. Of a few channels a level, one more is a large step, so
narrow ones are filled up level by level, to the last channel that fits; flat ones can only be told how near they come.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Literal, cast

from torch import Tensor, nn

from cellprune.errors import CellpruneError, TooMuchError
from cellprune.models.architecture import Architecture
from cellprune.models.network import is_leveled
from cellprune.runs.cost import StandIn, Whole
from cellprune.structure.cost import positions_per_weight
from cellprune.structure.layers import weighted_layers

Shape = Literal["narrow", "flat"]
Unit = Literal["params", "macs"]


def instead(
    control: str, architecture: Architecture, masks: Mapping[str, Tensor], input_size: Sequence[int]
) -> StandIn:
    """Find the largest small network that costs no more than the masked one.

    Args:
        control: "narrow-params", "narrow-macs", "flat-params" or "flat-macs".
        architecture: of the network that the masks belong to.
        masks: parameter name -> bool, True = kept.
        input_size: (channels, height, width) of an image, for multiply-adds.
    Raises:
        CellpruneError: the network has no levels.
        TooMuchError: the smallest one has more than the masks keep.
    """
    shape, unit = cast(tuple[Shape, Unit], control.split("-"))
    whole = architecture.shapes()
    levels = levels_of(whole, architecture.name)
    uses = positions_per_weight(whole, input_size)
    lost = {name: int((~mask).sum()) * (uses.get(name, 0) if unit == "macs" else 1) for name, mask in masks.items()}
    target = spent(whole, unit, input_size) - sum(lost.values())

    def cost(widths: tuple[int, ...]) -> int:
        return spent(architecture.with_widths(widths).shapes(), unit, input_size)

    widths = _largest(choices(levels, shape), cost, unit, target)
    if shape == "narrow":
        widths = filled(widths, levels, cost, target)
    achieved = cost(widths)
    dense = Whole(levels, spent(whole, "params", input_size), spent(whole, "macs", input_size))
    return StandIn(shape, unit, target, achieved, widths, dense)


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


def choices(levels: Sequence[int], shape: Shape) -> list[tuple[int, ...]]:
    """List all networks of one factor or of one width, from the smallest on.

    Each level's width is rounded down, and at least 1.
    """
    if shape == "flat":
        return [(width,) * len(levels) for width in range(1, max(levels) + 1)]
    factors = sorted({Fraction(part, level) for level in levels for part in range(1, level + 1)})
    return [tuple(max(1, int(factor * level)) for level in levels) for factor in factors]


def spent(network: nn.Module, unit: Unit, input_size: Sequence[int]) -> int:
    """Count all parameters, or the multiply-adds of an image."""
    if unit == "params":
        return sum(p.numel() for p in network.parameters())
    uses = positions_per_weight(network, input_size)
    weights = dict(network.named_parameters())
    return sum(weights[name].numel() * uses[name] for name in weighted_layers(network))


def filled(
    widths: tuple[int, ...], levels: Sequence[int], cost: Callable[[tuple[int, ...]], int], target: int
) -> tuple[int, ...]:
    """Add channels one by one while one fits, each to the level that is narrowest beside the whole network's.

    Args:
        widths: where to start, within the target.
        levels: widths of the whole network, which no level exceeds.
        cost: of a network of such widths; it grows with each of them, so a level that is full stays full.
        target: what the network may cost.
    Returns:
        Widths to which no single channel can be added; of levels that are equally narrow the first is wider.
    """
    open_levels = {level for level, width in enumerate(widths) if width < levels[level]}
    while open_levels:
        narrowest = min(open_levels, key=lambda level: (Fraction(widths[level], levels[level]), level))
        wider = tuple(width + (level == narrowest) for level, width in enumerate(widths))
        fits = cost(wider) <= target
        widths = wider if fits else widths
        if not fits or widths[narrowest] == levels[narrowest]:
            open_levels.remove(narrowest)
    return widths


def _largest(
    networks: Sequence[tuple[int, ...]], cost: Callable[[tuple[int, ...]], int], unit: Unit, target: int
) -> tuple[int, ...]:
    n_within = bisect_right(networks, target, key=cost)
    if not n_within:
        raise TooMuchError(
            f"the masks keep {target:,} {unit}, but even one channel a level has {cost(networks[0]):,}: prune less"
        )
    return networks[n_within - 1]
