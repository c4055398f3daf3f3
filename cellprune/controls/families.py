"""Narrow and flat: families of dense networks, of which a budget names one.

*narrow* is the same network with every level narrower by one factor, as nearly as whole channels allow, *flat* the one
with equal width at every level: where pruning only finds out how wide a network need be, one of the two does as well.
A network that spends less than its budget is an unfair comparison. Of a few channels a level, one more is a large step,
so narrow ones are filled up level by level, to the last channel that fits; flat ones can only be told how near they
come. Where channels are kept in blocks, widths are multiples of a block, too, and narrow ones are filled by blocks.

Source: Frankle et al., ICLR 2021 (arXiv:2009.08576), who ask whether layer widths are all that pruning finds; no paper
has these families.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, partial
from typing import Literal, cast

from torch import nn

from cellprune.config.request import RoundTo
from cellprune.errors import CellpruneError, TooMuchError
from cellprune.models.architecture import Architecture
from cellprune.models.network import Leveled, is_leveled
from cellprune.pruning.ranking.latency import NS, LatencyTable
from cellprune.runs.cost import StandIn, Whole
from cellprune.structure.cost import positions_per_weight
from cellprune.structure.layer_shapes import shapes_of_layers
from cellprune.structure.layers import weighted_layers

Family = Literal["narrow", "flat"]
Shape = Family | Literal["to-density"]
Unit = Literal["params", "macs", "latency"]
Widths = tuple[int, ...]
_GIVEN_BACK = 3  # blocks, at most
_FULL = Fraction(97, 100)  # of a budget: less is an unfair comparison, where blocks allow more


@dataclass(frozen=True)
class Sizing:
    """How a small dense network is measured out.

    Attributes:
        unit: what counts as its cost.
        input_size: (channels, height, width) of an image, for multiply-adds.
        round_to: widths are multiples of it; "auto" takes 16, or 8 for widths below 16, or any below 8.
        table: what layers take, for the unit latency.
    """

    unit: Unit
    input_size: Sequence[int]
    round_to: RoundTo = 1
    table: LatencyTable | None = None

    @property
    def times(self) -> LatencyTable:
        """What layers take."""
        assert self.table is not None, "who asks for latency has timed the layers"
        return self.table

    def cost(self, whole: Architecture, widths: Widths) -> int:
        """Count what the network of such widths costs; time is in nanoseconds."""
        network = whole.with_widths(widths).shapes()
        if self.unit == "latency":
            of_whole, of_this = (shapes_of_layers(one, self.input_size) for one in (whole.shapes(), network))
            return self.times.of_small(of_whole, of_this)
        return spent(network, self.unit, self.input_size)

    def amount(self, cost: int) -> str:
        """Say a cost with its unit."""
        return f"{cost / NS:.3g} ms" if self.unit == "latency" else f"{cost:,} {self.unit}"

    def told(
        self, shape: Shape, whole: Architecture, widths: Widths, target: int, *, of_budget: bool = False
    ) -> StandIn:
        """Set the network of such widths beside what it may cost, and beside the whole network."""
        network = whole.shapes()
        dense = Whole(
            levels_of(whole),
            parameters=spent(network, "params", self.input_size),
            macs=spent(network, "macs", self.input_size),
        )
        return StandIn(shape, self.unit, target, self.cost(whole, widths), widths, dense, of_budget)


def within(family: Family, whole: Architecture, share: Fraction, sizing: Sizing) -> StandIn:
    """Find the largest network of a family within a share of the whole network's cost.

    Args:
        family: "narrow" or "flat".
        whole: the network that it stands for.
        share: of the whole network's cost that may stay, 0 < share <= 1.
    Raises:
        CellpruneError: the network has no levels.
        TooMuchError: the smallest network of the family costs more.
    """
    target = require_affordable(family, whole, share, sizing)
    widths = largest(family, whole, target, sizing)
    return sizing.told(family, whole, widths, target, of_budget=True)


narrow = partial(within, "narrow")
flat = partial(within, "flat")


def require_affordable(family: Family, whole: Architecture, share: Fraction, sizing: Sizing) -> int:
    """Refuse a budget that not even the smallest network of a family fits; give what it allows.

    Args:
        family, whole, share, sizing: as `within` takes them.
    Raises:
        CellpruneError: the network has no levels.
        TooMuchError: says what the smallest one costs.
    """
    target = int(share * sizing.cost(whole, levels_of(whole)))
    allowed = f"a budget of {sizing.unit}={float(share):g} allows"
    require_fit(family, whole, target, sizing, allowed=allowed, mend="give a larger one")
    return target


def apart(family: Family, whole: Architecture, shares: Sequence[Fraction], sizing: Sizing) -> list[Fraction]:
    """Give the shares that have a network of their own, falling.

    Shares below the smallest network have none. Of flat networks there are few, so several shares give the same one: of
    these the smallest share stays. Narrow networks fill their budget, so each share has its own.
    """
    networks = choices(levels_of(whole), family, sizing.round_to)
    cost = cache(partial(sizing.cost, whole))
    dense = cost(levels_of(whole))
    if family == "narrow":
        return sorted((share for share in shares if int(share * dense) >= cost(networks[0])), reverse=True)
    numbered = {_n_within(networks, int(share * dense), cost): share for share in sorted(shares, reverse=True)}
    return [share for n_within, share in numbered.items() if n_within]


def require_fit(family: Family, whole: Architecture, target: int, sizing: Sizing, *, allowed: str, mend: str) -> None:
    """Refuse a target that the smallest network of a family exceeds.

    Args:
        allowed, mend: begin and end the sentence that says so.
    """
    smallest = choices(levels_of(whole), family, sizing.round_to)[0]
    if (cost := sizing.cost(whole, smallest)) > target:
        raise TooMuchError(
            f"{allowed} {sizing.amount(target)}, but the smallest such network, of widths "
            f"{'-'.join(map(str, smallest))}, has {sizing.amount(cost)}: {mend}"
            f"{', or take --round-to 1' if sizing.round_to != 1 else ''}"
        )


def largest(family: Family, whole: Architecture, target: int, sizing: Sizing) -> Widths:
    """Give the widths of the largest network of a family that costs no more than a target, which `require_fit` took."""
    levels = levels_of(whole)
    cost = cache(partial(sizing.cost, whole))
    networks = choices(levels, family, sizing.round_to)
    widths = networks[_n_within(networks, target, cost) - 1]
    return filled(widths, levels, cost, target, sizing.round_to) if family == "narrow" else widths


def _n_within(networks: Sequence[Widths], most: int, cost: Callable[[Widths], int]) -> int:
    """Count the networks, of rising size, that cost no more; looked for from the smallest on.

    In milliseconds the layers of all that is looked at are timed, and a flat network as wide as the deepest level would
    take minutes.
    """
    end = 1
    while end < len(networks) and cost(networks[end - 1]) <= most:
        end *= 2
    return bisect_right(networks, most, hi=min(end, len(networks)), key=cost)


def why_no_levels(architecture: Architecture) -> str:
    """Say why there is no narrow and no flat one of a network; "" where there is."""
    if architecture.own is not None:
        return f"the widths of {architecture.name} stand in its code"
    return "" if is_leveled(architecture.shapes()) else f"model {architecture.name} has no widths to choose"


def levels_of(architecture: Architecture) -> Widths:
    """Give the channels of each level of a network.

    Raises:
        CellpruneError: it has no such notion.
    """
    if why := why_no_levels(architecture):
        raise CellpruneError(
            f"{why}, so there is no narrow or flat one of it: take another --model, --method or --control"
        )
    return cast(Leveled, architecture.shapes()).widths


def choices(levels: Sequence[int], family: Family, round_to: RoundTo = 1) -> list[Widths]:
    """List all networks of one factor or of one width, from the smallest on.

    Each level's width is rounded down, and at least the smallest that there is.
    """
    if family == "flat":
        return [(width,) * len(levels) for width in steps(max(levels), round_to)]
    factors = sorted({Fraction(part, level) for level in levels for part in range(1, level + 1)})
    narrow = (tuple(_at_most(int(factor * level), level, round_to) for level in levels) for factor in factors)
    return [*dict.fromkeys(narrow)]


def spent(network: nn.Module, unit: Literal["params", "macs"], input_size: Sequence[int]) -> int:
    """Count all parameters, or the multiply-adds of an image."""
    if unit == "params":
        return sum(p.numel() for p in network.parameters())
    uses = positions_per_weight(network, input_size)
    weights = dict(network.named_parameters())
    return sum(weights[name].numel() * uses[name] for name in weighted_layers(network))


def filled(
    widths: Widths,
    levels: Sequence[int],
    cost: Callable[[Widths], int],
    target: int,
    round_to: RoundTo = 1,
) -> Widths:
    """Add channels, or blocks of them, while one fits, each to the level that is narrowest beside the whole network's.

    Args:
        widths: where to start, within the target.
        levels: widths of the whole network, which no level exceeds.
        cost: of a network of such widths; it grows with each of them, so a level that is full stays full.
        target: what the network may cost.
        round_to: as `Sizing` takes it. A block is a large step: where what is left is more than 3 %, a level gives one
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
        for down in [step for step in steps(levels[at], round_to) if step < width][-_GIVEN_BACK:]:
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
        step = next(width for width in steps(levels[narrowest], round_to) if width > widths[narrowest])
        wider = (*widths[:narrowest], step, *widths[narrowest + 1 :])
        fits = cost(wider) <= target
        widths = wider if fits else widths
        if not fits or widths[narrowest] == levels[narrowest]:
            open_levels.remove(narrowest)
    return widths


def steps(level: int, round_to: RoundTo) -> list[int]:
    """List the widths that a level may have, from the narrowest on; the whole one is among them."""
    if round_to == "auto":
        return sorted({*range(1, min(8, level) + 1), *range(16, level + 1, 16), level})
    return sorted({*range(round_to, level + 1, round_to), level})


def _at_most(width: int, level: int, round_to: RoundTo) -> int:
    may = steps(level, round_to)
    return may[max(0, bisect_right(may, width) - 1)]
