"""What channels cost in time: the sum of what each layer takes by itself, read off a table of measured shapes.

The time of a layer is no product of its channels: processors compute 8 or 16 at a time, and memory sets a floor. So it
is measured, shape by shape, as far as it is asked for. To keep the table small, numbers of channels are rounded up to
what a processor computes at once, and between measured ones the time is interpolated. The sum leaves out what lies
between layers (norms, pooling, copies), so a network that was made by it is to be measured again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import torch
from torch import Tensor, nn

from cellprune.structure.channels import Channels
from cellprune.structure.layer_shapes import LayerShape, shapes_of_layers

_NS = 1_000_000  # nanoseconds of a millisecond: budgets are counted in whole numbers
_MEASURED = (8, 16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)  # numbers of channels, and the layer's own


@dataclass(frozen=True)
class LatencyTable:
    """Milliseconds of layers, one sample at a time, measured where they are first asked for.

    Attributes:
        measure: shape -> milliseconds, on the machine and in the engine that the table is of.
        entries: `LayerShape.key` -> milliseconds; those that are there are not measured again.
    """

    measure: Callable[[LayerShape], float]
    entries: dict[str, float] = field(default_factory=dict)

    def nanoseconds(self, whole: LayerShape, inputs: int, outputs: int) -> int:
        """Give the time of a layer that has lost channels.

        Args:
            whole: the layer with all of them.
            inputs, outputs: the numbers that stay.
        """
        if not inputs or not outputs:
            return 0
        if whole.groups > 1:  # whose numbers depend on each other: each shape for itself
            depthwise = whole.groups == whole.inputs
            return self._measured(replace(whole, inputs=inputs, outputs=outputs,
                                          groups=inputs if depthwise else whole.groups))  # fmt: skip
        total = 0.0
        for n_in, share_in in _around(inputs, whole.inputs):
            for n_out, share_out in _around(outputs, whole.outputs):
                total += share_in * share_out * self._measured(replace(whole, inputs=n_in, outputs=n_out))
        return round(total)

    def _measured(self, shape: LayerShape) -> int:
        if shape.key not in self.entries:
            self.entries[shape.key] = self.measure(shape)
        return round(_NS * self.entries[shape.key])


@dataclass(frozen=True)
class Timed:
    """One call of a layer.

    Attributes:
        shape: with all channels.
        reads, makes: (units,) long, how many of its inputs and outputs each unit holds.
    """

    shape: LayerShape
    reads: Tensor
    makes: Tensor

    def left(self, kept: Tensor) -> tuple[int, int]:
        """Give how many inputs and outputs stay."""
        return self.shape.inputs - int(self.reads[~kept].sum()), self.shape.outputs - int(self.makes[~kept].sum())


@dataclass(frozen=True)
class Latencies:
    """Counts the nanoseconds of the kept units, as `prices.Prices` counts what adds up.

    Attributes:
        count: how many units there are.
        layers: each call of each layer.
        table: what a layer takes.
    """

    count: int
    layers: Sequence[Timed]
    table: LatencyTable

    @classmethod
    def of(cls, model: nn.Module, channels: Channels, input_size: Sequence[int], table: LatencyTable) -> Self:
        """Price single channels, for one sample of that size."""
        nothing = torch.full((0,), -1)

        def held(at: Tensor) -> Tensor:
            return torch.bincount(at[at >= 0], minlength=channels.count)

        layers = [Timed(shape, held(channels.reads.get(name, nothing)), held(channels.makes.get(name, nothing)))
                  for name, calls in shapes_of_layers(model, input_size).items() for shape in calls]  # fmt: skip
        return cls(channels.count, layers, table)

    def together(self, unit_of: Tensor) -> Self:
        """Price larger units; as `Prices.together`."""
        count = int(unit_of.max()) + 1

        def gathered(held: Tensor) -> Tensor:
            return torch.zeros(count, dtype=torch.long).index_add_(0, unit_of, held)

        layers = [replace(one, reads=gathered(one.reads), makes=gathered(one.makes)) for one in self.layers]
        return replace(self, count=count, layers=layers)

    def total(self, kept: Tensor) -> int:
        """Give what the network takes with these units: (count,) bool."""
        return sum(self.table.nanoseconds(one.shape, *one.left(kept)) for one in self.layers)

    def each(self, kept: Tensor) -> Tensor:
        """Give what each kept unit would save, were it the next to go: (count,) long."""
        saved = torch.zeros(self.count, dtype=torch.long)
        for one in self.layers:
            inputs, outputs = one.left(kept)
            now = self.table.nanoseconds(one.shape, inputs, outputs)
            for unit in (one.reads + one.makes).nonzero().squeeze(1).tolist():
                fewer = inputs - int(one.reads[unit]), outputs - int(one.makes[unit])
                saved[unit] += now - self.table.nanoseconds(one.shape, max(0, fewer[0]), max(0, fewer[1]))
        return saved

    def added(self, kept: Tensor, unit: int) -> int:
        """Give what one more unit would take."""
        more = 0
        for one in self.layers:
            if int(one.reads[unit]) or int(one.makes[unit]):
                inputs, outputs = one.left(kept)
                with_it = self.table.nanoseconds(
                    one.shape, inputs + int(one.reads[unit]), outputs + int(one.makes[unit])
                )
                more += with_it - self.table.nanoseconds(one.shape, inputs, outputs)
        return more


def _around(n: int, whole: int) -> list[tuple[int, float]]:
    """Give the measured numbers of channels around one, and how much each counts.

    Args:
        n: channels that stay.
        whole: channels that there are.
    """
    if n < whole:  # a processor computes them all
        n = min(whole, 8 if n <= 8 else -(-n // 16) * 16)
    below = max((known for known in (*_MEASURED, whole) if known <= n), default=n)
    above = min((known for known in (*_MEASURED, whole) if known >= n), default=n)
    if below == above:
        return [(n, 1.0)]
    share = (n - below) / (above - below)
    return [(below, 1 - share), (above, share)]
