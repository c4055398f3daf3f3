"""Networks by name: `build` draws a new one from torch's current random state, `load` reads a trained one."""

from cellprune.models.building import build
from cellprune.models.loaded import load

__all__ = ["build", "load"]
