"""Which channels live and die together: one pass of one sample tells, with every number marked by where it came from.

A channel is one index of a layer's outputs with everything that must go with it: the rows that make it, its bias and
norm parameters, and the columns that read it. Additions and products tie the channels of all their operands, shortcuts
that pad with zeros and concatenations shift them, a depthwise convolution ties its inputs to its outputs, another
grouped one the same position of all its groups, a group norm all channels of one of its groups. What the network
takes and gives keeps its size, and so does every channel that an operation reads whose effect on channels is not known.

Source: Fang et al., CVPR 2023 (arXiv:2301.12900), dependencies between layers; the marks are our own way to find them.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from cellprune.errors import CellpruneError
from cellprune.structure.layers import first_of, is_transposed, weighted_layers
from cellprune.structure.nested import map_tensors, tensors_of
from cellprune.structure.standing_in import as_it_was, copies, full, looking, standing_in

NORMS = (_NormBase, nn.GroupNorm)
_CONSTANT, _FIXED = 0, 1  # marks of what no layer made, and of what keeps its size

_aten = torch.ops.aten
# what only moves numbers does the same with their marks
_MOVES = {
    _aten.slice, _aten.select, _aten.view, _aten._unsafe_view, _aten.permute, _aten.transpose, _aten.t, _aten.squeeze,
    _aten.unsqueeze, _aten.expand, _aten.alias, _aten.detach, _aten.clone, _aten.split, _aten.split_with_sizes,
    _aten.unbind, _aten.cat, _aten.stack, _aten.constant_pad_nd, _aten.reflection_pad1d, _aten.reflection_pad2d,
    _aten.reflection_pad3d, _aten.replication_pad1d, _aten.replication_pad2d, _aten.replication_pad3d,
    _aten.pixel_shuffle, _aten.flip, _aten.roll,
}  # fmt: skip
# what works on each map (N, C, ...) by itself
_MAPWISE = {
    _aten.max_pool2d_with_indices, _aten.max_pool3d_with_indices, _aten.avg_pool2d, _aten.avg_pool3d,
    _aten._adaptive_avg_pool2d, _aten._adaptive_avg_pool3d, _aten.adaptive_max_pool2d, _aten.adaptive_max_pool3d,
    _aten.upsample_nearest1d, _aten.upsample_nearest2d, _aten.upsample_nearest3d, _aten._upsample_nearest_exact2d,
    _aten.upsample_linear1d, _aten.upsample_bilinear2d, _aten.upsample_trilinear3d, _aten.upsample_bicubic2d,
}  # fmt: skip
_REDUCTIONS = {_aten.mean, _aten.sum, _aten.amax}


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
    """

    count: int
    of: Mapping[str, Mapping[int, Tensor]]
    outputs: Mapping[str, int]
    inputs: Mapping[str, int]
    biases: Mapping[str, str]
    norms: Mapping[str, tuple[str, ...]]

    def masks(self, kept: Tensor, shapes: Mapping[str, Iterable[int]]) -> dict[str, Tensor]:
        """Give parameter name -> bool, True = kept, for all that the channels touch.

        Args:
            kept: (count,) bool.
            shapes: parameter name -> shape.
        """
        return {name: _outer(axes, kept, tuple(shapes[name])) for name, axes in self.of.items()}

    def kept(self, masks: Mapping[str, Tensor]) -> Tensor:
        """Give (count,) bool, the channels that stay under masks as `masks` makes them."""
        kept = torch.zeros(self.count, dtype=torch.bool)
        for name, axis in self.outputs.items():
            rows, channels = masks[name].transpose(0, axis).flatten(1).any(1).cpu(), self.of[name][axis]
            kept[channels[rows & (channels >= 0)]] = True
        return kept

    def layers(self) -> dict[str, Tensor]:
        """Give name of a weight -> the removable channels it makes, for layers all of whose channels are removable."""
        made = {name: self.of[name][axis] for name, axis in self.outputs.items() if axis in self.of.get(name, {})}
        return {name: channels.unique() for name, channels in made.items() if (channels >= 0).all()}


def find(model: nn.Module, inputs: Any, *, whole: Iterable[str] = ()) -> Channels:
    """Follow one sample through the network, and give the channels that may be removed.

    Args:
        model: the network; it is left as it was.
        inputs: what the model takes, with one sample or more; its size decides nothing but the time.
        whole: names of weights none of whose rows and columns may go.
    """
    # copies, for the marks stand on the tensors themselves
    inputs = map_tensors(lambda tensor: full(tensor[:1]).clone(), inputs)
    for tensor in tensors_of(inputs):
        _mark(tensor, torch.full((1,) * tensor.dim(), float(_FIXED)).expand(tensor.shape))
    with looking(model):
        trace = _Trace(model)
        trace.hook()
        with trace:
            output = model(inputs)
    for value in tensors_of(output):
        trace.fix(_marks(value))
    for name in whole:
        for marks in trace.slices.get(name, {}).values():
            trace.fix(marks)
    return trace.channels()


def verify(model: nn.Module, inputs: Any, channels: Channels, kept: Tensor) -> None:
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
            name: _outer({axis: channels.of[name][axis]}, kept, tuple(shapes[name]))
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


def _run_under(model: nn.Module, inputs: Any, masks: Mapping[str, Tensor]) -> list[Tensor]:
    tensors = copies(model)
    for name, mask in masks.items():
        tensors[name].mul_(mask.to(tensors[name]))
    with as_it_was(model), standing_in(model, tensors):  # random numbers are the same each time
        return tensors_of(model(inputs))


class _Trace(TorchDispatchMode):
    """Carries marks along with numbers: a float tensor of a value's shape says which channel each number belongs to."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.names = {id(p): name for name, p in model.named_parameters()}
        self.weighted = weighted_layers(model)
        self.parent = [_CONSTANT, _FIXED]  # a forest: marks with one root are one channel
        self.made_by: dict[int, str] = {}
        self.slices: dict[str, dict[int, Tensor]] = {}  # parameter -> axis -> marks
        self.made: dict[str, Tensor] = {}  # weight -> the marks of all that it makes
        self.outputs: dict[str, int] = {}
        self.inputs: dict[str, int] = {}
        self.biases: dict[str, str] = {}
        self.norms: dict[str, list[str]] = {}
        self.depth = 0  # of layers we are in: these speak for the operations inside them

    def hook(self) -> None:
        for module in self.model.modules():
            known = self.names.get(id(module._parameters.get("weight"))) in self.weighted
            if known or isinstance(module, (*NORMS, nn.PReLU)):
                module.register_forward_pre_hook(self._enter)
                module.register_forward_hook(self._weighted if known else self._normed, with_kwargs=True)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        read = [t for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor) and hasattr(t, "_marks")]
        if self.depth or not read:
            return result
        kind = func.overloadpacket
        if kind in _MOVES:
            moved = _moved(func, tree_map_only(Tensor, _marks, args), tree_map_only(Tensor, _marks, kwargs))
            for value, marks in zip(tree_leaves(result), tree_leaves(moved), strict=True):
                _mark(value, marks)
        elif torch.Tag.pointwise in func.tags or kind is _aten._to_copy:
            _mark(result, self._tied([_marks(t) for t in read], result.shape))
        elif kind in _MAPWISE:
            values = [t for t in tree_leaves(result) if isinstance(t, Tensor)]
            vector = self._vector(_marks(read[0]), 1)
            for value in values:
                _mark(value, _along(vector, 1, value.shape))
        elif kind in _REDUCTIONS and len(args) > 1 and args[1]:
            _mark(result, self._reduced(_marks(read[0]), args[1], result.shape))
        else:
            for tensor in read:
                self.fix(_marks(tensor))
            for value in _outputs(result):
                _mark(value, torch.full((1,) * value.dim(), float(_FIXED)).expand(value.shape))
        return result

    def fix(self, marks: Tensor) -> None:
        for mark in _distinct(marks):
            self._tie(mark, _FIXED)

    def channels(self) -> Channels:
        """Number the channels, first layer first, and say where each is found."""
        numbers: dict[int, int] = {}
        for name in self.names.values():
            if name in self.outputs:
                for mark in self.slices[name][self.outputs[name]].tolist():
                    root = self._root(int(mark))
                    if root not in (_CONSTANT, self._root(_FIXED)):
                        numbers.setdefault(root, len(numbers))
        of: dict[str, dict[int, Tensor]] = {}
        for name in self.names.values():
            for axis, marks in self.slices.get(name, {}).items():
                found = torch.tensor([numbers.get(self._root(int(mark)), -1) for mark in marks.tolist()])
                if (found >= 0).any():
                    of.setdefault(name, {})[axis] = found
        return Channels(
            count=len(numbers),
            of=of,
            outputs={name: self.outputs[name] for name in of if self.outputs.get(name) in of[name]},
            inputs={name: self.inputs[name] for name in of if self.inputs.get(name) in of[name]},
            biases=self.biases,
            norms={name: tuple(norms) for name, norms in self.norms.items()},
        )

    def _enter(self, module: nn.Module, args: Any) -> None:
        self.depth += 1

    def _weighted(self, layer: Any, args: Any, kwargs: Any, output: Tensor) -> None:
        """Note what a layer reads and what it makes; a layer called twice makes the same channels twice."""
        self.depth -= 1
        name = self.names[id(layer.weight)]
        linear = isinstance(layer, nn.Linear)
        groups = 1 if linear else layer.groups
        out_axis, in_axis = (1, 0) if is_transposed(layer) else (0, 1)
        axis = output.dim() - 1 if linear else 1
        inputs = self._vector(_marks(first_of(args, kwargs)), axis)
        depthwise = 1 < groups == len(inputs)
        if name not in self.made:
            self.made[name] = self._new(output.shape[axis], name)
            # a depthwise weight has all its channels along one axis, and none of its own along the other
            self.outputs[name], self.inputs[name] = (0, 0) if depthwise else (out_axis, in_axis)
            if layer.bias is not None:
                self.biases[name] = self.names[id(layer.bias)]
                self._note(self.biases[name], 0, self.made[name])
        outputs = self.made[name]
        if depthwise:  # each output is made of one input
            self._tie_all(inputs.repeat_interleave(len(outputs) // groups), outputs)
            self._note(name, 0, inputs if is_transposed(layer) else outputs)
        else:
            for marks in (inputs, outputs) if groups > 1 else ():
                self._tie_all(marks[: len(marks) // groups].repeat(groups), marks)
            # a grouped weight stores one group along one of its axes: one position there stands for all groups
            self._note(name, out_axis, outputs[: layer.weight.shape[out_axis]])
            self._note(name, in_axis, inputs[: layer.weight.shape[in_axis]])
        _mark(output, _along(outputs, axis, output.shape))

    def _normed(self, norm: Any, args: Any, kwargs: Any, output: Tensor) -> None:
        """Let channels through, with the parameters that a norm or a PReLU has for each."""
        self.depth -= 1
        marks = self._vector(_marks(first_of(args, kwargs)), 1)
        if isinstance(norm, nn.GroupNorm):
            for group in marks.chunk(norm.num_groups):
                self._tie_all(group[:1].expand_as(group), group)
        for key, parameter in norm.named_parameters(recurse=False):
            if parameter.shape == marks.shape:
                name = self.names[id(parameter)]
                self._note(name, 0, marks)
                for maker in {self.made_by[int(m)] for m in marks.tolist() if int(m) in self.made_by}:
                    if isinstance(norm, NORMS) and key in ("weight", "bias") and name not in self.norms.get(maker, []):
                        self.norms.setdefault(maker, []).append(name)
        _mark(output, _along(marks, 1, output.shape))

    def _note(self, name: str, axis: int, marks: Tensor) -> None:
        noted = self.slices.setdefault(name, {})
        if axis in noted:
            self._tie_all(noted[axis], marks)
        else:
            noted[axis] = marks

    def _new(self, count: int, maker: str | None = None) -> Tensor:
        marks = range(len(self.parent), len(self.parent) + count)
        self.parent += marks
        if maker is not None:
            self.made_by |= dict.fromkeys(marks, maker)
        return torch.tensor(marks, dtype=torch.float64)

    def _vector(self, marks: Tensor, axis: int) -> Tensor:
        """Give the one mark at each position of an axis; positions that hold several keep their size."""
        other = [a for a in range(marks.dim()) if a != axis]
        marks = _slim(marks)
        vector = marks.amax(other) if other else marks
        mixed = (marks != vector.view([-1 if a == axis else 1 for a in range(marks.dim())])) & (marks != _CONSTANT)
        if mixed.any():
            self.fix(marks)
        return vector.clone()

    def _tied(self, operands: list[Tensor], shape: torch.Size) -> Tensor:
        """Tie what meets in one number; the result gets marks of its own, for no single layer made it."""
        first, *rest = [_slim(marks) for marks in operands]
        for other in rest:
            pairs, where = torch.unique(torch.stack([m.flatten() for m in torch.broadcast_tensors(first, other)]),
                                        dim=1, return_inverse=True)  # fmt: skip
            marks = self._new(pairs.shape[1])
            for mark, (a, b) in zip(marks.tolist(), pairs.T.tolist(), strict=True):
                if a == b == _CONSTANT:
                    self.parent[int(mark)] = _CONSTANT
                for operand in {a, b} - {_CONSTANT}:
                    self._tie(int(operand), int(mark))
            first = marks[where].view(torch.broadcast_shapes(first.shape, other.shape))
        return first.expand(shape)

    def _reduced(self, marks: Tensor, axes: Any, shape: torch.Size) -> Tensor:
        axes = [axis % marks.dim() for axis in ([axes] if isinstance(axes, int) else axes)]
        most = marks.amax(axes, keepdim=True)
        if ((marks != most) & (marks != _CONSTANT)).any():  # channels are summed with each other
            self.fix(marks)
        return most.reshape(shape)

    def _tie_all(self, first: Tensor, second: Tensor) -> None:
        for a, b in zip(first.tolist(), second.tolist(), strict=True):
            if _CONSTANT not in (a, b):
                self._tie(int(a), int(b))

    def _tie(self, a: int, b: int) -> None:
        low, high = sorted((self._root(a), self._root(b)))
        if low != _CONSTANT:
            self.parent[high] = low

    def _root(self, mark: int) -> int:
        while self.parent[mark] != mark:
            self.parent[mark] = mark = self.parent[self.parent[mark]]
        return mark


def _moved(func: Any, args: Any, kwargs: Any) -> Any:
    if func.overloadpacket in (_aten.view, _aten._unsafe_view):
        return args[0].reshape(args[1])  # marks are often expanded, which a view cannot cut
    return func(*args, **kwargs)


def _marks(tensor: Tensor) -> Tensor:
    found: Tensor | None = getattr(tensor, "_marks", None)
    return torch.zeros((1,) * tensor.dim(), dtype=torch.float64).expand(tensor.shape) if found is None else found


def _mark(tensor: Tensor, marks: Tensor) -> None:
    tensor._marks = marks.double()  # type: ignore[attr-defined]


def _slim(marks: Tensor) -> Tensor:
    """Take one position of each axis along which the marks were only expanded."""
    return marks[tuple(slice(0, 1) if stride == 0 else slice(None) for stride in marks.stride())]


def _along(vector: Tensor, axis: int, shape: torch.Size) -> Tensor:
    return vector.view([-1 if a == axis else 1 for a in range(len(shape))]).expand(shape)


def _distinct(marks: Tensor) -> Iterator[int]:
    return (int(mark) for mark in _slim(marks).unique().tolist() if mark != _CONSTANT)


def _outer(axes: Mapping[int, Tensor], kept: Tensor, shape: tuple[int, ...]) -> Tensor:
    mask = torch.ones(shape, dtype=torch.bool)
    for axis, channels in axes.items():
        alive = torch.where(channels >= 0, kept.cpu()[channels.clamp(min=0)], True)
        mask = mask & alive.view([-1 if a == axis else 1 for a in range(len(shape))])
    return mask


def _outputs(output: Any) -> list[Tensor]:
    return [value for value in tree_leaves(output) if isinstance(value, Tensor)]
