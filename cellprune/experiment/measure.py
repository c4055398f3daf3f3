"""What a network costs on this machine: counted, and measured."""

import torch
from torch import nn

from cellprune.experiment import choose, latency
from cellprune.experiment.opening import Setup, drawn
from cellprune.experiment.smaller import shrink
from cellprune.pruning.masks import Masks, dead_layers
from cellprune.runs import log
from cellprune.runs.cost import Bytes, Cost, MaskCost, Milliseconds, StandIn
from cellprune.structure import timing
from cellprune.structure.cost import cost
from cellprune.structure.layer_shapes import shapes_of_layers
from cellprune.structure.layers import weighted_layers

_PAGE_AND_MORE = 50_000_000  # bytes of all files of a run that hold no weights
_COPIES = 11  # of the weights: three states, each with two moments; the model file; one to spare


def cost_of_masks(setup: Setup, masks: Masks) -> MaskCost:
    """Count what a network costs under masks, beside what was asked for."""
    counts = cost(setup.network, setup.opened.input_size, masks)
    budget = choose.reached(setup.settings.pruning, counts, _times_of_layers(setup, setup.network, masks))
    made = None if setup.table is None else latency.of_whole(setup, setup.network, shrink(setup, masks).network)
    return MaskCost(**vars(counts), budget=budget, latency=made)


def cost_of_run(setup: Setup, masks: Masks, stand_in: StandIn | None, model_file_bytes: int) -> Cost:
    """Count and measure what a trained network costs, dense and pruned.

    Args:
        setup: with the network as it was trained.
        masks: that it ended with; none for a dense network.
        stand_in: what the network is, where it stands in a pruned one's place.
        model_file_bytes: size of the file that it was saved in.
    """
    device, size = setup.device, setup.opened.input_size
    networks = {"dense": drawn(setup.architecture.whole, setup.settings.seed).to(device)}
    if masks:
        networks["pruned"] = setup.network
    if stand_in:
        networks["whole"] = drawn(setup.opened.architecture, setup.settings.seed).to(device)
    measured = timing.milliseconds(networks, torch.randn(1, *size, device=device))
    counts = cost(networks["dense"], size, masks or None)
    times = _times_of_layers(setup, networks["dense"], masks) if masks else None
    whole = networks.get("whole", networks["dense"])
    if masks and not counts.parameters.active:
        log.LOGGER.warning("no weight is left on a path from input to output, so the answer is always the same")
    return Cost(
        **vars(counts),
        bytes=Bytes(
            dense_fp32=_bytes(networks["dense"]),
            whole_fp32=_bytes(networks["whole"]) if stand_in else None,
            model_file=model_file_bytes,
        ),
        milliseconds=Milliseconds(
            dense=measured["dense"],
            pruned=measured.get("pruned"),
            whole=measured.get("whole"),
            repeats=int(measured["repeats"]),
            threads=torch.get_num_threads(),
            device=str(device),
        ),
        dead_layers=tuple(dead_layers(masks)),
        budget=choose.reached(setup.settings.pruning, counts, times) if masks else None,
        control=stand_in,
        shrunk=setup.architecture.kept is not None,
        latency=None if setup.table is None else latency.of_whole(setup, whole, setup.network),
    )


def _times_of_layers(setup: Setup, dense: nn.Module, masks: Masks) -> tuple[int, int] | None:
    """Give the nanoseconds of the layers that masks leave, and of all, where a table tells them."""
    if setup.table is None:
        return None
    layers = weighted_layers(dense), shapes_of_layers(dense, setup.opened.input_size)
    return setup.table.of_masks(*layers, masks), setup.table.of_masks(*layers, {})


def disk_bytes(network: nn.Module) -> int:
    """Count what a run of this network may take on the disk, at most."""
    return _COPIES * sum(p.nbytes for p in network.parameters()) + _PAGE_AND_MORE


def _bytes(network: nn.Module) -> int:
    return sum(value.nbytes for value in network.state_dict().values())
