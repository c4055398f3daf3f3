"""Follows channels through a network: one pass of one sample, with every number marked by where it came from.

Marks are carried along beside the numbers: 0 for what no layer made, 1 for what keeps its size, and from 2 on one for
each channel of each layer. What meets in an addition or a product is one channel from then on.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from cellprune.structure.calling import called_on
from cellprune.structure.channels import NORMS, Channels, Counting
from cellprune.structure.layers import first_of, is_transposed, weighted_layers
from cellprune.structure.nested import map_tensors, tensors_of
from cellprune.structure.standing_in import full, looking

_CONSTANT = 0  # the mark of what no layer made
_FIXED = 1  # the mark of what keeps its size

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


def find(model: nn.Module, inputs: object, *, whole: Iterable[str] = ()) -> Channels:
    """Follow one sample through the network, and give the channels that may be removed.

    Args:
        model: the network; it is left as it was.
        inputs: what the model takes, with one sample or more; its size decides nothing but the time.
        whole: names of weights none of whose rows and columns may go.
    Raises:
        CellpruneError: the network does not take these inputs.
    """
    sample = map_tensors(lambda tensor: full(tensor[:1]), inputs)
    with called_on(model, [sample]):
        return _followed(model, sample, whole)


def _followed(model: nn.Module, inputs: object, whole: Iterable[str]) -> Channels:
    inputs = map_tensors(torch.clone, inputs)  # for the marks stand on the tensors themselves
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


class _Trace(TorchDispatchMode):
    """Carries marks along with numbers: a float tensor of a value's shape says which channel each number belongs to."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.names = {id(p): name for name, p in model.named_parameters()}
        self.modules = {module: name for name, module in model.named_modules()}
        self.weighted = weighted_layers(model)
        self.parent = [_CONSTANT, _FIXED]  # a forest: marks with one root are one channel
        self.made_by: dict[int, str] = {}
        self.slices: dict[str, dict[int, Tensor]] = {}  # parameter -> axis -> marks
        self.made: dict[str, Tensor] = {}  # weight -> the marks of all that it makes
        self.outputs: dict[str, int] = {}
        self.inputs: dict[str, int] = {}
        self.biases: dict[str, str] = {}
        self.norms: dict[str, list[str]] = {}
        self.read: dict[str, Tensor] = {}  # weight -> the marks of all that it reads
        self.passed: dict[str, Tensor] = {}  # norm -> marks
        self.counted: dict[str, tuple[Tensor, Tensor]] = {}
        self.stopped_by: dict[str, None] = {}  # in order, each once
        self.inside: list[str] = []  # the modules that we are in
        self.depth = 0  # of layers we are in: these speak for the operations inside them

    def hook(self) -> None:
        for module in self.model.modules():
            module.register_forward_pre_hook(self._goes_in)
            known = self.names.get(id(module._parameters.get("weight"))) in self.weighted
            if known or isinstance(module, (*NORMS, nn.PReLU)):
                module.register_forward_pre_hook(self._enter)
                module.register_forward_hook(self._weighted if known else self._normed, with_kwargs=True)
            elif isinstance(module, Counting):
                module.register_forward_hook(self._counted, with_kwargs=True)
            module.register_forward_hook(self._comes_out)

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
            vector = self._vector(_marks(read[0]), 1, kind.__name__)
            for value in values:
                _mark(value, _along(vector, 1, value.shape))
        elif kind in _REDUCTIONS and len(args) > 1 and args[1]:
            _mark(result, self._reduced(_marks(read[0]), args[1], result.shape, kind.__name__))
        else:
            for tensor in read:
                self.fix(_marks(tensor), kind.__name__)
            for value in _outputs(result):
                _mark(value, torch.full((1,) * value.dim(), float(_FIXED)).expand(value.shape))
        return result

    def fix(self, marks: Tensor, operation: str | None = None) -> None:
        """Keep the size of what is marked; an operation that is the reason is noted."""
        for mark in _distinct(marks):
            if operation is not None and self._root(mark) != self._root(_FIXED):
                where = repr(self.inside[-1]) if self.inside[-1] else type(self.model).__name__
                self.stopped_by.setdefault(f"{operation!r} in {where}")
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
                if ((numbered := self._numbered(marks, numbers)) >= 0).any():
                    of.setdefault(name, {})[axis] = numbered
        return Channels(
            count=len(numbers),
            of=of,
            outputs={name: self.outputs[name] for name in of if self.outputs.get(name) in of[name]},
            inputs={name: self.inputs[name] for name in of if self.inputs.get(name) in of[name]},
            biases=self.biases,
            norms={name: tuple(norms) for name, norms in self.norms.items()},
            reads={name: self._numbered(marks, numbers) for name, marks in self.read.items()},
            makes={name: self._numbered(marks, numbers) for name, marks in self.made.items()},
            passes={name: self._numbered(marks, numbers) for name, marks in self.passed.items()},
            counted={name: (self._numbered(read, numbers), self._numbered(made, numbers))
                     for name, (read, made) in self.counted.items()},
            stopped_by=tuple(self.stopped_by),
        )  # fmt: skip

    def _numbered(self, marks: Tensor, numbers: Mapping[int, int]) -> Tensor:
        return torch.tensor([numbers.get(self._root(int(mark)), -1) for mark in marks.tolist()])

    def _goes_in(self, module: nn.Module, args: object) -> None:
        self.inside.append(self.modules.get(module, ""))

    def _comes_out(self, module: nn.Module, args: object, output: object) -> None:
        self.inside.pop()

    def _enter(self, module: nn.Module, args: object) -> None:
        self.depth += 1

    def _weighted(self, layer: Any, args: Sequence[object], kwargs: Mapping[str, object], output: Tensor) -> None:
        """Note what a layer reads and what it makes; a layer called twice makes the same channels twice."""
        self.depth -= 1
        name = self.names[id(layer.weight)]
        linear = isinstance(layer, nn.Linear)
        groups = 1 if linear else layer.groups
        out_axis, in_axis = (1, 0) if is_transposed(layer) else (0, 1)
        axis = output.dim() - 1 if linear else 1
        inputs = self._vector(_marks(first_of(args, kwargs)), axis, "forward")
        depthwise = 1 < groups == len(inputs)
        if name not in self.made:
            self.made[name], self.read[name] = self._new(output.shape[axis], name), inputs
            # a depthwise weight has all its channels along one axis, and none of its own along the other
            self.outputs[name], self.inputs[name] = (0, 0) if depthwise else (out_axis, in_axis)
        outputs = self.made[name]
        if layer.bias is not None:  # each of the layers that share a weight may have its own
            self.biases.setdefault(name, self.names[id(layer.bias)])
            self._note(self.names[id(layer.bias)], 0, outputs)
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

    def _normed(self, norm: nn.Module, args: Sequence[object], kwargs: Mapping[str, object], output: Tensor) -> None:
        """Let channels through, with the parameters that a norm or a PReLU has for each."""
        self.depth -= 1
        marks = self._vector(_marks(first_of(args, kwargs)), 1, "forward")
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
        passed = self.passed.setdefault(self.modules[norm], marks)
        if passed.shape == marks.shape:  # an instance norm without parameters takes any number of channels
            self._tie_all(passed, marks)
        _mark(output, _along(marks, 1, output.shape))

    def _counted(self, module: nn.Module, args: Sequence[object], kwargs: Mapping[str, object], output: Tensor) -> None:
        """Give the constants that a module adds marks of their own: what they meet next decides whether they stay."""
        made = self._vector(_marks(output), 1, "forward")
        made = torch.where(made == _CONSTANT, self._new(len(made)), made)
        self.counted[self.modules[module]] = self._vector(_marks(first_of(args, kwargs)), 1, "forward"), made
        _mark(output, _along(made, 1, output.shape))

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

    def _vector(self, marks: Tensor, axis: int, operation: str) -> Tensor:
        """Give the one mark at each position of an axis; positions that hold several keep their size."""
        other, size = [a for a in range(marks.dim()) if a != axis], marks.shape[axis]
        marks = _slim(marks)
        vector = marks.amax(other) if other else marks
        mixed = (marks != vector.view([-1 if a == axis else 1 for a in range(marks.dim())])) & (marks != _CONSTANT)
        if mixed.any():
            self.fix(marks, operation)
        return vector.expand(size).clone()

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

    def _reduced(self, marks: Tensor, axes: int | Sequence[int], shape: torch.Size, operation: str) -> Tensor:
        axes = [axis % marks.dim() for axis in ([axes] if isinstance(axes, int) else axes)]
        most = marks.amax(axes, keepdim=True)
        if ((marks != most) & (marks != _CONSTANT)).any():  # channels are summed with each other
            self.fix(marks, operation)
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
    marks: Tensor | None = getattr(tensor, "_marks", None)
    return torch.zeros((1,) * tensor.dim(), dtype=torch.float64).expand(tensor.shape) if marks is None else marks


def _mark(tensor: Tensor, marks: Tensor) -> None:
    tensor._marks = marks.double()  # type: ignore[attr-defined]


def _slim(marks: Tensor) -> Tensor:
    """Take one position of each axis along which the marks were only expanded."""
    return marks[tuple(slice(0, 1) if stride == 0 else slice(None) for stride in marks.stride())]


def _along(vector: Tensor, axis: int, shape: torch.Size) -> Tensor:
    return vector.view([-1 if a == axis else 1 for a in range(len(shape))]).expand(shape)


def _distinct(marks: Tensor) -> Iterator[int]:
    return (int(mark) for mark in _slim(marks).unique().tolist() if mark != _CONSTANT)


def _outputs(output: object) -> list[Tensor]:
    return [value for value in tree_leaves(output) if isinstance(value, Tensor)]
