"""One run, from a configuration to a report. `story.py` tells it; the other files are what it asks."""

from cellprune.experiment.story import choose_masks, is_there, run, settled, split_of

__all__ = ["choose_masks", "is_there", "run", "settled", "split_of"]
