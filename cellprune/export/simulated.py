"""Images to compare on where no real ones are here: simulated cells, of the size and channels that the model knows."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from cellprune.data.simulated.cells import scenes
from cellprune.data.simulated.optics import Microscope
from cellprune.export.parity import Example
from cellprune.runs.modelcard import read_card

_N_IMAGES = 4
_LEAST_PX, _MOST_PX = 48, 1024


def examples(header: Mapping[str, Any]) -> list[Example]:
    """Make images as the header of a model file describes them, and their truth where cells are all it knows."""
    card = read_card(header, "the model")
    sides = zip(card.network_size_px, card.zoom, strict=True)
    height, width = (min(max(round(side / zoom), _LEAST_PX), _MOST_PX) for side, zoom in sides)
    rng = np.random.Generator(np.random.Philox(key=[0, 1]))
    microscope = Microscope(rng, (height, width), "phase")
    made = []
    for scene, _ in scenes(rng, _N_IMAGES, (height, width)):
        # other channels show the same cells from elsewhere: a network of several never saw equal ones
        channels = [microscope.image(scene).astype(np.float32) for _ in range(card.in_channels)]
        truth = (scene.labels > 0).astype(np.uint8) if len(card.classes) == 2 else None
        made.append(Example(np.stack(channels), truth))
    return made
