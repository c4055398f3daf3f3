"""A finished run, used again: its network scored on other images."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cellprune import models, tasks
from cellprune.config import load as config
from cellprune.errors import CellpruneError
from cellprune.lab import scale
from cellprune.runs import log
from cellprune.runs.folder import Folder
from cellprune.runs.modelcard import read_card
from cellprune.runs.scores import Scores
from cellprune.training import accelerator
from cellprune.training.progress import Tell, unheard


def evaluate(
    path: Path,
    *,
    dataset: str | None = None,
    part: str = "report",
    data_root: Path | None = None,
    device: str = "auto",
    tell: Tell = unheard,
) -> Scores:
    """Score a finished run's network on a part of its own data, or on all gold frames of another data set.

    Args:
        path: the run folder.
        dataset: a card's name or a folder; None for the run's own.
        part: "report" (held out), "train" or "all" of the run's own data; another data set is always taken whole.
        tell: told of each image, or batch of images, that is done.
    Returns:
        What scores.json would hold of these frames.
    Raises:
        CellpruneError: no finished run, no such data, or data that changed since the run.
    """
    folder = Folder(path)
    if not folder.finished:
        raise CellpruneError(f"{path} is not a finished run: finish it with 'cellprune train --resume'")
    if dataset is None and part == "report":
        return folder.read_scores()
    settings = config.recorded(folder.read_config(), str(folder.file("config")))
    task = tasks.of(settings)
    data = settings.data if dataset is None else settings.data.model_copy(update={"dataset": dataset})
    frames = task.open(data, data_root)
    header = folder.read_model()[0]
    architecture = header["architecture"]
    if getattr(frames, "saved_channels", None) == architecture["in_channels"]:  # it learned from grey as it is saved
        frames = replace(frames, channels=architecture["in_channels"])
    _require_fit(path, architecture, task.network(frames), data.dataset)
    pixel_size_um = task.header(frames, settings).get("pixel_size_um")
    if pixel_size_um is not None and (
        doubt := scale.difference(read_card(header, path), {data.dataset: (pixel_size_um[0], pixel_size_um[1])})
    ):
        log.LOGGER.warning("%s, and the scores are those of predicting without --rescale", doubt)
    split = task.again(frames, folder.read_split(), part) if dataset is None else task.whole(frames, data)
    place = accelerator.start(device).device
    model = models.load(path).to(place)
    loaders = task.loaders(frames, split, settings, 0, place)
    return replace(task.scores(model, loaders, "report", tell), part=part)


def _require_fit(path: Path, architecture: Mapping[str, Any], needed: Mapping[str, int], dataset: str) -> None:
    for key, what in (("in_channels", "channel(s)"), ("classes", "classes")):
        if architecture[key] != needed[key]:
            raise CellpruneError(
                f"the network of {path} knows {architecture[key]} {what}, but {dataset} has {needed[key]}: "
                "evaluate it on data like those it was trained on"
            )
