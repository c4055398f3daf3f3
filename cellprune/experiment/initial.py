"""Initial weights from a file: put into a network that they fit, and told to the settings by their content."""

from pathlib import Path

import torch
from torch import nn

from cellprune.config.training import Training
from cellprune.errors import CellpruneError
from cellprune.runs import container, startfile
from cellprune.runs.split import FrameSplit, Split
from cellprune.wording import many


def told(training: Training) -> Training:
    """Write the content of the initial weights into the settings.

    Raises:
        CellpruneError: no such file, or others than the settings were made with.
    """
    if training.init is None:
        return training
    content = container.digest(startfile.read(training.init)[0])
    if training.init_sha256 not in (None, content):
        raise CellpruneError(
            f"{training.init} does not hold the initial weights that these settings were made with: restore it"
        )
    return training.model_copy(update={"init_sha256": content})


def put(network: nn.Module, path: Path) -> None:
    """Give a network the weights of a file; its output layer stays as it was drawn.

    Raises:
        CellpruneError: they are of another network; the first tensor that does not fit is named.
    """
    weights, made = startfile.read(path)
    ours = {name: tuple(value.shape) for name, value in network.state_dict().items() if name not in made.untrained}
    theirs = {name: value.shape for name, value in weights.items()}
    if wrong := [name for name in (*ours, *theirs) if ours.get(name) != theirs.get(name)]:
        own, its = (_said(shapes.get(wrong[0])) for shapes in (ours, theirs))
        raise CellpruneError(
            f"{path} is of another network than this run trains ({wrong[0]} is {its} there and {own} here): give the "
            "--model and the --model.width that it was pretrained with"
        )
    network.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()}, strict=False)


def seen_before(path: Path | None, split: Split) -> list[str]:
    """Say that held-out images were pretrained on, though without their truth; nothing where none was."""
    if path is None or not isinstance(split, FrameSplit):
        return []
    seen = set(startfile.read(path)[1].images)
    held_out = [frame for part in ("report", "select") for frame in split.parts[part]]
    n_seen = sum(frame.sha256["image"] in seen for frame in held_out)
    if not n_seen:
        return []
    return [
        f"{path} was pretrained on {many(n_seen, 'held-out frame')}, without the truth: scores say less about new "
        "images than if these had been left out"
    ]


def _said(shape: tuple[int, ...] | None) -> str:
    return "absent" if shape is None else " x ".join(map(str, shape)) or "a number"
