"""What channels cost in time: the sum of what each layer takes by itself, read off a table of measured shapes.

The time of a layer is no product of its channels: processors compute 8 or 16 at a time, and memory sets a floor. So it
is measured, shape by shape, as far as it is asked for. To keep the table small, numbers of channels are rounded up to
what a processor computes at once, and between measured ones the time is interpolated. The sum leaves out what lies
between layers (norms, pooling, copies), so a network that was made by it is to be measured again.

Which shapes can be asked for is known beforehand (`shapes`), so that a table can be filled before anything is scored,
and the same table gives the same masks.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

import torch
from torch import Tensor, nn

from cellprune.structure.channels import Channels
from cellprune.structure.layer_shapes import LayerShape, shapes_of_layers
from cellprune.structure.layers import across_groups, kernels

NS = 1_000_000  # nanoseconds of a millisecond: budgets are counted in whole numbers
_MEASURED = (8, 16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)  # numbers of channels, and the layer's own
_OF_A_GROUP = (1, 2, 4, *_MEASURED)  # where groups are many, a few channels of each are much
Shapes = Mapping[str, Sequence[LayerShape]]
"""Of each call of each layer, under its weight's name."""


@dataclass(frozen=True)
class LatencyTable:
    """Milliseconds of layers, one sample at a time, measured where they are first asked for.

    Attributes:
        measure: shape -> milliseconds, on the machine and in the engine that the table is of.
        entries: `LayerShape.key` -> milliseconds; those that are there are not measured again.
    """

    measure: Callable[[LayerShape], float]
    entries: dict[str, float] = field(default_factory=dict)
    _known: dict[tuple[LayerShape, int, int], int] = field(default_factory=dict, repr=False)

    def nanoseconds(self, whole: LayerShape, inputs: int, outputs: int) -> int:
        """Give the time of a layer that has lost channels.

        Args:
            whole: the layer with all of them.
            inputs, outputs: the numbers that stay.
        """
        if not inputs or not outputs:
            return 0
        asked = whole, inputs, outputs
        if asked not in self._known:
            self._known[asked] = round(sum(share * self._measured(shape) for shape, share in _around(*asked)))
        return self._known[asked]

    def of_masks(self, layers: Mapping[str, nn.Module], whole: Shapes, masks: Mapping[str, Tensor]) -> int:
        """Give the nanoseconds of a network without the channels that masks remove whole.

        Args:
            layers: of the whole network, as `weighted_layers` gives them.
            whole: their shapes, as `shapes_of_layers` gives them.
            masks: parameter name -> bool, True = kept; none for the whole network.
        """
        total = 0
        for name, calls in whole.items():
            if name not in masks:
                total += sum(self.nanoseconds(shape, shape.inputs, shape.outputs) for shape in calls)
                continue
            kept = across_groups(layers[name], kernels(layers[name], masks[name]).any(2))  # (outputs, inputs)
            left = int(kept.any(0).sum()), int(kept.any(1).sum())
            total += sum(self.nanoseconds(shape, *left) for shape in calls)
        return total

    def of_small(self, whole: Shapes, small: Shapes) -> int:
        """Give the nanoseconds of the same network with other numbers of channels.

        Args:
            whole: shapes of the network that the table was made for, as `shapes_of_layers` gives them.
            small: those of one with the same layers.
        """
        return sum(
            self.nanoseconds(shape, less.inputs, less.outputs)
            for name, calls in whole.items()
            for shape, less in zip(calls, small[name], strict=True)
        )

    def _measured(self, shape: LayerShape) -> int:
        if shape.key not in self.entries:
            self.entries[shape.key] = self.measure(shape)
        return round(NS * self.entries[shape.key])


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

    @cached_property
    def kinds(self) -> tuple[Tensor, list[tuple[int, int]], Tensor]:
        """Part the units that the layer reads or makes: of thousands few differ in how much of it they hold.

        Returns:
            (n,) long, these units; what each kind holds, inputs and outputs; (n,) long, the kind of each unit.
        """
        held = torch.stack([self.reads, self.makes], dim=1)
        touched = held.any(1).nonzero().squeeze(1)
        kinds, kind_of = held[touched].unique(dim=0, return_inverse=True)
        return touched, [(read, made) for read, made in kinds.tolist()], kind_of

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

        def positions(at: Tensor) -> Tensor:
            return torch.bincount(at[at >= 0], minlength=channels.count)

        layers = []
        for name, calls in shapes_of_layers(model, input_size).items():
            reads, makes = (positions(of.get(name, nothing)) for of in (channels.reads, channels.makes))
            layers += [Timed(shape, reads, makes) for shape in calls]
        return cls(channels.count, layers, table)

    def shapes(self) -> dict[str, LayerShape]:
        """Give every shape, under its key, that any choice of these units can ask the table for."""
        return {
            shape.key: shape
            for one in self.layers
            for shape in _grid(one.shape, bool(one.reads.any()), bool(one.makes.any()))
        }

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
            touched, kinds, kind_of = one.kinds
            fewer = [(max(0, inputs - read), max(0, outputs - made)) for read, made in kinds]
            less = [now - self.table.nanoseconds(one.shape, *numbers) for numbers in fewer]
            saved[touched] += torch.tensor(less, dtype=torch.long)[kind_of]
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


def _around(whole: LayerShape, inputs: int, outputs: int) -> Iterator[tuple[LayerShape, float]]:
    """Give the measured shapes around one, and how much each counts.

    Args:
        whole: the layer with all channels.
        inputs, outputs: that stay.
    """
    groups = whole.groups
    if _is_depthwise(whole):
        yield from ((_depthwise(whole, n), share) for n, share in _between(inputs, whole.inputs, _MEASURED))
        return
    known, most = (_MEASURED if groups == 1 else _OF_A_GROUP), (whole.inputs // groups, whole.outputs // groups)
    for n_in, share_in in _between(-(-inputs // groups), most[0], known):
        for n_out, share_out in _between(-(-outputs // groups), most[1], known):
            yield replace(whole, inputs=groups * n_in, outputs=groups * n_out), share_in * share_out


def _grid(whole: LayerShape, loses_inputs: bool, loses_outputs: bool) -> Iterator[LayerShape]:
    """Give all shapes that `_around` can give."""
    groups = whole.groups
    known = _MEASURED if groups == 1 or _is_depthwise(whole) else _OF_A_GROUP

    def numbers(most: int, loses: bool) -> list[int]:
        return [n for n in known if n < most and loses] + [most]

    if _is_depthwise(whole):
        yield from (_depthwise(whole, n) for n in numbers(whole.inputs, loses_inputs))
        return
    for n_in in numbers(whole.inputs // groups, loses_inputs):
        for n_out in numbers(whole.outputs // groups, loses_outputs):
            yield replace(whole, inputs=groups * n_in, outputs=groups * n_out)


def _is_depthwise(shape: LayerShape) -> bool:
    return shape.groups == shape.inputs > 1


def _depthwise(whole: LayerShape, n: int) -> LayerShape:
    return replace(whole, inputs=n, outputs=n * (whole.outputs // whole.inputs), groups=n)


def _between(n: int, whole: int, known: Sequence[int]) -> list[tuple[int, float]]:
    """Give the measured numbers of channels around one, and how much each counts.

    Args:
        n: channels that stay; of a network that is wider at some level perhaps more than there are.
        whole: channels that there are.
        known: numbers that are measured, beside the whole.
    """
    if n != whole and known is _MEASURED:  # a processor computes them all
        filled = 8 if n <= 8 else -(-n // 16) * 16
        n = min(whole, filled) if n < whole else filled
    below = max((number for number in (*known, whole) if number <= n), default=n)
    above = min((number for number in (*known, whole) if number >= n), default=n)
    if below == above:
        return [(n, 1.0)]
    share = (n - below) / (above - below)
    return [(below, 1 - share), (above, share)]
