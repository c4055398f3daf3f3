"""Labels that draw cells and do not number them show no border between two that touch: classes are learned of them."""

from cellprune.config import names
from cellprune.config.schema import Settings
from cellprune.data.cells.frames import Dataset
from cellprune.data.cells.matching import draw_only, refuse_mixed
from cellprune.data.cells.truth import read_truth
from cellprune.data.parts import Frames
from cellprune.runs import log

_TARGET = "classes"
_OF_CELLS = 2  # classes: background and cells
_LOOKED_AT = 20  # label images, spread over all, as every run of a sweep looks; `data check` looks at all


def is_target_open(settings: Settings) -> bool:
    """Tell whether the labels have a say in what is learned."""
    return settings.task == "segmentation" and not (_is_asked(settings) and settings.data.target == _TARGET)


def with_target_told(settings: Settings, frames: Frames) -> Settings:
    """Give settings that say what is learned, where nobody has said it: by whether the labels number the cells.

    Returns:
        The settings; a target that was asked for stays.
    Raises:
        CellpruneError: labels that cannot be read, or of which some number the cells and others do not.
    """
    data, usual = settings.data, settings.data.target
    if not is_target_open(settings):
        return settings
    are_drawn = isinstance(frames, Dataset) and len(data.classes) == _OF_CELLS and _are_drawn(frames)
    if _is_asked(settings):
        if are_drawn:
            log.warn_once(
                f"warning: the label images of {frames.name} draw cells and do not number them, so --target {usual} "
                f"takes cells that touch for one: take --target {_TARGET}, or number the cells"
            )
        return settings
    target = _TARGET if are_drawn else usual
    training = settings.training
    if target != usual:
        log.warn_once(
            f"note: the label images of {frames.name} draw cells and do not number them, so no border between cells "
            f"that touch is known: --target {target} is taken"
        )
        if training.loss == names.TARGETS[usual].losses[0]:
            training = training.model_copy(update={"loss": names.TARGETS[target].losses[0]})
    return settings.model_copy(update={"data": data.model_copy(update={"target": target}), "training": training})


def _is_asked(settings: Settings) -> bool:
    return "target" in settings.data.model_fields_set


def _are_drawn(dataset: Dataset) -> bool:
    """Tell it of a plain folder; in the challenge's layout, where frames have no names, labels are numbers."""
    plain = [frame for frame in dataset.frames if frame.name and frame.gold]
    some = plain[:: max(1, len(plain) // _LOOKED_AT)]
    refuse_mixed((frame.files["gold"], read_truth(frame, "gold")) for frame in some)
    return draw_only(read_truth(frame, "gold") for frame in plain)
