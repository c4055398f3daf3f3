"""The training loop on a network of a few weights: rows, stops, failures, and going on to the same bits."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from stopping import Stop
from torch import Tensor, nn
from torch.nn import functional as F

from cellprune.config.training import Training
from cellprune.runs.metrics import Epoch
from cellprune.training.accelerator import start
from cellprune.training.checkpoint import Checkpoint
from cellprune.training.fit import Stopped, TrainingFailed, fit, reseed
from cellprune.training.progress import Event
from cellprune.training.sparse.static import Static

SETTINGS = Training(learning_rate=0.01, evaluate_every=2)
N_BATCHES = 3


class Batches:
    """Batches of noise that depend on the epoch alone."""

    def __init__(self, epoch: int, rank: int, n_processes: int) -> None:
        self.epoch = epoch

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        generator = torch.Generator().manual_seed(self.epoch)
        for _ in range(N_BATCHES):
            yield torch.randn(2, 1, 4, 4, generator=generator), torch.randint(0, 2, (2, 4, 4), generator=generator)

    def __len__(self) -> int:
        return N_BATCHES


class Memory:
    """Keeps what the loop stores."""

    def __init__(self) -> None:
        self.states: list[Checkpoint] = []
        self.epochs: list[Epoch] = []
        self.rewind: dict[str, np.ndarray] = {}

    def save_state(self, tensors: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> None:
        self.states.append(Checkpoint({name: value.copy() for name, value in tensors.items()}, meta))

    def save_rewind(self, tensors: Mapping[str, np.ndarray]) -> None:
        self.rewind = {name: value.copy() for name, value in tensors.items()}

    def write_metrics(self, epochs: Sequence[Epoch]) -> None:
        self.epochs = list(epochs)


def network() -> nn.Module:
    reseed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Conv2d(4, 2, 1))


def train(model: nn.Module, store: Memory, **options: Any) -> list[Any]:
    keywords: dict[str, Any] = {
        "settings": SETTINGS, "epochs": 3, "seed": 0, "loss": F.cross_entropy, "evaluate": lambda _: {"score": 0.5},
        "accelerator": start("cpu"), "store": store,
    }  # fmt: skip
    return fit(model, Static({}), Batches, **(keywords | options))


def weights(model: nn.Module) -> list[bytes]:
    return [value.numpy().tobytes() for value in model.state_dict().values()]


def test_every_epoch_has_a_row_and_the_last_is_evaluated() -> None:
    store = Memory()
    epochs = train(network(), store)
    assert [(epoch.stage, epoch.epoch) for epoch in epochs] == [(0, 1), (0, 2), (0, 3)]
    assert [epoch.scores for epoch in epochs] == [{}, {"score": 0.5}, {"score": 0.5}]
    assert store.epochs == epochs
    assert all(epoch.loss > 0 for epoch in epochs)


def test_listeners_are_told_of_which_epoch_the_scores_are() -> None:
    told: list[tuple[int, int]] = []

    class Watcher(Stop):
        def advanced(self, event: Event) -> bool:
            told.append((event.epoch, event.scored_epoch))
            return False

    train(network(), Memory(), listeners=[Watcher()])
    assert list(dict.fromkeys(told)) == [(1, 0), (2, 0), (2, 2), (3, 2), (3, 3)]


def test_it_goes_on_from_a_checkpoint_to_the_same_bits() -> None:
    uncut, store = network(), Memory()
    whole = train(uncut, store)
    other, later = network(), Memory()
    rest = train(other, later, checkpoint=store.states[0])
    assert weights(other) == weights(uncut)
    assert [epoch.loss for epoch in rest] == [epoch.loss for epoch in whole]
    assert len(later.states) == 2, "the first epoch is not trained again"


def test_a_stage_adds_its_epochs_to_those_before_it() -> None:
    store = Memory()
    first = train(network(), store, epochs=1)
    both = train(network(), store, epochs=1, stage=1, before=first)
    assert [(epoch.stage, epoch.epoch) for epoch in both] == [(0, 1), (1, 1)]
    assert store.states[-1].epochs == both
    assert both[0] == first[0]
    assert both[0].loss != both[1].loss, "each stage has an order and batches of its own"


def test_steps_before_the_first_are_left_out_and_one_is_kept() -> None:
    store = Memory()
    model = network()
    begun = weights(model)
    train(model, store, epochs=1, keep_step=1)
    assert [value.tobytes() for value in store.rewind.values()] != begun
    later = Memory()
    epochs = train(network(), later, epochs=2, first_step=4)
    assert [epoch.epoch for epoch in epochs] == [2], "the first epoch has three steps"


def test_a_listener_stops_it_after_the_epoch() -> None:
    store = Memory()
    with pytest.raises(Stopped, match="after epoch 1 of 3"):
        train(network(), store, listeners=[Stop()])
    assert [state.epoch for state in store.states] == [1]


def test_a_loss_that_is_no_number_ends_it() -> None:
    store = Memory()
    with pytest.raises(TrainingFailed, match="the loss became nan in epoch 1, step 1; the state of epoch 0 is kept"):
        train(network(), store, loss=lambda output, target: output.sum() * float("nan"))
    assert not store.states
