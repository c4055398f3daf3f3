"""A network from its name and settings."""

from collections.abc import Callable, Mapping
from inspect import signature
from typing import TYPE_CHECKING

from cellprune.config.names import resolve
from cellprune.errors import CellpruneError, unknown
from cellprune.wording import quoted

if TYPE_CHECKING:
    from torch import nn


def build(settings: Mapping[str, object]) -> "nn.Module":
    """Build the network that the settings describe.

    Args:
        settings: "name" (a row of the models' table) and that network's own settings, such as
            {"name": "unet", "in_channels": 1, "classes": 2, "width": 64, "depth": 4, "norm": "batch"}.
    Returns:
        The network in training mode, on the CPU, float32, initialized from torch's current random state.
    Raises:
        CellpruneError: no such network, or a setting that it does not have or that is out of range.
    """
    maker = maker_of(settings)
    own = {key: value for key, value in settings.items() if key != "name"}
    known = signature(maker).parameters
    for key in own:
        if key not in known:
            raise CellpruneError(unknown(f"setting of model {quoted(settings['name'])} called", key, known))
    return maker(**own)


def maker_of(settings: Mapping[str, object]) -> "Callable[..., nn.Module]":
    """Give the function that builds the network which settings name.

    Raises:
        CellpruneError: they name none, or one that is not in the models' table.
    """
    if "name" not in settings:
        raise CellpruneError("the model's settings have no name: name the network to build, such as name: unet")
    name = settings["name"]
    if not isinstance(name, str):
        raise CellpruneError(f"model.name is {quoted(name)}, but must be a name, such as unet")
    maker: Callable[..., nn.Module] = resolve("model", name)
    return maker
