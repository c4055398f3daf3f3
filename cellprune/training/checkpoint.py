"""What is kept after every epoch, and put back: all that a training moves, and what came of each epoch so far."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from cellprune.errors import WorkError
from cellprune.runs.metrics import Epoch
from cellprune.training import optimizers
from cellprune.training.sparse import MaskPolicy
from cellprune.wording import reason


@dataclass(frozen=True)
class Learner:
    """All that a training moves; a constant learning rate has no schedule."""

    model: nn.Module
    optimizer: Optimizer
    schedule: LRScheduler | None
    policy: MaskPolicy


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training after an epoch.

    Attributes:
        arrays: "model.NAME", "optimizer.INDEX.KEY" and "policy.NAME" -> value.
        meta: the numbers of optimizer, schedule and policy, as JSON values, and what the properties here give.
    """

    arrays: Mapping[str, np.ndarray]
    meta: Mapping[str, Any]

    @property
    def stage(self) -> int:
        """Number of the stage that it is a state of."""
        return int(self.meta["stage"])

    @property
    def epoch(self) -> int:
        """The last epoch of that stage that is complete."""
        return int(self.meta["epoch"])

    @property
    def epochs(self) -> list[Epoch]:
        """All epochs so far, of earlier stages, too."""
        return [Epoch.of_row(row) for row in self.meta["history"]]

    def require_fit(self, model: nn.Module) -> None:
        """Check that this is a state of the network, before anything is put back.

        Raises:
            ValueError: a tensor of another name, shape or kind, or notes that are not a state's.
        """
        parameters = dict(model.named_parameters())
        expected = {f"model.{name}": (value.shape, value.dtype) for name, value in model.state_dict().items()}
        shapes = {f"optimizer.{i}": value.shape for i, value in enumerate(parameters.values())}
        shapes |= {f"policy.{name}": value.shape for name, value in parameters.items()}
        for name in expected.keys() - self.arrays.keys():
            raise ValueError(f"it lacks {name}")
        for name, array in self.arrays.items():
            value = torch.from_numpy(array)
            part = name.split(".", 1)[0]
            key = name.rpartition(".")[0] if part == "optimizer" else name
            fits = {
                "model": expected.get(name) == (value.shape, value.dtype),
                "optimizer": key in shapes and value.shape in (torch.Size(), shapes[key]),
                "policy": key not in shapes or value.shape == shapes[key],
            }
            if not fits.get(part, False):
                raise ValueError(f"its {name} is none of this network")
        if not all({"stage", "epoch"} <= row.keys() for row in self.meta["history"]):
            raise ValueError("its epochs are not told")
        if not {"stage", "epoch", "optimizer", "schedule", "policy"} <= self.meta.keys():
            raise ValueError("its notes are not a state's")

    def put_back(self, learner: Learner) -> None:
        """Bring network, optimizer, schedule and policy to this state.

        Raises:
            WorkError: it is a state of another training.
        """
        parts: dict[str, dict[str, Tensor]] = {"model": {}, "optimizer": {}, "policy": {}}
        for name, array in self.arrays.items():
            part, key = name.split(".", 1)
            parts[part][key] = torch.from_numpy(array)
        try:
            learner.model.load_state_dict(parts["model"])
            optimizers.restore(learner.optimizer, parts["optimizer"], self.meta["optimizer"])
            if learner.schedule is not None:
                learner.schedule.load_state_dict(self.meta["schedule"])
            learner.policy.load_state({**self.meta["policy"], **parts["policy"]})
        except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            raise WorkError(
                f"the saved state is none of this training ({reason(error)}): delete the folder 'state' of the run to "
                "train it from the beginning"
            ) from error


def taken(learner: Learner, epochs: Sequence[Epoch]) -> Checkpoint:
    """Take the state after the last of the epochs so far."""
    tensors = {f"model.{name}": value for name, value in learner.model.state_dict().items()}
    tensors |= {f"optimizer.{name}": value for name, value in optimizers.tensors_of(learner.optimizer).items()}
    masks_and_more = learner.policy.state()
    tensors |= {f"policy.{name}": value for name, value in masks_and_more.items() if isinstance(value, Tensor)}
    meta = {
        "stage": epochs[-1].stage,
        "epoch": epochs[-1].epoch,
        "history": [epoch.row for epoch in epochs],
        "optimizer": optimizers.numbers_of(learner.optimizer),
        "schedule": None if learner.schedule is None else learner.schedule.state_dict(),
        "policy": {name: value for name, value in masks_and_more.items() if not isinstance(value, Tensor)},
    }
    return Checkpoint(arrays_of(tensors), meta)


def arrays_of(tensors: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """Give tensors of any device as arrays that can be written."""
    return {name: value.detach().cpu().contiguous().numpy() for name, value in tensors.items()}
