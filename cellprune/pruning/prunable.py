"""The one place that decides which tensors may be pruned."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

from torch import nn

from cellprune.errors import CellpruneError, unknown
from cellprune.structure.layers import weighted_layers
from cellprune.structure.standing_in import require_shapes


def prunable(model: nn.Module, exclude: Iterable[str] = ()) -> dict[str, nn.Parameter]:
    """Give the weights that may be removed: of convolutions, transposed convolutions and linear layers, trainable.

    Biases, norms, PReLU slopes and embeddings never are. A weight that several layers share counts once.

    Args:
        model: any network.
        exclude: parameter or layer names, or patterns with `*` and `?`, that stay whole: "head", "encoder.*.weight".
    Returns:
        Parameter name -> parameter, in the order of `model.named_parameters()`, which is also the order of ties.
    Raises:
        CellpruneError: a pattern matches no layer (nearest names listed), nothing is left to prune, or a lazy
            module has not seen its first input yet.
    """
    require_shapes(model)
    layers = weighted_layers(model)
    patterns = [exclude] if isinstance(exclude, str) else list(exclude)
    for pattern in patterns:
        if not any(_matches(name, pattern) for name in layers):
            raise CellpruneError(unknown("prunable layer", pattern, layers, "exclude"))
    weights = {
        name: parameter
        for name, parameter in model.named_parameters()
        if name in layers and parameter.requires_grad and not any(_matches(name, pattern) for pattern in patterns)
    }
    if not weights:
        raise CellpruneError(
            f"{type(model).__name__} has nothing to prune: no trainable weight of a convolution or linear layer is "
            f"left{' after exclude' if patterns else ''}; leave some layers in"
        )
    return weights


def _matches(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) or fnmatchcase(name.removesuffix(".weight"), pattern)
