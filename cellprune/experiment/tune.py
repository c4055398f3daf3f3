"""The decoder of a finished run, its numbers chosen on all frames that were learned from; the held-out have no say."""

from dataclasses import replace
from pathlib import Path
from typing import cast

from cellprune import tasks
from cellprune.data.cells.split import from_written
from cellprune.data.parts import Part
from cellprune.errors import CellpruneError
from cellprune.experiment import link_tuning
from cellprune.experiment.earlier import data_of, settings_of
from cellprune.models.loaded import read
from cellprune.report import page, sentences
from cellprune.runs import log
from cellprune.runs.finished import finished
from cellprune.runs.folder import Folder
from cellprune.runs.modelcard import read_card
from cellprune.runs.split import FrameSplit
from cellprune.runs.tuning import Tuning
from cellprune.tasks.segmentation import TASK
from cellprune.tasks.tuning import tune as tuned
from cellprune.training.accelerator import start
from cellprune.training.progress import Tell, unheard


def tune(
    path: Path,
    *,
    dataset: str | None = None,
    network: str | None = None,
    data_root: Path | None = None,
    device: str = "auto",
    tell: Tell = unheard,
) -> Tuning:
    """Choose the numbers of a run's decoder by SEG, and write them into its model file, its scores and its page.

    Args:
        path: the run folder.
        dataset: FILE.py:NAME, where these are the run's own data.
        network: FILE.py:NAME of a run of a network of the user's own; see `models.loaded.load`.
        tell: told of each frame that is done.
    Raises:
        CellpruneError: no finished run of cells, one whose decoder cannot be tuned, or data that changed.
    """
    finished(path)
    folder = Folder.open(path, resume=True)
    settings = settings_of(folder)
    if tasks.of(settings).tune is None:
        raise CellpruneError(f"{path} is a run of {settings.task}, which has no decoder: tune a run that finds cells")
    data, is_own = data_of(settings, dataset)
    if not is_own:
        raise CellpruneError(f"--dataset {dataset}: a decoder is tuned on what the run learned from: remove --dataset")
    loaded, written = read(path, network), folder.read_split()
    card, part = read_card(loaded.header, path), cast(Part, folder.read_scores().part)
    assert isinstance(written, FrameSplit)
    frames = TASK.open(data, data_root).seen_with(card.in_channels)
    on = start(device).device
    parts = from_written(written, frames)
    loaders = TASK.loaders(frames, parts, settings, 0, on)
    trained = loaded.network.to(on)
    tuning = tuned(trained, loaders, settings.decoder, None, loaded.header, tell)
    tuning = replace(tuning, links=link_tuning.of(frames, parts))
    if tuning.skipped:
        raise CellpruneError(f"{path}: {sentences.tuned(tuning)}")
    with folder.lock(), log.kept(folder.log_path):
        if not _is_of(folder, tuning):
            header, weights, masks = folder.read_model()
            said = {key: value for key, value in header.items() if key not in ("format_version", "linking")}
            said |= card.decoded_by(tuning.after.decoder).decoding() | link_tuning.header(tuning.links)
            folder.write_scores(TASK.scores(trained, loaders, part, said, unheard))
            folder.write_model(said, weights, masks)
            cost = folder.read_cost()
            size = folder.file("model").stat().st_size
            folder.write_cost(replace(cost, bytes=replace(cost.bytes, model_file=size)))
            folder.write_tuning(tuning)  # last: who is killed before it does all of it again
        page.write(folder)
        for line in (sentences.tuned(tuning), *sentences.links(tuning.links)):
            log.LOGGER.info(line)
    return tuning


def _is_of(folder: Folder, tuning: Tuning) -> bool:
    """Tell whether all files of the run are of the decoder that was chosen."""
    if tuning.chosen or not folder.holds("tuning"):
        return False
    before = folder.read_tuning()
    return before.after == tuning.after and before.links == tuning.links
