"""The decoder of a finished run, its numbers chosen on the frames that were learned from; the held-out have no say."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from cellprune.config.names import resolve
from cellprune.data.cells.split import from_written
from cellprune.data.parts import Part
from cellprune.engines.torch import TorchEngine
from cellprune.errors import CellpruneError
from cellprune.evaluation import cells
from cellprune.experiment.earlier import settings_of
from cellprune.lab import tiles
from cellprune.models.loaded import read
from cellprune.report import page
from cellprune.runs.finished import finished
from cellprune.runs.folder import Folder
from cellprune.runs.modelcard import read_card
from cellprune.runs.split import FrameSplit
from cellprune.targets import tuning
from cellprune.targets.decoders import Decoder
from cellprune.targets.target import UNKNOWN, Target
from cellprune.tasks.segmentation import TASK
from cellprune.training.accelerator import start
from cellprune.training.progress import Tell, unheard


@dataclass(frozen=True)
class Tuned:
    """What came of it.

    Attributes:
        before, after: the decoders.
        seg_before, seg_after: SEG on the frames that were learned from; None where they show no cell.
        n_tried: how many decoders there were to choose from.
        n_frames: on how many frames.
    """

    before: Decoder
    after: Decoder
    seg_before: float | None
    seg_after: float | None
    n_tried: int
    n_frames: int


def tune(path: Path, *, data_root: Path | None = None, device: str = "auto", tell: Tell = unheard) -> Tuned:
    """Choose the numbers of a run's decoder by SEG, and write them into its model file, its scores and its page.

    Args:
        path: the run folder.
        tell: told of each frame that is done.
    Raises:
        CellpruneError: no finished run of cells, one that does not say how large its cells are, or data that changed.
    """
    finished(path)
    folder = Folder.open(path, resume=True)
    settings = settings_of(folder)
    if settings.task != "segmentation":
        raise CellpruneError(f"{path} is a run of {settings.task}, which has no decoder: tune a run that finds cells")
    header, weights, masks = folder.read_model()
    card, written, scored = read_card(header, path), folder.read_split(), folder.read_scores()
    if card.cells is None:
        raise CellpruneError(
            f"{path} does not say how large its training cells were (an older version made it, or its labels are "
            "classes), so its decoder cannot be tuned: train again with label images that number the cells"
        )
    assert isinstance(written, FrameSplit)
    dataset = TASK.open(settings.data, data_root).seen_with(card.in_channels)
    on = start(device).device
    loaders = TASK.loaders(dataset, from_written(written, dataset), settings, 0, on)
    network, target = read(path).network.to(on), resolve("target", card.target)
    engine, decoders = TorchEngine(network, card, on), tuning.tried(card.usual_decoder, card.cells)
    counts: list[list[cells.CellCount]] = []
    for sample in loaders.samples("train"):
        maps = tiles.probabilities(engine, sample.seen(card))
        counts.append(_counted(target, maps, sample.labels_native, decoders, loaders.field_of_interest_px))
        tell(len(counts), loaders.n_train)
    segs = [cells.summary(column)["seg"] for column in zip(*counts, strict=True)]
    best = max(range(len(decoders)), key=lambda at: (segs[at] or 0, -at))
    if best:
        said = {key: value for key, value in header.items() if key != "format_version"}
        said |= card.model_copy(update={"decoder": decoders[best]}).decoding()
        with folder.lock():
            folder.write_model(said, weights, masks)
            folder.write_scores(TASK.scores(network, loaders, cast(Part, scored.part), said, unheard))
            page.write(folder)
    return Tuned(decoders[0], decoders[best], segs[0], segs[best], len(decoders), len(counts))


def _counted(
    target: Target, maps: np.ndarray, labels: np.ndarray, decoders: Sequence[Decoder], field_of_interest_px: int
) -> list[cells.CellCount]:
    """Count one frame's cells as each decoder finds them, and as the run's scores count them."""
    truth, unknown, size = np.maximum(labels, 0), labels == UNKNOWN, (labels.shape[0], labels.shape[1])
    found = (target.decode(maps, size, decoder).labels.astype(np.int32) for decoder in decoders)
    return [cells.count(truth, each, ignored=unknown, field_of_interest_px=field_of_interest_px) for each in found]
