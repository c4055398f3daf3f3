"""The decoder of a network chosen by SEG, on frames that the network learned from; those held out have no say."""

from collections.abc import Sequence

from torch import nn

from cellprune.config.decoding import Decoding
from cellprune.config.names import resolve
from cellprune.data.cells.frames import Frame
from cellprune.data.cells.loaders import Loaders, Sample
from cellprune.evaluation import cells
from cellprune.images.read import Floats, read_header
from cellprune.models.loaded import Header
from cellprune.runs.modelcard import ModelCard, read_card
from cellprune.runs.tuning import Tried, Tuning
from cellprune.targets import tuning
from cellprune.targets.decoders import Decoder
from cellprune.targets.kinds import UNKNOWN
from cellprune.targets.target import Target
from cellprune.tasks.maps import with_maps
from cellprune.training.progress import Tell
from cellprune.wording import many

LEAST_CELLS = 20  # of fewer, one or two of them decide


def tune(
    network: nn.Module, loaders: Loaders, fixed: Decoding, most_px: float | None, header: Header | None, tell: Tell
) -> Tuning:
    """Decode frames of the training part by several decoders, and choose the one with the best SEG.

    Args:
        network: in the state it is judged in; its mode is kept.
        loaders: its training part.
        fixed: what nothing else is tried of.
        most_px: native pixels of all frames together, which are then spread evenly over the training part; at least
            one frame is taken. None for all frames.
        header: of the file that the network was loaded from; None for the loaders' card.
        tell: told of each frame that is done.
    Returns:
        What was tried, and what was chosen. SEG sees no piece that is too many, so of equals AP at 0.5 decides, which
        does; then the network's own decoder stays, or the first.
    """
    card = loaders.card if header is None else read_card(header, "the network")
    own = card.usual_decoder
    decoders: Sequence[Decoder] = (own,)
    if card.cells is not None:
        decoders = tuning.tried(own, card.cells, name=fixed.name, numbers=fixed.numbers)
    frames = _spread(loaders.frames("train"), most_px)
    if why := _nothing_to_tune(card, loaders.count_cells(frames), len(frames), len(decoders)):
        return Tuning(tried=(Tried(own, None),), skipped=why)
    counts: list[list[cells.CellCount]] = []
    for sample, maps in with_maps(network, loaders.learned(frames), card):
        counts.append(_counted(maps, sample, card, decoders, loaders.field_of_interest_px))
        tell(len(counts), len(frames))
    columns = list(zip(*counts, strict=True))
    scores = [cells.summary(column) for column in columns]
    return Tuning(
        tried=tuple(Tried(each, score["seg"]) for each, score in zip(decoders, scores, strict=True)),
        chosen=max(range(len(scores)), key=lambda at: (scores[at]["seg"] or 0, scores[at]["ap_50"] or 0, -at)),
        frames=tuple(frame.id for frame in frames),
        n_cells=cells.total(columns[0]).true,
    )


def _nothing_to_tune(card: ModelCard, n_cells: int, n_frames: int, n_decoders: int) -> str | None:
    """Say why nothing is tried, if so."""
    if len(card.classes) > 2:
        return "labels are classes, which number no cells"
    if card.cells is None:
        return "it is not known how large the training cells were"
    if n_decoders == 1:
        return "all its numbers were given"
    if n_cells < LEAST_CELLS:
        return (
            f"{many(n_cells, 'cell')} in {many(n_frames, 'frame')} are too few, {LEAST_CELLS} are needed (`cellprune "
            "tune RUN` takes all frames that the network learned from)"
        )
    return None


def _spread(frames: Sequence[Frame], most_px: float | None) -> list[Frame]:
    """Give frames at even distances, of about so many pixels together; at least one."""
    if most_px is None:
        return list(frames)
    heights_and_widths = [read_header(frame.image).size for frame in frames]
    whole_px = sum(height * width for height, width in heights_and_widths)
    n = min(len(frames), max(1, int(most_px * len(frames) / whole_px)))
    return [frames[(2 * at + 1) * len(frames) // (2 * n)] for at in range(n)]


def _counted(
    maps: Floats, sample: Sample, card: ModelCard, decoders: Sequence[Decoder], field_of_interest_px: int
) -> list[cells.CellCount]:
    """Count one frame's cells as each decoder finds them, and as the run's scores count them."""
    target: Target = resolve("target", card.target)
    labels = sample.labels_native
    truth, unknown = labels.clip(min=0), labels == UNKNOWN
    found = tuning.cells_by_each(target, maps, (labels.shape[0], labels.shape[1]), decoders)
    return [cells.count(truth, each, ignored=unknown, field_of_interest_px=field_of_interest_px) for each in found]
