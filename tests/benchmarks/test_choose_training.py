"""Trainings that choose the settings: they run, and gradients summed over batches make one step of their mean."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import nn

from cellprune.config.load import load

TINY = ["model.width=4", "model.depth=1", "data.size=[32, 32]", "training.epochs=1", "pruning.batch_size=4"]


@pytest.fixture
def program(benchmark: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark("choose_training")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Detected call of")  # the learning rate goes on in batches that only add up
def test_a_setting_is_scored_on_what_was_set_apart(program: ModuleType, data_root: Path) -> None:
    for ratio in (0, 0.5):
        settings = load(assignments=["data.dataset=simulated", f"pruning.ratio={ratio}", *TINY])
        found = program.score(settings, data_root, n_batches=2)
        assert 0 <= found["iou_image_mean"] <= 1


def test_what_a_setting_says_wins_over_what_all_share(program: ModuleType) -> None:
    found = {name: program.settings_of(name, ["seed=1"]) for name in ("base", "batch 1", "batch 1, robust")}
    assert {name: (s.data.normalization, s.training.batch_size) for name, s in found.items()} == {
        "base": ("standard", 2), "batch 1": ("standard", 1), "batch 1, robust": ("robust", 1),
    }  # fmt: skip
    assert {(s.seed, s.data.truth) for s in found.values()} == {(1, "paper")}


def test_one_step_takes_the_mean_gradient_of_so_many_batches(program: ModuleType) -> None:
    model = nn.Linear(2, 1, bias=False)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    mask = torch.tensor([[True, False]])
    policy = program.Accumulating({"weight": mask}, 2)
    policy.start(model, optimizer)
    for number, gradient in enumerate(([1.0, 5.0], [3.0, 5.0], [7.0, 5.0])):
        model.weight.grad = torch.tensor([gradient])
        assert policy.before_step(number, model, optimizer) is (number == 1)
        if number == 1:
            assert model.weight.grad.tolist() == [[2.0, 0.0]]
