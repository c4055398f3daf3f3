"""The maps of a run's images, as predicting makes them."""

from collections.abc import Iterable, Iterator

from torch import nn

from cellprune.data.cells.loaders import Sample
from cellprune.engines.torch import TorchEngine
from cellprune.images.read import Floats
from cellprune.lab import tiles
from cellprune.runs.modelcard import ModelCard
from cellprune.structure.modes import evaluating


def with_maps(network: nn.Module, samples: Iterable[Sample], card: ModelCard) -> Iterator[tuple[Sample, Floats]]:
    """Give every image with its maps, (maps, h, w) float32; the network's mode is kept.

    Args:
        network: in the state that is asked about.
        samples: the images.
        card: says what the network is shown of them.
    """
    engine = TorchEngine(network, card, next(network.parameters()).device)
    for sample in samples:
        with evaluating(network):  # image by image: who takes them may stop, or fail, in between
            maps = tiles.probabilities(engine, sample.seen(card))
        yield sample, maps
