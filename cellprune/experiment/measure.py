"""What a network costs on this machine: counted, and measured."""

from typing import Any

import torch
from torch import nn

from cellprune.experiment import choose
from cellprune.experiment.opening import Setup, drawn
from cellprune.pruning.masks import Masks, dead_layers
from cellprune.runs import documents, log
from cellprune.runs.cost import StandIn
from cellprune.structure import timing
from cellprune.structure.cost import cost

_PAGE_AND_MORE = 50_000_000  # bytes of all files of a run that hold no weights
_COPIES = 11  # of the weights: three states, each with two moments; the model file; one to spare


def cost_of_masks(setup: Setup, masks: Masks) -> dict[str, Any]:
    """Count what a network costs under masks, beside what was asked for."""
    counted = cost(setup.network, setup.opened.input_size, masks)
    return counted | {"budget": choose.reached(setup.settings.pruning, counted)}


def cost_of_run(setup: Setup, masks: Masks, stand_in: StandIn | None, model_file_bytes: int) -> dict[str, Any]:
    """Count and measure what a trained network costs, dense and pruned.

    Args:
        setup: with the network as it was trained.
        masks: that it ended with; none for a dense network.
        stand_in: what the network is, where it stands in a pruned one's place.
        model_file_bytes: size of the file that it was saved in.
    Returns:
        The content of cost.json.
    """
    device, size = setup.device, setup.opened.input_size
    networks = {"dense": drawn(setup.architecture, setup.settings.seed).to(device)}
    if masks:
        networks["pruned"] = setup.network
    if stand_in:
        networks["whole"] = drawn(setup.opened.architecture, setup.settings.seed).to(device)
    milliseconds = timing.milliseconds(networks, torch.randn(1, *size, device=device))
    costs = cost(setup.network, size, masks or None)
    costs["bytes"] = {
        **{f"{name}_fp32": _bytes(network) for name, network in networks.items() if name != "pruned"},
        "model_file": model_file_bytes,
    }
    costs["milliseconds"] = milliseconds | {"threads": torch.get_num_threads(), "device": str(device)}
    costs["dead_layers"] = dead_layers(masks)
    if stand_in:
        costs["control"] = documents.plain(stand_in)
    elif masks:
        costs["budget"] = choose.reached(setup.settings.pruning, costs)
        if not costs["parameters"]["active"]:
            log.LOGGER.warning("no weight is left on a path from input to output, so the answer is always the same")
    return costs


def disk_bytes(network: nn.Module) -> int:
    """Count what a run of this network may take on the disk, at most."""
    return _COPIES * sum(p.nbytes for p in network.parameters()) + _PAGE_AND_MORE


def _bytes(network: nn.Module) -> int:
    return sum(value.nbytes for value in network.state_dict().values())
