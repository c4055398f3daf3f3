"""The sizes of a network whose channels are fewer: what a file holds of it, and how it is built again.

A shrunk network has the modules of the whole one, smaller tensors and smaller numbers (`out_channels`, `groups`). The
whole network, built as ever, and these differences give it back: on the meta device, too, where nothing can be traced.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from torch import Tensor, nn

from cellprune.errors import CellpruneError
from cellprune.structure.copying import copied_with
from cellprune.wording import quoted

Numbers = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Sizes:
    """What differs in size between a network and a smaller one of the same modules.

    Attributes:
        shapes: name of a parameter or buffer -> its shape in the smaller network.
        numbers: name of a module -> attribute -> its value in the smaller network, a whole number.
    """

    shapes: Mapping[str, tuple[int, ...]]
    numbers: Numbers

    def as_dict(self) -> dict[str, Any]:
        """Give JSON values, as a file holds them."""
        return {"shapes": {name: list(shape) for name, shape in self.shapes.items()}, "numbers": self.numbers}

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> Self:
        """Give what `as_dict` wrote; values from anywhere are judged when the network is built.

        Raises:
            AttributeError, LookupError, TypeError: it is not of that form.
        """
        shapes = {name: tuple(shape) for name, shape in written["shapes"].items()}
        return cls(shapes, {name: dict(numbers) for name, numbers in written["numbers"].items()})


def sizes_of(whole: nn.Module, small: nn.Module) -> Sizes:
    """Give what differs in size.

    Args:
        whole: the network before it was shrunk, or one built as it was, on the meta device, too.
        small: what `shrink` or `compact` made of it.
    """
    before, after = _tensors(whole), _tensors(small)
    modules = dict(whole.named_modules())
    numbers = {name: _differing(modules[name], module) for name, module in small.named_modules()}
    return Sizes(
        shapes={name: tuple(after[name].shape) for name in after if after[name].shape != before[name].shape},
        numbers={name: own for name, own in numbers.items() if own},
    )


def resized(whole: nn.Module, sizes: Sizes) -> nn.Module:
    """Build a smaller network again, to be loaded into.

    Args:
        whole: the network, built as the one that was shrunk; it is left as it was.
        sizes: what `sizes_of` gave.
    Returns:
        A copy of those sizes. The values of tensors that changed their shape are not set.
    Raises:
        CellpruneError: the sizes are of another network, or larger than this one's.
    """
    tensors, modules = _tensors(whole), dict(whole.named_modules())
    for name, shape in sizes.shapes.items():
        if name not in tensors:
            raise CellpruneError(f"sizes of {quoted(name)}, which {type(whole).__name__} does not have")
        if len(shape) != tensors[name].dim() or not all(
            _fits(size, most) for size, most in zip(shape, tensors[name].shape, strict=True)
        ):
            raise CellpruneError(f"{quoted(name)} cannot have the shape {quoted(shape)}: in {type(whole).__name__} it "
                                 f"has {tuple(tensors[name].shape)}")  # fmt: skip
    small = copied_with(whole, {name: tensors[name].new_empty(shape) for name, shape in sizes.shapes.items()})
    copies = dict(small.named_modules())
    for name, numbers in sizes.numbers.items():
        for key, value in numbers.items():
            most = vars(modules[name]).get(key) if name in modules else None
            if type(most) is not int or not _fits(value, most):
                raise CellpruneError(f"{quoted(f'{name}.{key}')} cannot be {quoted(value)}: it is {quoted(most)} in "
                                     f"{type(whole).__name__}")  # fmt: skip
            setattr(copies[name], key, value)
    return small


def _tensors(model: nn.Module) -> dict[str, Tensor]:
    return dict(model.named_parameters()) | dict(model.named_buffers())


def _differing(whole: nn.Module, small: nn.Module) -> dict[str, int]:
    own = {key: value for key, value in vars(small).items() if type(value) is int}
    return {key: value for key, value in own.items() if vars(whole).get(key) != value}


def _fits(size: object, most: int) -> bool:
    return type(size) is int and 0 <= size <= most
