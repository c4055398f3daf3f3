"""What a run's own file says of its settings: every choice made, also those that this machine and given masks make."""

import numpy as np
import torch

from cellprune.config import load as config
from cellprune.config import own
from cellprune.config.schema import Settings
from cellprune.config.training import Training
from cellprune.errors import CellpruneError
from cellprune.experiment import initial, teaching
from cellprune.runs import container, maskfile
from cellprune.training.precision import precision


def settled(settings: Settings, device: torch.device) -> Settings:
    """Make every choice, so that the same settings give the same run on another machine.

    Raises:
        CellpruneError: settings that do not go together, no masks file, or another one than they were made with.
    """
    settings = with_masks_told(settings)
    _refuse_other_code("pruning.method_sha256", settings.pruning.method, settings.pruning.method_sha256)
    _refuse_other_code("data.source_sha256", settings.data.dataset, settings.data.source_sha256)
    _refuse_other_code("model.source_sha256", settings.model.name, settings.model.source_sha256)
    training = initial.told(with_teacher_told(settings))
    chosen = precision(training.precision, device)
    return settings.model_copy(update={"training": training.model_copy(update={"precision": chosen})})


def with_teacher_told(settings: Settings) -> Training:
    """Write the content of the teacher into the settings.

    Raises:
        CellpruneError: no such network, or another one than the settings were made with.
    """
    training = settings.training
    if training.teacher is None:
        return training
    weights = teaching.read(settings).network.state_dict()
    content = container.digest({name: value.numpy() for name, value in weights.items()})
    if training.teacher_sha256 not in (None, content):
        raise CellpruneError(
            f"{training.teacher} does not hold the teacher that these settings were made with: restore it"
        )
    return training.model_copy(update={"teacher_sha256": content})


def _refuse_other_code(key: str, name: str, content: str | None) -> None:
    """Refuse code of the user's own whose file changed since the settings were made.

    Raises:
        CellpruneError: the message names the file.
    """
    if content is not None and own.is_own(name) and own.sha256(name) != content:
        raise CellpruneError(
            f"{own.short(name)} is not the code that these settings were made with: restore it, or start again in "
            f"another --output without {key}"
        )


def with_masks_told(settings: Settings) -> Settings:
    """Write the content of given masks into the settings: what they remove, whether whole channels, and their hash.

    Raises:
        CellpruneError: no masks file, or another one than the settings were made with.
    """
    settings = config.resolve(settings)
    pruning = settings.pruning
    if pruning.masks is None:
        return settings
    masks = maskfile.read(pruning.masks)
    content = maskfile.digest(masks)
    if pruning.masks_sha256 not in (None, content):
        raise CellpruneError(f"{pruning.masks} does not hold the masks that these settings were made with: restore it")
    # biases and norms, which masks of whole channels have beside the weights, are no weights
    weights = [mask for mask in masks.values() if mask.ndim > 1]
    kept, total = (sum(int(count(mask)) for mask in weights) for count in (np.count_nonzero, np.size))
    facts = {
        "ratio": round(1 - kept / total, 12) if total else 0.0,
        "masks_sha256": content,
        "shrink": pruning.shrink and len(weights) < len(masks),
    }
    if pruning.control.endswith("-latency") and len(weights) == len(masks):
        raise CellpruneError(
            f"pruning.control={pruning.control} takes the time of the channels that stay, and {pruning.masks} removes "
            "single weights: give masks of channels, or another --control"
        )
    return settings.model_copy(update={"pruning": pruning.model_copy(update=facts)})
