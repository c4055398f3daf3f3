"""The one place that decides which tensors may be pruned, and says what lies outside."""

import logging
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from torch import Tensor, nn
from torch.nn.utils.prune import BasePruningMethod

from cellprune.errors import CellpruneError, unknown
from cellprune.structure.computed import computed_weights
from cellprune.structure.layers import WEIGHTED, owned
from cellprune.structure.matrices import matrices
from cellprune.structure.standing_in import require_shapes

log = logging.getLogger("cellprune")

_MOST_NAMED = 3  # parameters in a message
_WORTH_SAYING = 0.05  # share of the weights that lies outside


def prunable(model: nn.Module, exclude: Iterable[str] = ()) -> dict[str, nn.Parameter]:
    """Give the weights that may be removed, of those that train: all by which `multiplying` layers multiply.

    Biases, norms, PReLU slopes and embeddings never are. A weight that several layers share counts once.

    Args:
        model: any network.
        exclude: parameter or layer names, or patterns with `*` and `?`, that stay whole: "head", "encoder.*.weight".
    Returns:
        Parameter name -> parameter, in the order of `model.named_parameters()`, which is also the order of ties.
    Raises:
        CellpruneError: a pattern matches no layer (nearest names listed), nothing is left to prune, a lazy module has
            not seen its first input yet, or torch.nn.utils.prune holds a mask on a weight already.
    """
    require_shapes(model)
    layers = multiplying(model)
    names = {module: name for name, module in model.named_modules()}
    patterns = [exclude] if isinstance(exclude, str) else list(exclude)
    for pattern in patterns:
        if not any(_matches(name, names[layer], pattern) for name, layer in layers.items()):
            raise CellpruneError(unknown("prunable layer", pattern, layers, "exclude"))
    weights = {
        name: parameter
        for name, parameter in model.named_parameters()
        if name in layers
        and parameter.requires_grad
        and not any(_matches(name, names[layers[name]], pattern) for pattern in patterns)
    }
    if not weights:
        raise CellpruneError(
            f"{type(model).__name__} has nothing to prune: no trainable weight of a convolution or linear layer is "
            f"left{' after exclude' if patterns else ''}; leave some layers in"
        )
    for name in weights:
        if any(isinstance(hook, BasePruningMethod) and name.endswith(f"{hook._tensor_name}_orig")
               for hook in layers[name]._forward_pre_hooks.values()):  # fmt: skip
            raise CellpruneError(
                f"torch.nn.utils.prune holds a mask on {name!r} already, and a second one would count what is gone: "
                f"make it permanent with torch.nn.utils.prune.remove, or exclude the layer"
            )
    return weights


def multiplying(model: nn.Module) -> dict[str, nn.Module]:
    """Give each weight by which a layer multiplies its input, once, with the layer.

    These are the weights of convolutions, transposed convolutions and linear layers; where a layer computes its weight
    (weight norm) from a parameter of its shape that has the same zeros, that parameter stands for it. And the matrices
    of attention, recurrent and bilinear layers, and of foreign ones that do nothing else. A parameter that any other
    kind of module uses too (an embedding tied to the output layer) is left out.

    Returns:
        Parameter name -> layer, in the order of `model.named_parameters()`.
    """
    claims: dict[tuple[nn.Module, str], nn.Module] = {}
    for module in model.modules():
        for name in ["weight"] if isinstance(module, WEIGHTED) else matrices(module):
            claims[module, name] = module
    for computed in computed_weights(model).values():
        claims.pop((computed.layer, "weight"), None)
        if computed.original is not None:
            owner, _, name = computed.original.rpartition(".")
            claims[computed.layer.get_submodule(owner), name] = computed.layer
    return owned(model, lambda module, name: claims.get((module, name)))


def say_what_lies_outside(model: nn.Module, pruned: Mapping[str, Tensor], exclude: Iterable[str] = ()) -> None:
    """Warn, in one line, where more than a few per cent of the network's weights lie outside what is pruned.

    Args:
        model: the network.
        pruned: name -> parameter, those of which some go.
        exclude: as `prunable` takes it; what the caller left out is no news.
    """
    patterns = [exclude] if isinstance(exclude, str) else list(exclude)
    layers = multiplying(model) if patterns else {}
    names = {module: name for name, module in model.named_modules()}
    outside = {
        name: p
        for name, p in model.named_parameters()
        if name not in pruned
        and p.numel() > max(p.shape, default=1)  # one number per channel is a bias or a factor: nobody expects it to go
        and not (name in layers and any(_matches(name, names[layers[name]], pattern) for pattern in patterns))
    }
    share = sum(p.numel() for p in outside.values()) / max(1, sum(p.numel() for p in model.parameters()))
    if share > _WORTH_SAYING:
        computed = computed_weights(model)
        first = sorted(outside, key=lambda name: -outside[name].numel())[:_MOST_NAMED]
        named = ", ".join(f"{name!r} ({_why(model, name, computed)})" for name in first)
        more = f" and {len(outside) - len(first)} more" if len(outside) > len(first) else ""
        log.warning(f"{100 * share:.3g} % of the network's parameters lie outside what is pruned, and stay whole: "
                    f"{named}{more}")  # fmt: skip


def _why(model: nn.Module, name: str, computed: Iterable[str]) -> str:
    if not model.get_parameter(name).requires_grad:
        return "frozen"
    if any(f".{name}".startswith(f".{layer}." if layer else ".") for layer in computed):
        return "its weight is computed"
    return type(model.get_submodule(name.rpartition(".")[0])).__name__


def _matches(name: str, layer: str, pattern: str) -> bool:
    """Tell whether a pattern names a parameter, its layer, or the weight that the layer has or computes."""
    return any(fnmatchcase(known, pattern) for known in (name, name.removesuffix(".weight"), layer, f"{layer}.weight"))
