"""Takes the channels that masks remove out of a run's network: whatever follows is of the smaller one."""

from dataclasses import replace

import torch

from cellprune.errors import CellpruneError
from cellprune.experiment.opening import Setup
from cellprune.pruning.masks import Masks
from cellprune.pruning.prunable import prunable
from cellprune.pruning.ranking import whole_channels
from cellprune.structure.layers import ones
from cellprune.structure.shrink import shrunk


def shrink(setup: Setup, masks: Masks) -> Setup:
    """Go on with the smaller network.

    Args:
        setup: with the network that the masks are of; it is left as it was.
        masks: none of a dense network.
    Returns:
        The setup as it was where nothing is to be taken out, or is out already.
    Raises:
        CellpruneError: the network cannot be made smaller; names what does not let it.
    """
    if not (masks and setup.settings.pruning.shrinks) or setup.architecture.kept is not None:
        return setup
    try:
        small = shrunk(setup.network, masks, ones(setup.network, setup.opened.input_size))
    except CellpruneError as error:
        raise CellpruneError(
            f"{error}: add --set pruning.shrink=false, which sets the removed channels to zero instead"
        ) from error
    return replace(setup, network=small.network, architecture=replace(setup.architecture, kept=small.positions))


def require_shrinkable(setup: Setup) -> None:
    """Refuse a network that cannot be made smaller, before it is scored: take out every second channel for a try.

    Raises:
        CellpruneError: names the module or operation that does not let it.
    """
    network = setup.network
    weights = prunable(network, setup.settings.pruning.exclude)
    channels = whole_channels.removable(network, ones(network, setup.opened.input_size), weights)
    kept = torch.arange(channels.count) % 2 == 0
    kept[whole_channels.best_of_layers(channels, torch.zeros(channels.count))] = True
    shrink(setup, whole_channels.spread(network, channels, kept))
