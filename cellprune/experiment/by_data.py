"""What nobody said, and the data decide before anything is kept: the target, and the size of whole frames."""

from pathlib import Path

from cellprune import tasks
from cellprune.config.schema import Settings
from cellprune.data.parts import Frames
from cellprune.experiment.unnumbered import is_target_open, with_target_told
from cellprune.experiment.whole_frames import is_size_open, with_size_told


def told_by_data(settings: Settings, data_root: Path | None, frames: Frames | None = None) -> Settings:
    """Give settings that say all that is learned; what was asked for stays.

    Args:
        frames: the data, where they are open already.
    Raises:
        CellpruneError: no such data, labels that cannot be read, or of which some number the cells and others do not.
    """
    if not (is_target_open(settings) or is_size_open(settings)):
        return settings
    frames = tasks.of(settings).open(settings.data, data_root) if frames is None else frames
    told = with_target_told(settings, frames)
    return with_size_told(told, frames) if is_size_open(settings) else told
