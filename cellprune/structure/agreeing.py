"""Refuses masks of another network: a mask has a parameter's name and shape, and says True where that is kept."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from cellprune.errors import CellpruneError
from cellprune.structure.standing_in import require_network
from cellprune.wording import quoted

_MEND = "make the masks from this network"


def require_masks_of(model: nn.Module, masks: Mapping[str, Tensor]) -> None:
    """Refuse masks of another network.

    Raises:
        CellpruneError: a mask for an unknown parameter, of another shape, or not bool.
    """
    require_network(model)
    parameters = dict(model.named_parameters())
    for name, mask in masks.items():
        parameter_of(name, mask, parameters)


def parameter_of(name: str, mask: Tensor, parameters: Mapping[str, nn.Parameter]) -> nn.Parameter:
    """Give the parameter that a mask is of.

    Args:
        name: of the mask.
        parameters: of the network, by name.
    Raises:
        CellpruneError: see `require_masks_of`.
    """
    parameter = parameters.get(name)
    if parameter is None:
        raise CellpruneError(
            f"the masks are of another network: one is of {quoted(name)}, shape {tuple(mask.shape)}, and this network "
            f"has no such parameter: {_MEND}"
        )
    if mask.shape != parameter.shape or mask.dtype != torch.bool:
        raise CellpruneError(
            f"the mask of {quoted(name)} is {mask.dtype} of shape {tuple(mask.shape)}, but the parameter takes bool of "
            f"shape {tuple(parameter.shape)}: {_MEND}"
        )
    return parameter
