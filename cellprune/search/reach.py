"""Which ratios a method can reach, and in blocks of how many channels: settled before the first training.

Single weights reach every ratio, single channels nearly every one; those that they cannot reach fail by themselves.
Blocks of channels end earlier, and of flat networks there are few. A grid of ratios that cannot be reached, or that are
one network under several names, would cost trainings and claim nothing.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

from cellprune import tasks
from cellprune.config.names import is_dense_family
from cellprune.config.schema import Settings
from cellprune.config.search import Search
from cellprune.config.shares import COSTS
from cellprune.controls import families
from cellprune.controls.families import Family, Sizing, Unit
from cellprune.errors import CellpruneError
from cellprune.models.architecture import Architecture
from cellprune.pruning.prunable import prunable
from cellprune.pruning.ranking import whole_channels
from cellprune.pruning.ranking.latency import LatencyTable
from cellprune.pruning.ranking.prices import priced
from cellprune.report.formatting import share as as_share
from cellprune.report.sentences import NAMES_OF_UNITS, widths
from cellprune.search.judge.grid import RATIOS, grid
from cellprune.structure.layers import ones

_ENOUGH = Fraction(1, 4)  # blocks must reach it to be the usual choice: a confirmation then has its three ratios


@dataclass(frozen=True)
class Reach:
    """What a method can reach.

    Attributes:
        settings: of a training, with the size of blocks that is taken where none was asked for.
        ratios: that it can reach, rising.
        limit: why there are no higher ones, a sentence; "" where any may be asked.
    """

    settings: Settings
    ratios: tuple[float, ...] = RATIOS
    limit: str = ""

    def grid(self, low: float, high: float) -> tuple[float, ...]:
        """Give the ratios between low and high, rising.

        Raises:
            CellpruneError: none lies between.
        """
        if self.limit and not any(ratio >= low for ratio in self.ratios):
            highest = f"the highest ratio is {self.ratios[-1]:g}" if self.ratios else "no ratio at all can be reached"
            raise CellpruneError(f"no ratio from {low:g} on (--low) can be tried: {highest}, because {self.limit}")
        return grid(low, high, self.ratios)


def reach(settings: Settings, search: Search, data_root: Path | None, table: LatencyTable | None = None) -> Reach:
    """Settle what a search can ask of a method.

    Args:
        table: what layers take, for the unit latency.
    Raises:
        CellpruneError: a network without levels for a dense family, or without channels; blocks larger than a layer.
    """
    pruning, by_time = settings.pruning, search.unit == "latency"
    if search.unit not in COSTS or pruning.granularity != "channel":
        return Reach(settings)
    network, size = whole_network(settings, data_root)
    if is_dense_family(pruning.method):
        sizing = Sizing(cast(Unit, search.unit), size, pruning.round_to, table)
        return _of_family(settings, cast(Family, pruning.method), network, sizing)
    if pruning.round_to == 1 and not by_time:
        return Reach(settings)
    whole = network.build()
    inputs = ones(whole, size)
    channels = whole_channels.removable(whole, inputs, prunable(whole, pruning.exclude))
    prices, floor = priced(whole, inputs, channels, search.unit, table), Fraction(str(pruning.floor))
    least = whole_channels.smallest(channels, prices, pruning.round_to, floor)
    if pruning.round_to == "auto" and least > _ENOUGH and not by_time:  # one channel takes as long as a block
        return Reach(settings.model_copy(update={"pruning": pruning.model_copy(update={"round_to": 1})}))
    keeps = f"the smallest network keeps {as_share(float(least))} of the {NAMES_OF_UNITS[search.unit]}"
    blocks = "16" if pruning.round_to == "auto" else pruning.round_to
    single = ", each of which takes about as long as a block" if by_time else ""
    limit = f"in blocks of {blocks} channels {keeps}; --round-to 1 removes single channels{single}"
    if pruning.round_to == 1:
        limit = f"{keeps}, with one channel of each layer"
    return Reach(settings, tuple(ratio for ratio in RATIOS if _kept(ratio) >= least), limit)


def whole_network(settings: Settings, data_root: Path | None) -> tuple[Architecture, tuple[int, int, int]]:
    """Give the network that nothing is taken from, and (channels, height, width) of what it takes."""
    task = tasks.of(settings)
    frames = task.open(settings.data, data_root)
    outputs = task.outputs(frames, settings.data)
    architecture = Architecture.of(settings.model, in_channels=frames.channels, classes=outputs)
    return architecture, task.input(frames, settings.data)


def _of_family(settings: Settings, family: Family, whole: Architecture, sizing: Sizing) -> Reach:
    shares = {_kept(ratio): ratio for ratio in RATIOS}
    ratios = tuple(shares[share] for share in families.apart(family, whole, [*shares], sizing))
    levels = families.levels_of(whole)
    smallest = families.choices(levels, family, sizing.round_to)[0]
    least = as_share(sizing.cost(whole, smallest) / sizing.cost(whole, levels))
    keeps = f"keeps {least} of the {NAMES_OF_UNITS[sizing.unit]}"
    return Reach(settings, ratios, f"the smallest {family} network, of {widths(smallest)}, {keeps}")


def _kept(ratio: float) -> Fraction:
    return 1 - Fraction(str(ratio))
