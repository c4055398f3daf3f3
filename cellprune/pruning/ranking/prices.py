"""What channels cost, alone or in blocks.

A channel costs everything that goes with it: the rows that make it, its bias and norm parameters, and the columns that
read it. As a row and a column cross, that depends on what else is kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Protocol, Self

import torch
from torch import Tensor, nn

from cellprune.pruning.kinds import Nested
from cellprune.pruning.ranking.costs import macs_of_each, sample_size
from cellprune.pruning.ranking.latency import Latencies, LatencyTable
from cellprune.structure.channels import Channels
from cellprune.structure.cost import positions_per_map


@dataclass(frozen=True)
class Part:
    """What costs the product of its sizes: a parameter that channels touch.

    Attributes:
        use: cost of one entry, times the sizes of the axes that no channel touches.
        sizes: of the axes that channels touch, one or two.
        holds: for each of these axes (units,) long, how many of its positions a unit holds.
    """

    use: int
    sizes: Sequence[int]
    holds: Sequence[Tensor]

    def left(self, kept: Tensor) -> list[int]:
        """Give how many positions of each axis stay."""
        return [size - int(held[~kept].sum()) for size, held in zip(self.sizes, self.holds, strict=True)]


@dataclass(frozen=True)
class Prices:
    """Counts what the kept units cost, and what one more or one less would; a unit is a channel, or a block of some.

    Attributes:
        count: how many units there are.
        fixed: what costs the same whatever is kept.
        parts: what does not.
    """

    count: int
    fixed: int
    parts: Sequence[Part]

    @classmethod
    def of(cls, model: nn.Module, channels: Channels, uses: Mapping[str, int]) -> Self:
        """Price single channels.

        Args:
            model: the network.
            channels: those that may go.
            uses: parameter name -> cost of one entry; a parameter that is not in it costs nothing.
        """
        fixed, parts = 0, []
        for name, parameter in model.named_parameters():
            if not (use := uses.get(name, 0)):
                continue
            axes = channels.of.get(name)
            if not axes:
                fixed += use * parameter.numel()
                continue
            beside = prod(size for axis, size in enumerate(parameter.shape) if axis not in axes)
            holds = [torch.bincount(at[at >= 0], minlength=channels.count) for at in axes.values()]
            parts.append(Part(use * beside, [parameter.shape[axis] for axis in axes], holds))
        return cls(channels.count, fixed, parts)

    def together(self, unit_of: Tensor) -> Self:
        """Price larger units.

        Args:
            unit_of: (count,) long, the larger unit that each of these belongs to; they are numbered from 0.
        """
        count = int(unit_of.max()) + 1
        gathered = [[torch.zeros(count, dtype=torch.long).index_add_(0, unit_of, held) for held in part.holds]
                    for part in self.parts]  # fmt: skip
        parts = [replace(part, holds=holds) for part, holds in zip(self.parts, gathered, strict=True)]
        return replace(self, count=count, parts=parts)

    def total(self, kept: Tensor) -> int:
        """Give what the network costs with these units: (count,) bool."""
        return self.fixed + sum(part.use * prod(part.left(kept)) for part in self.parts)

    def each(self, kept: Tensor) -> Tensor:
        """Give what each kept unit would save, were it the next to go: (count,) long."""
        saved = torch.zeros(self.count, dtype=torch.long)
        for part in self.parts:
            left = part.left(kept)
            without = torch.stack([n - held for n, held in zip(left, part.holds, strict=True)]).prod(0)
            saved += part.use * (prod(left) - without)
        return saved

    def added(self, kept: Tensor, unit: int) -> int:
        """Give what one more unit would cost."""
        more = 0
        for part in self.parts:
            if any(int(held[unit]) for held in part.holds):
                left = part.left(kept)
                more += part.use * (
                    prod(n + int(held[unit]) for n, held in zip(left, part.holds, strict=True)) - prod(left)
                )
        return more


class Price(Protocol):
    """What units cost; see `Prices` for each member."""

    @property
    def count(self) -> int: ...
    def together(self, unit_of: Tensor) -> "Price": ...
    def total(self, kept: Tensor) -> int: ...
    def each(self, kept: Tensor) -> Tensor: ...
    def added(self, kept: Tensor, unit: int) -> int: ...


def priced(model: nn.Module, inputs: Nested, channels: Channels, unit: str, table: LatencyTable | None = None) -> Price:
    """Price single channels in a unit.

    Args:
        model: the network.
        inputs: one batch of what it takes; multiply-adds and maps are counted at its size.
        channels: those that may go.
        unit: "channels" (each costs one), "params", "macs", "memory": parameters, and the numbers of one image in the
            maps that convolutions and linear layers make, or "latency": nanoseconds of one image.
        table: what layers take, for "latency"; another unit has no use for it.
    Raises:
        CellpruneError: macs, memory or latency of inputs that are no tensor.
    """
    if unit == "latency":
        assert table is not None, "who asks for latency has a table, if an empty one"
        return Latencies.of(model, channels, sample_size(inputs), table)
    if unit == "channels":
        return Prices(channels.count, 0, [Part(1, [channels.count], [torch.ones(channels.count, dtype=torch.long)])])
    if unit == "macs":
        return Prices.of(model, channels, macs_of_each(model, inputs))
    parameters = Prices.of(model, channels, {name: 1 for name, _ in model.named_parameters()})
    if unit == "params":
        return parameters
    maps = [Part(size, [len(made)], [torch.bincount(made[made >= 0], minlength=channels.count)])
            for name, size in positions_per_map(model, sample_size(inputs)).items()
            if (made := channels.makes.get(name)) is not None]  # fmt: skip
    return replace(parameters, parts=[*parameters.parts, *maps])
