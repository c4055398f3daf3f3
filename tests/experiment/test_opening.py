"""What a run works with: the data that settings name, and the network that their seed draws."""

from pathlib import Path

import pytest
import torch

from cellprune.config.load import load
from cellprune.errors import CellpruneError
from cellprune.experiment.opening import Opened, drawn, open_data, set_up
from cellprune.training.accelerator import start

TINY = ["data.size=[32, 32]", "model.width=2", "model.depth=1", "training.batch_size=2"]


@pytest.fixture(scope="module")
def opened(data_root: Path) -> Opened:
    return open_data(load(assignments=TINY), data_root)


def test_the_data_decide_channels_and_classes_of_the_network(opened: Opened) -> None:
    assert opened.architecture.as_dict() == {
        "name": "unet", "width": 2, "depth": 1, "norm": "batch", "padding": "same", "in_channels": 1, "classes": 3,
    }  # fmt: skip
    assert opened.input_size == (1, 32, 32)


def test_a_network_is_drawn_by_its_seed_and_draw(opened: Opened) -> None:
    first, again, other_draw, other_seed = (
        drawn(opened.architecture, *numbers).head.weight for numbers in ((0,), (0,), (0, 1), (1,))
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other_draw)
    assert not torch.equal(first, other_seed)


def test_everything_is_set_up_for_the_first_step(opened: Opened) -> None:
    setup = set_up(opened, start("cpu"))
    images, target = next(iter(setup.loaders.train(1)))
    assert setup.loss(setup.network(images), target).isfinite()
    assert torch.equal(setup.network.head.weight, drawn(opened.architecture, 0).head.weight)


def test_data_that_are_not_here_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CellpruneError, match="run 'cellprune data fetch PhC-C2DH-U373'"):
        open_data(load(assignments=["data.dataset=PhC-C2DH-U373"]), tmp_path)
