"""Makes a trained network smaller by all that carries nothing, whatever its mask; in evaluation mode nothing changes.

Gone are channels that nothing reads, channels that are zero for every image, and channels of another constant. The
bias of a layer that reads such a constant takes it up. Where the layer pads with zeros, no bias can stand for it, for
at the border part of it is missing: one constant channel of those then stays, and carries the others with it.

Source: the ideas are folklore; borders and carriers are worked out here.
Note: for evaluation mode. A constant would move if it were trained, and with it what is folded.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from cellprune.errors import CellpruneError
from cellprune.structure.agreeing import require_masks_of
from cellprune.structure.channels import Channels
from cellprune.structure.comparing import Standing, random_inputs, require_same
from cellprune.structure.constants import constant_inputs, is_even
from cellprune.structure.copying import copied_with
from cellprune.structure.layers import across_groups, as_weight, kernels, weighted_layers
from cellprune.structure.levels import count_gone, weights_of_levels
from cellprune.structure.nested import tensors_of
from cellprune.structure.positions import Positions
from cellprune.structure.sample import smallest_sample
from cellprune.structure.shrink import cut, masked
from cellprune.structure.standing_in import as_it_was, copies, looking
from cellprune.structure.trace import find

_CARRIES = "carries the constants of its layer to one that pads with zeros"
_LAST = "is the last channel of its layer"
_TIED = "is one channel with others that carry something"
_FIXED = "is given by the network, or read by what is not followed"


@dataclass(frozen=True)
class Stayed:
    """Channels of a compacted network that depend on no input, and why they are there.

    Attributes:
        layer: name of the layer that makes them.
        channels: which of those that it makes.
        why: a clause without its subject.
    """

    layer: str
    channels: tuple[int, ...]
    why: str


@dataclass(frozen=True)
class Compacted:
    """A smaller network of the same function.

    Attributes:
        network: it.
        positions: where the network has what it kept; its values may be others.
        stayed: what carries nothing and had to stay.
        stopped_by: the operations that keep channels because their effect is not known.
    """

    network: nn.Module
    positions: Positions
    stayed: tuple[Stayed, ...]
    stopped_by: tuple[str, ...]


def compact(model: nn.Module, inputs: object, masks: Mapping[str, Tensor] | None = None) -> nn.Module:
    """Make a smaller network of the same function, in evaluation mode, for images of any size.

    Args:
        model: a trained network whose forward names no number of channels; it is left as it was.
        inputs: what the model takes, one sample or more, floating.
        masks: parameter name -> bool, True = kept, of single weights or of channels; None where the removed weights are
            zero already.
    Returns:
        A new network of the same class and in the same modes, in which removed weights are zero. It was compared with
        the masked network on random inputs.
    Raises:
        CellpruneError: masks of another network; inputs that are whole numbers; a forward that names its channels.
    Example:
        >>> import torch
        >>> from torch import nn
        >>> from cellprune import compact
        >>> model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Conv2d(8, 2, 3))
        >>> masks = {"0.weight": (torch.arange(8) < 3).view(8, 1, 1, 1).expand(8, 1, 3, 3)}
        >>> compact(model, torch.randn(1, 1, 16, 16), masks)[0]
        Conv2d(1, 3, kernel_size=(3, 3), stride=(1, 1))
    """
    return compacted(model, inputs, masks).network


def compacted(model: nn.Module, inputs: object, masks: Mapping[str, Tensor] | None = None) -> Compacted:
    """Do what `compact` does, and say what stayed although it carries nothing."""
    require_masks_of(model, masks or {})
    if not all(tensor.is_floating_point() for tensor in tensors_of(inputs)):
        raise CellpruneError(
            "the inputs are whole numbers, which cannot be followed: give floating ones; a network that takes no "
            "others stays as it is"
        )
    inputs = smallest_sample(model, inputs)
    with as_it_was(model):  # with which the copies may share what cannot be copied
        network = copied_with(model, masked(dict(model.named_parameters()), masks or {}))
        positions = Positions.whole()
        while True:  # what is gone may have been all that read another channel
            step = _Step(network, inputs)
            if not step.goes.any():
                return Compacted(network, positions.lost(), step.stayed(), step.channels.stopped_by)
            network, positions = step.smaller(), positions.then(step.positions)


class _Step:
    """One look at a network: which channels go, which carry constants, which stay though nothing needs them.

    Attributes:
        channels: of the network.
        goes: (channels.count,) bool.
    """

    def __init__(self, network: nn.Module, inputs: object) -> None:
        self.network, self.inputs = network, inputs
        self.channels = find(network, inputs)
        self.tensors = copies(network, dtype=torch.float64)
        self.readers = _readers(network, self.channels, self.tensors, constant_inputs(network, self.tensors, inputs))
        # one place more than there are channels, -1, for all that stays in any case
        self.alive = self._needed(self._nothing(), lambda reader: reader.varies | reader.carried)
        needed = self._read(self.alive, lambda reader: reader.varies)
        self.constant = self.alive & ~needed  # what is read as constants alone, by layers that cannot take them up
        self.carriers = self._carriers()
        self.useless = ~self.alive | (self.constant & ~self.carriers)
        self.last = self._last()
        self.goes = (self.useless & ~self.last)[:-1]

    @property
    def positions(self) -> Positions:
        """Where the network has the channels that stay."""
        return self.channels.positions(~self.goes)

    def smaller(self) -> nn.Module:
        """Give the network without the channels that go, compared with this one."""
        for reader in self.readers:
            self._take_up(reader)
        own = dict(self.network.named_parameters()) | dict(self.network.named_buffers())
        changed = {name: self.tensors[name].to(tensor.dtype) for name, tensor in own.items()}
        network = cut(self.network, self.positions, changed)
        whole, small = (Standing(n, copies(n)) for n in (self.network, network))
        for times in (1, 2):
            sample = random_inputs(self.inputs, times=times)
            if times == 1 or _takes(self.network, sample):
                require_same(whole, small, sample, self.channels, ~self.goes, ~self.useless[:-1])
        return network

    def stayed(self) -> tuple[Stayed, ...]:
        """Say which channels have no weights and are there, layer by layer."""
        stayed = []
        for reader in self.readers:
            empty = ~self._kernels(reader).flatten(1).any(1)
            fixed, makes = reader.makes < 0, reader.makes
            whys = {_FIXED: fixed, _CARRIES: self.carriers[makes], _LAST: self.last[makes]}
            whys[_TIED] = torch.ones_like(fixed)
            for why, are in whys.items():
                if (these := empty & are).any():
                    layer = reader.name.removesuffix(".weight")
                    stayed.append(Stayed(layer, tuple(these.nonzero().squeeze(1).tolist()), why))
                empty = empty & ~are
        return tuple(stayed)

    def _nothing(self) -> Tensor:
        return torch.zeros(self.channels.count + 1, dtype=torch.bool)

    def _read(self, alive: Tensor, edges: Callable[["_Reader"], Tensor]) -> Tensor:
        """Mark the channels that something alive reads along some edges."""
        read = self._nothing()
        read[-1] = True
        for reader in self.readers:
            read[reader.reads[edges(reader)[alive[reader.makes]].any(0)]] = True
        return read

    def _needed(self, alive: Tensor, edges: Callable[["_Reader"], Tensor]) -> Tensor:
        """Mark the channels from which edges lead to what stays."""
        alive[-1] = True
        while not torch.equal(more := alive | self._read(alive, edges), alive):
            alive = more
        return alive

    def _carriers(self) -> Tensor:
        """Choose among the constants, for each group of each layer that cannot take them up, one that stays."""
        carriers = self._nothing()
        for reader in self.readers:
            wanted = reader.carried[self.alive[reader.makes]].any(0) & self.constant[reader.reads]
            stays_there = ~self.constant | carriers
            for columns in reader.groups():
                there = stays_there[reader.reads[columns]] & self.alive[reader.reads[columns]]
                if wanted[columns].any() and not (there & (reader.sizes[columns] > 0)).any():
                    largest = torch.where(wanted[columns], reader.sizes[columns], 0.0).argmax()
                    carriers[reader.reads[columns][largest]] = True
                    stays_there = ~self.constant | carriers
        return carriers

    def _last(self) -> Tensor:
        """Keep one channel of a layer all of whose channels are useless, unless it goes with its level."""
        last = self._nothing()
        levels = weights_of_levels(self.network, [reader.name for reader in self.readers])
        empty = self.channels.empty(~self.useless[:-1])
        gone = {name for level in levels[: count_gone(levels, empty)] for name in level}
        for reader in self.readers:
            if reader.name not in gone and (self.useless & ~last)[reader.makes].all():
                last[reader.makes[0]] = True
        return last

    def _kernels(self, reader: "_Reader") -> Tensor:
        return kernels(reader.layer, self.tensors[reader.name])

    def _take_up(self, reader: "_Reader") -> None:
        """Put the constants that a layer reads no more into its bias, or onto the columns of one that stays."""
        if not (reader.varies | reader.carried | reader.folded).any():
            return  # a depthwise layer reads what it makes
        rows, useless = self._kernels(reader).clone(), self.useless[reader.reads]
        outputs = torch.arange(len(rows)).chunk(len(reader.groups()))
        for block, columns in zip(outputs, reader.groups(), strict=True):
            kernel, value, goes = rows[block], reader.value[columns].nan_to_num(nan=0.0), useless[columns]
            if reader.bias is not None:
                self.tensors[reader.bias][block] += torch.einsum("oit,i->o", kernel[:, goes], value[goes])
            else:
                alive = self.alive[reader.makes[block]]
                moved = goes & reader.carried[block][alive].any(0)[columns]
                if moved.any():
                    carrier = torch.where(goes | ~self.alive[reader.reads[columns]], 0.0, value.abs()).argmax()
                    shares = value[moved] / value[carrier]
                    kernel[:, carrier] += torch.einsum("oit,i->ot", kernel[:, moved], shares)
            kernel[:, goes] = 0.0
            rows[block] = kernel
        self.tensors[reader.name] = as_weight(reader.layer, rows, self.tensors[reader.name].shape)


@dataclass(frozen=True)
class _Reader:
    """A weight, what it reads and what it makes.

    Attributes:
        name: of the weight.
        layer: the first layer that uses it.
        bias: name of the bias that can take up what constants add; None where no number can stand for that.
        reads: (inputs,) long, the channel at each; -1 for none.
        makes: (outputs,) long, likewise.
        value: (inputs,) float64, the constant that each is, NaN where it is none.
        nonzero: (outputs, inputs) bool, where the weight leads from one channel to another.
    """

    name: str
    layer: Any
    bias: str | None
    reads: Tensor
    makes: Tensor
    value: Tensor
    nonzero: Tensor

    @property
    def varies(self) -> Tensor:
        """(outputs, inputs) bool, where it reads what depends on the image."""
        return self.nonzero & self.value.isnan()

    @property
    def folded(self) -> Tensor:
        """(outputs, inputs) bool, where it reads a constant that its bias can take up."""
        return self.nonzero & (self.sizes > 0) & (self.bias is not None)

    @property
    def carried(self) -> Tensor:
        """(outputs, inputs) bool, where it reads a constant that its bias cannot take up."""
        return self.nonzero & (self.sizes > 0) & (self.bias is None)

    @property
    def sizes(self) -> Tensor:
        """(inputs,) float64, how large each constant is, 0 where there is none."""
        return self.value.nan_to_num(nan=0.0).abs()

    def groups(self) -> list[Tensor]:
        """Give the inputs of each group."""
        return [*torch.arange(len(self.reads)).chunk(getattr(self.layer, "groups", 1))]


def _readers(
    network: nn.Module, channels: Channels, tensors: Mapping[str, Tensor], values: Mapping[str, Tensor]
) -> list[_Reader]:
    biases, readers = _biases(network), []
    for name, layer in weighted_layers(network).items():
        if name in channels.reads:  # the network calls it
            reads, makes = channels.reads[name], channels.makes[name]
            weights = across_groups(layer, kernels(layer, tensors[name]).abs().amax(2)).cpu()
            nonzero = (weights != 0) & ((makes[:, None] != reads) | (reads < 0))
            readers.append(_Reader(name, layer, biases.get(name), reads, makes, values[name].cpu(), nonzero))
    return readers


def _biases(network: nn.Module) -> dict[str, str]:
    """Give name of a weight -> name of its bias, where a constant that the weight reads is as good as a bias."""
    names = {id(p): name for name, p in network.named_parameters()}
    weights = {id(layer.weight): name for name, layer in weighted_layers(network).items()}
    users: dict[str, list[Any]] = {}
    for module in network.modules():
        if (name := weights.get(id(module._parameters.get("weight")))) is not None:
            users.setdefault(name, []).append(module)
    shared = Counter(id(bias) for layers in users.values() for bias in {layer.bias for layer in layers})
    return {
        name: names[id(layers[0].bias)]
        for name, layers in users.items()
        if all(is_even(layer) and layer.bias is layers[0].bias for layer in layers)
        and layers[0].bias is not None
        and shared[id(layers[0].bias)] == 1
    }


def _takes(network: nn.Module, inputs: object) -> bool:
    try:
        with looking(network):
            network(inputs)
    except Exception:  # whatever it raises at a size that is not its own
        return False
    return True
