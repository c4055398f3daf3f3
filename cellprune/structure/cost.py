"""What a network costs, layer by layer: parameters and multiply-adds, dense and under a mask.

One multiply-add is one (not two operations); norms, activations and biases are not counted. A convolution uses each
weight once an output position, a transposed one once an input position, a linear layer once a row of its input.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from cellprune.structure.effective import active_weights
from cellprune.structure.layers import by_output, first_of, is_transposed, ones, weighted_layers
from cellprune.structure.standing_in import copies, looking
from cellprune.structure.trace import find


def cost(model: nn.Module, input_size: Sequence[int], masks: Mapping[str, Tensor] | None = None) -> dict[str, Any]:
    """Count parameters, multiply-adds and sparsity for one image.

    Args:
        model: the network; it is left as it was.
        input_size: shape of one sample without the batch axis: (channels, height, width).
        masks: weight name -> bool, True = kept; None for the dense network.
    Returns:
        {"parameters": {"total", "left", "prunable", "kept", "active"}, "macs": {"dense", "masked", "input"},
        "sparsity": {"direct", "effective", "input"}, "layers": [{"name", "kind", "shape", "weights", "kept", "active",
        "channels", "channels_kept", "macs", "macs_kept"}]}. Prunable are the weights that masks cover (without masks:
        of every weighted layer); a layer outside the masks is kept whole. Left are all parameters, of any kind, but the
        masked ones. Active weights lie on a path from input to output (`effective.py`). A layer keeps the channels of
        which a weight stays. Where masks remove whole channels, with their biases and norm parameters, also
        "channels": {"total", "kept"}, of those that may be removed, tied ones as one.
    """
    masks = masks or {}
    layers = weighted_layers(model)
    positions = positions_per_weight(model, input_size)
    active = active_weights(model, input_size, masks)
    rows = []
    for name, layer in layers.items():
        weight: Any = layer.weight
        mask = masks.get(name, torch.ones_like(weight, dtype=torch.bool))
        kept, made = int(mask.sum()), by_output(layer, mask).any(1)
        rows.append(
            {
                "name": name,
                "kind": type(layer).__name__,
                "shape": list(weight.shape),
                "weights": weight.numel(),
                "kept": kept,
                "active": int(active[name].sum()),
                "channels": len(made),
                "channels_kept": int(made.sum()),
                "macs": weight.numel() * positions[name],
                "macs_kept": kept * positions[name],
            }
        )
    pruned = [row for row in rows if row["name"] in masks or not masks]
    prunable, kept, alive = (sum(row[key] for row in pruned) for key in ("weights", "kept", "active"))
    total = sum(p.numel() for p in model.parameters())
    return {
        "parameters": {
            "total": total,
            "left": total - sum(int((~mask).sum()) for mask in masks.values()),
            "prunable": prunable,
            "kept": kept,
            "active": alive,
        },
        "macs": {
            "dense": sum(row["macs"] for row in rows),
            "masked": sum(row["macs_kept"] for row in rows),
            "input": list(input_size),
        },
        "sparsity": {
            "direct": 1 - kept / prunable,
            "effective": 1 - alive / prunable,
            "input": list(input_size),
        },
        **({"channels": _channels(model, input_size, masks)} if masks.keys() - layers.keys() else {}),
        "layers": rows,
    }


def _channels(model: nn.Module, input_size: Sequence[int], masks: Mapping[str, Tensor]) -> dict[str, int]:
    channels = find(model, ones(model, input_size), whole=weighted_layers(model).keys() - masks.keys())
    return {"total": channels.count, "kept": int(channels.kept(masks).sum())}


def positions_per_weight(model: nn.Module, input_size: Sequence[int]) -> dict[str, int]:
    """Count how often each weight of a layer is used on one sample; layers that share a weight add up."""
    uses: dict[str, int] = {}
    names: dict[int, str] = {}

    def count(layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Tensor) -> None:
        if isinstance(layer, nn.Linear):
            n = output.shape[:-1].numel()
        else:
            n = (first_of(args, kwargs) if is_transposed(layer) else output).shape[2:].numel()
        uses[names[id(layer.weight)]] += n

    with looking(model, copies(model)):  # shapes suffice; hooks are put back, too
        for name, layer in weighted_layers(model).items():
            uses[name], names[id(layer.weight)] = 0, name
        for module in model.modules():
            if id(module._parameters.get("weight")) in names:
                module.register_forward_hook(count, with_kwargs=True)
        model(ones(model, input_size))
    return uses
