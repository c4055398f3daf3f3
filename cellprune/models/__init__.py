"""Networks by name: `build(settings)` gives a new one, drawn from torch's current random state."""

from collections.abc import Mapping
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cellprune.config.names import resolve
from cellprune.errors import CellpruneError, unknown
from cellprune.wording import quoted, reason

if TYPE_CHECKING:
    from torch import nn


def build(settings: Mapping[str, Any]) -> "nn.Module":
    """Build the network that the settings describe.

    Args:
        settings: "name" (a row of the models' table) and that network's own settings, such as
            {"name": "unet", "in_channels": 1, "classes": 2, "width": 64, "depth": 4, "norm": "batch"}.
    Returns:
        The network in training mode, on the CPU, float32, initialized from torch's current random state.
    Raises:
        CellpruneError: no such network, or a setting that it does not have or that is out of range.
    """
    if "name" not in settings:
        raise CellpruneError("the model's settings have no name: name the network to build, such as name: unet")
    name = settings["name"]
    if not isinstance(name, str):
        raise CellpruneError(f"model.name is {quoted(name)}, but must be a name, such as unet")
    maker = resolve("model", name)
    own = {key: value for key, value in settings.items() if key != "name"}
    known = signature(maker).parameters
    for key in own:
        if key not in known:
            raise CellpruneError(unknown(f"setting of model {quoted(name)} called", key, known))
    return maker(**own)


def load(path: str | Path) -> "nn.Module":
    """Load a trained network, ready to use: on the CPU, in evaluation mode.

    Args:
        path: a run folder or a model file.
    Raises:
        CellpruneError: no such file, damaged, of a newer format, or of an unknown network.
    Note:
        the file's header goes along as the attribute `header`, for whoever prepares images as in training.
    """
    import torch

    from cellprune.runs import modelfile
    from cellprune.runs.folder import FILES

    file = Path(path) / FILES["model"] if Path(path).is_dir() else Path(path)
    header, weights, _ = modelfile.read(file)
    try:
        # the file's weights are the ones: whatever the training started from, nothing is fetched for them
        architecture = {key: value for key, value in header["architecture"].items() if key != "weights"}
        with torch.device("meta"):  # shapes first: a header may claim any width, the weights are what is there
            network = build(architecture)
        _require_same(network.state_dict(), weights)
        network.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()}, assign=True)
    except (CellpruneError, AttributeError, LookupError, TypeError, ValueError, ArithmeticError, RuntimeError) as error:
        raise CellpruneError(
            f"{file} describes no network that can be built ({reason(error)}): make it again"
        ) from error
    network.__dict__["header"] = header
    return network.eval()


def _require_same(described: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Refuse weights that are not those of the described network, in one sentence: torch has one for each of them."""
    wrong = [
        name
        for name in sorted(described.keys() | given.keys())
        if name not in described or name not in given or tuple(described[name].shape) != given[name].shape
    ]
    if wrong:
        raise ValueError(f"{len(wrong)} of its {len(given)} tensors do not fit, such as {quoted(wrong[0])}")
