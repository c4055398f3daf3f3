"""A finished run, used again: its network scored on other images."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from cellprune import tasks
from cellprune.config.decoding import Decoding
from cellprune.data.parts import Frames
from cellprune.errors import CellpruneError
from cellprune.experiment import earlier
from cellprune.experiment.opening import Opened
from cellprune.lab import scale
from cellprune.models.architecture import Architecture
from cellprune.models.loaded import read
from cellprune.runs import log
from cellprune.runs.finished import finished
from cellprune.runs.modelcard import read_card
from cellprune.runs.scores import Scores
from cellprune.runs.split import FrameSplit, Split
from cellprune.training.accelerator import start
from cellprune.training.progress import Tell, unheard
from cellprune.wording import many


def evaluate(
    path: Path,
    *,
    dataset: str | None = None,
    network: str | None = None,
    part: str | None = None,
    data_root: Path | None = None,
    device: str = "auto",
    decoder: Decoding = Decoding(),  # noqa: B008 (a frozen value)
    tell: Tell = unheard,
) -> Scores:
    """Score a finished run's network on a part of its own data, or on all gold frames of another data set.

    Args:
        path: the run folder.
        dataset: a card's name, a folder or FILE.py:NAME; None for the run's own. Where these are FILE.py:NAME, they are
            named again, because a run makes no code run.
        network: FILE.py:NAME of a run of a network of the user's own; see `models.loaded.load`.
        part: "report" (held out), "train" or "all" of the run's own data; None for what the run was scored on, which
            is "report", or "select" where it set frames apart to choose by. Another data set is always taken whole.
        decoder: what of it is to be otherwise than in the run.
        tell: told of each image, or batch of images, that is done.
    Returns:
        What scores.json would hold of these frames.
    Raises:
        CellpruneError: no finished run, no such data, data that changed since the run, or a decoder that the network
            cannot feed.
    """
    folder = finished(path)
    as_it_is = decoder == Decoding()
    if as_it_is and dataset is None and (own := folder.read_scores()).part == (part or own.part):
        return own
    settings = earlier.settings_of(folder)
    task = tasks.of(settings)
    if not as_it_is and task.tune is None:
        raise CellpruneError(f"{path} is a run of {settings.task}, which has no decoder: remove --set and --decoder")
    data, is_own = earlier.data_of(settings, dataset)
    loaded = read(path, network)
    # a network that learned from grey as it is saved is shown it so
    frames = task.open(data, data_root).seen_with(loaded.architecture.in_channels)
    _require_fit(path, loaded.architecture, frames, task.outputs(frames, data), data.dataset)
    pixel_size_um: Any = task.header(frames, settings).get("pixel_size_um")
    if pixel_size_um is not None and (
        doubt := scale.difference(read_card(loaded.header, path), {data.dataset: (pixel_size_um[0], pixel_size_um[1])})
    ):
        log.LOGGER.warning("%s, and the scores are those of predicting without --rescale", doubt)
    header = dict(loaded.header)
    if not as_it_is:
        card = read_card(header, path)
        header |= card.decoded_by(card.decoder_by(decoder)).decoding()
    part = part or (folder.read_scores().part if is_own else "report")
    split = task.again(frames, folder.read_split(), part) if is_own else task.whole(frames, data)
    if dataset is not None and not is_own:
        _warn_of_learned(folder.read_split(), split.written(), dataset)
    on = start(device).device
    loaders = Opened(settings, task, frames, split).loaders(0, on)
    return replace(task.scores(loaded.network.to(on), loaders, "report", header, tell), part=part)


def _warn_of_learned(own: Split, other: Split, dataset: str) -> None:
    """Say how many images of another data set, by their content, the network learned from."""
    if not (isinstance(own, FrameSplit) and isinstance(other, FrameSplit)):
        return
    learned = {frame.sha256["image"] for frame in own.parts["train"]}
    scored = [frame.sha256["image"] for frame in other.parts["report"]]
    if known := sum(image in learned for image in scored):
        log.LOGGER.warning(
            "the network learned from %d of these %s of %s, so their scores flatter it",
            known, many(len(scored), "image"), dataset,
        )  # fmt: skip


def _require_fit(path: Path, network: Architecture, frames: Frames, outputs: int, dataset: str) -> None:
    for knows, has, what in (
        (network.in_channels, frames.channels, many(network.in_channels, "channel")),
        (network.classes, outputs, f"{network.classes} classes"),
    ):
        if knows != has:
            raise CellpruneError(
                f"the network of {path} knows {what}, but {dataset} has {has}: "
                "evaluate it on data like those it was trained on"
            )
