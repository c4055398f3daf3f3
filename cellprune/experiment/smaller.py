"""Takes the channels that masks remove out of a run's network: whatever follows is of the smaller one."""

from dataclasses import replace
from typing import cast

import torch

from cellprune.config import names
from cellprune.config.pruning import Pruning
from cellprune.controls import families
from cellprune.controls.families import Family, Sizing, Unit
from cellprune.errors import CellpruneError
from cellprune.experiment.opening import Opened, Setup
from cellprune.pruning.by_channel import require_enough
from cellprune.pruning.masks import Masks
from cellprune.pruning.prunable import prunable
from cellprune.pruning.ranking import whole_channels
from cellprune.pruning.ranking.latency import LatencyTable
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


def is_sized_before(pruning: Pruning) -> bool:
    """Tell whether a budget can be held against the smallest network before any score."""
    if pruning.fills_budget:
        return True
    if pruning.masks is not None or names.method(pruning.method).when != "before":
        return False
    return pruning.request().prices_channels


def require_affordable(opened: Opened, table: LatencyTable | None = None) -> None:
    """Refuse a budget that not even the smallest network fits, where that is known before any score.

    Args:
        opened: whose pruning `is_sized_before`; no pixel is read.
        table: what layers take, for a budget in latency.
    Raises:
        TooMuchError: says what the smallest network needs.
    """
    request = opened.settings.pruning.request()
    if opened.settings.pruning.fills_budget:
        family, sizing = sized_by(opened, table)
        families.require_affordable(family, opened.architecture, request.share, sizing)
        return
    network = opened.architecture.build()
    require_enough(network, request, ones(network, opened.input_size), table)


def sized_by(opened: Opened, table: LatencyTable | None) -> tuple[Family, Sizing]:
    """Give the dense family of which a budget names one, and how its networks are measured out."""
    pruning = opened.settings.pruning
    family = pruning.method if names.is_dense_family(pruning.method) else pruning.control.partition("-")[0]
    sizing = Sizing(cast(Unit, pruning.request().unit), opened.input_size, pruning.rounding, table)
    return cast(Family, family), sizing
