"""Which channels live and die together: one pass of one sample tells, with every number marked by where it came from.

A channel is one index of a layer's outputs with everything that must go with it: the rows that make it, its bias and
norm parameters, and the columns that read it. Additions and products tie the channels of all their operands, shortcuts
that pad with zeros and concatenations shift them, a depthwise convolution ties its inputs to its outputs, another
grouped one the same position of all its groups, a group norm all channels of one of its groups. What the network
takes and gives keeps its size, and so does every channel that an operation reads whose effect on channels is not known.

Source: Fang et al., CVPR 2023 (arXiv:2301.12900), dependencies between layers; the marks are our own way to find them.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from cellprune.errors import CellpruneError
from cellprune.structure.nested import map_tensors, tensors_of
from cellprune.structure.positions import Positions, outer
from cellprune.structure.standing_in import as_it_was, copies, full, looking, standing_in

NORMS = (_NormBase, nn.GroupNorm)


@runtime_checkable
class Counting(Protocol):
    """A module without weights whose forward names numbers of channels, and which can be told of others.

    It hands each channel on as it is, and adds channels of constants; its numbers are attributes, whole ones.
    """

    def keep_channels(self, read: Tensor, made: Tensor) -> None:
        """Forget channels.

        Args:
            read: (channels that it reads,) bool, those that stay.
            made: (channels that it makes,) bool, likewise.
        """


@dataclass(frozen=True)
class Channels:
    """The channels of a network that may be removed, numbered by the first layer that makes them and their index.

    Attributes:
        count: how many there are.
        of: parameter name -> axis -> (size of the axis,) long: the channel at each position, -1 where all stays.
        outputs: name of a weight that makes channels -> the axis along which it does, in the order of the parameters.
        inputs: name of a weight that reads channels -> the axis along which it does; of a depthwise one both are 0.
        biases: name of a weight -> of its layer's bias.
        norms: name of a weight -> names of norm parameters that take its outputs as they are.
        reads: name of a weight -> (inputs of its layer,) long: the channel at each, -1 where it stays; of all groups.
        makes: name of a weight -> (outputs of its layer,) long, likewise.
        passes: name of a norm or PReLU module -> (its channels,) long, likewise.
        counted: name of a module that counts channels itself (`Counting`) -> what it reads and what it makes, likewise.
        stopped_by: the operations that keep channels because their effect is not known, "'sort' in module 'a.b'".
    """

    count: int
    of: Mapping[str, Mapping[int, Tensor]]
    outputs: Mapping[str, int]
    inputs: Mapping[str, int]
    biases: Mapping[str, str]
    norms: Mapping[str, tuple[str, ...]]
    reads: Mapping[str, Tensor]
    makes: Mapping[str, Tensor]
    passes: Mapping[str, Tensor]
    counted: Mapping[str, tuple[Tensor, Tensor]]
    stopped_by: tuple[str, ...]

    def masks(self, kept: Tensor, shapes: Mapping[str, Iterable[int]]) -> dict[str, Tensor]:
        """Give parameter name -> bool, True = kept, for all that the channels touch.

        Args:
            kept: (count,) bool.
            shapes: parameter name -> shape.
        """
        return self.positions(kept).masks(shapes)

    def positions(self, kept: Tensor) -> Positions:
        """Say where the network has the channels that stay; kept: (count,) bool."""
        return Positions(
            {name: {axis: stays(at, kept) for axis, at in axes.items()} for name, axes in self.of.items()},
            {name: stays(passed, kept) for name, passed in self.passes.items()},
            {name: (stays(read, kept), stays(made, kept)) for name, (read, made) in self.counted.items()},
        )

    def kept(self, masks: Mapping[str, Tensor]) -> Tensor:
        """Give (count,) bool, the channels that stay under masks as `masks` makes them."""
        kept = torch.zeros(self.count, dtype=torch.bool)
        for name, axis in self.outputs.items():
            rows, channels = masks[name].transpose(0, axis).flatten(1).any(1).cpu(), self.of[name][axis]
            kept[channels[rows & (channels >= 0)]] = True
        return kept

    def kept_by(self, masks: Mapping[str, Tensor], shapes: Mapping[str, Iterable[int]]) -> tuple[Tensor, str | None]:
        """Give the channels that any masks keep, and a mask that removes something else than all the others.

        Args:
            masks: parameter name -> bool; a parameter without one is whole.
            shapes: parameter name -> shape.
        Returns:
            (count,) bool, and the name of the first such mask; None where all of them remove whole channels.
        """
        full_masks = {name: masks[name].cpu() if name in masks else torch.ones(*shape).bool()
                 for name, shape in shapes.items()}  # fmt: skip
        kept = self.kept(full_masks)
        whole = {name: torch.ones_like(mask) for name, mask in full_masks.items()} | self.masks(kept, shapes)
        return kept, next((name for name, mask in full_masks.items() if not torch.equal(mask, whole[name])), None)

    def empty(self, kept: Tensor) -> set[str]:
        """Give the names of the weights that make nothing, or read nothing, of the channels that stay."""
        ends = {name: (made, self.reads[name]) for name, made in self.makes.items()}
        return {name for name, both in ends.items() if not all(bool(stays(at, kept).any()) for at in both)}

    def without_unread(self, kept: Tensor, levels: Iterable[Collection[str]]) -> Tensor:
        """Take out what is left of levels from which nothing that stays is read elsewhere.

        Args:
            kept: (count,) bool.
            levels: names of the weights in each, the deepest first; see `structure.levels`.
        """
        left, inside = kept.clone(), set[str]()
        for level in levels:
            inside |= set(level)
            made, read = (torch.zeros(self.count + 1, dtype=torch.bool) for _ in range(2))
            for name, at in self.makes.items():
                made[at] |= name in inside
                read[self.reads[name]] |= name not in inside
            if not (left & made[:-1] & read[:-1]).any():
                left &= ~made[:-1]
        return left

    def layers(self) -> dict[str, Tensor]:
        """Give name of a weight -> the removable channels it makes, for layers all of whose channels are removable."""
        made = {name: self.of[name][axis] for name, axis in self.outputs.items() if axis in self.of.get(name, {})}
        return {name: channels.unique() for name, channels in made.items() if (channels >= 0).all()}


def stays(channels: Tensor, kept: Tensor) -> Tensor:
    """Tell of each position whether it stays.

    Args:
        channels: (positions,) long, the channel at each; -1 for none.
        kept: (count,) bool.
    Returns:
        (positions,) bool, True where no channel is.
    """
    return torch.cat([kept.cpu(), torch.ones(1, dtype=torch.bool)])[channels]


def verify(model: nn.Module, inputs: object, channels: Channels, kept: Tensor) -> None:
    """Compare the masked network with one whose removed channels are zero wherever they are read, on random constants.

    Args:
        model: the network; it is left as it was.
        inputs: what the model takes.
        channels: what `find` gave.
        kept: (count,) bool.
    Raises:
        CellpruneError: the two differ: the channels of this network were not followed rightly.
    """
    inputs = map_tensors(lambda tensor: full(tensor[:1]), inputs)
    with looking(model):
        _draw_constants(model)
        shapes = {name: p.shape for name, p in model.named_parameters()}
        unread = {
            name: outer({axis: stays(channels.of[name][axis], kept)}, shapes[name])
            for name, axis in channels.inputs.items()
        }
        masked, zeroed = (_run_under(model, inputs, masks) for masks in (channels.masks(kept, shapes), unread))
    for ours, theirs in zip(masked, zeroed, strict=True):
        if not torch.allclose(ours, theirs, rtol=1e-4, atol=1e-5 * float(theirs.abs().max().clamp(min=1e-3))):
            raise CellpruneError(
                f"the channels of {type(model).__name__} cannot be removed: without them it differs by "
                f"{float((ours - theirs).abs().max()):.3g} from the network that does not read them; prune its weights"
            )


def _draw_constants(model: nn.Module) -> None:
    """Draw biases and all that norms hold as after a training, variances positive; in place, the same every time."""
    generator = torch.Generator().manual_seed(0)
    for module in model.modules():
        own = dict(module.named_parameters(recurse=False)) | dict(module.named_buffers(recurse=False))
        for name, value in own.items():
            if value.is_floating_point() and (isinstance(module, NORMS) or name == "bias"):
                drawn = torch.randn(value.shape, generator=generator).to(value)
                is_positive = isinstance(module, NORMS) and name in ("weight", "running_var")
                value.copy_(0.5 + drawn.abs() if is_positive else drawn)


def _run_under(model: nn.Module, inputs: object, masks: Mapping[str, Tensor]) -> list[Tensor]:
    tensors = copies(model)
    for name, mask in masks.items():
        tensors[name].mul_(mask.to(tensors[name]))
    with as_it_was(model), standing_in(model, tensors):  # random numbers are the same each time
        return tensors_of(model(inputs))
