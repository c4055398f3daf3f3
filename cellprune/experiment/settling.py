"""What a run's own file says of its settings: every choice made, also those that this machine and given masks make."""

import numpy as np
import torch

from cellprune.config import load as config
from cellprune.config import own
from cellprune.config.pruning import Pruning
from cellprune.config.schema import Settings
from cellprune.config.training import Training
from cellprune.errors import CellpruneError
from cellprune.experiment import initial
from cellprune.models import loaded
from cellprune.runs import container, maskfile
from cellprune.training.accelerator import precision


def settled(settings: Settings, device: torch.device) -> Settings:
    """Make every choice, so that the same settings give the same run on another machine.

    Raises:
        CellpruneError: settings that do not go together, no masks file, or another one than they were made with.
    """
    settings = with_masks_told(settings)
    _refuse_other_code(settings.pruning)
    training = initial.told(with_teacher_told(settings.training))
    chosen = precision(training.precision, device)
    return settings.model_copy(update={"training": training.model_copy(update={"precision": chosen})})


def with_teacher_told(training: Training) -> Training:
    """Write the content of the teacher into the settings.

    Raises:
        CellpruneError: no such network, or another one than the settings were made with.
    """
    if training.teacher is None:
        return training
    weights = loaded.read(training.teacher).network.state_dict()
    content = container.digest({name: value.numpy() for name, value in weights.items()})
    if training.teacher_sha256 not in (None, content):
        raise CellpruneError(
            f"{training.teacher} does not hold the teacher that these settings were made with: restore it"
        )
    return training.model_copy(update={"teacher_sha256": content})


def _refuse_other_code(pruning: Pruning) -> None:
    """Refuse a method of the user's own whose file changed since the settings were made.

    Raises:
        CellpruneError: the message names the file.
    """
    if pruning.method_sha256 is not None and own.sha256(pruning.method) != pruning.method_sha256:
        raise CellpruneError(
            f"{own.short(pruning.method)} is not the code that these settings were made with: restore it, or start "
            f"again in another --output without pruning.method_sha256"
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
