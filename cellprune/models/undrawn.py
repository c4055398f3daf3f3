"""Builds networks of shapes alone, on the meta device: their weights come from elsewhere, so none is drawn."""

from collections.abc import Callable, Mapping, Sequence

from torch import Tensor
from torch.overrides import TorchFunctionMode

_DRAWS = {Tensor.normal_, Tensor.uniform_}  # in which each initialization of a layer ends


class Undrawn(TorchFunctionMode):
    """Leaves tensors without values as they are where random numbers would be written into them.

    Such a draw is no work by itself, but for one by `normal_` torch loads its compiler, which takes more than a second.
    """

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: object,
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        if func in _DRAWS and isinstance(drawn := args[0], Tensor) and drawn.is_meta:
            return drawn
        return func(*args, **(kwargs or {}))
