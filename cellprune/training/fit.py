"""The training loop: plain, and resumable bit for bit at every epoch.

Nothing random is carried from one epoch to the next: order, augmentation and dropout are drawn anew from
(seed, stage, epoch). So the state after an epoch is the weights, the optimizer and a few numbers; a run that was
killed goes on from the last complete epoch and ends with the same bits (on a CPU with as many threads).
"""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, Protocol

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from cellprune.config.training import Training
from cellprune.errors import WorkError
from cellprune.pruning.masks import sparsity
from cellprune.runs.metrics import Epoch
from cellprune.training import optimizers
from cellprune.training.progress import Event, Listener
from cellprune.training.sparse import MaskPolicy
from cellprune.wording import reason

Batches = Callable[[int, int, int], Iterable[tuple[Tensor, Tensor]]]
"""(epoch, rank, number of processes) -> this process's share of the epoch's (images, target) batches; has a length."""

Evaluate = Callable[[nn.Module], Mapping[str, float | None]]
"""Named scores of the held-out part; may re-estimate the network's statistics, nothing else."""


class Store(Protocol):
    """Where state and curves are kept; a run folder is one."""

    def save_state(self, tensors: dict[str, np.ndarray], meta: dict[str, Any]) -> None: ...

    def load_state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None: ...

    def save_rewind(self, tensors: dict[str, np.ndarray]) -> None: ...

    def write_metrics(self, epochs: Sequence[Epoch]) -> None: ...


class TrainingFailed(WorkError):
    """The loss is no number any more."""


class Stopped(WorkError):
    """A listener asked to stop; the state of the last epoch is kept."""


def fit(
    model: nn.Module,
    policy: MaskPolicy,
    batches: Batches,
    *,
    settings: Training,
    epochs: int,
    seed: int,
    loss: Callable[[Tensor, Tensor], Tensor],
    evaluate: Evaluate,
    engine: Accelerator,
    store: Store,
    listeners: Sequence[Listener] = (),
    stage: int = 0,
    first_step: int = 0,
    keep_step: int = 0,
    message: str = "",
) -> list[Epoch]:
    """Train a model under a mask policy, from the stored state if there is one.

    Args:
        model: trained in place; ends in the last epoch's weights, on the engine's device.
        settings: optimizer, schedule, how often to evaluate; precision "bf16" is autocast of the forward pass, the
            weights stay float32.
        epochs: passes over the training part in this stage.
        loss: (logits, target) -> scalar mean.
        store: state and metrics are written there after every epoch, by the main process.
        stage: number of this training in a sequence of trainings; stored states of other stages are not taken up.
        first_step: step that the training starts from; the steps before it are left out, the schedule goes on from it.
        keep_step: after so many steps the network is kept in the store, to be rewound to; 0 keeps none.
        message: what this training is, for people.
    Returns:
        What came of each epoch, those of earlier stages, too.
    Raises:
        TrainingFailed: the loss became NaN or infinite; the state of the last good epoch is kept.
        Stopped: a listener asked for it.
    """
    rank, world = engine.process_index, engine.num_processes
    model.to(device=engine.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    network = engine.prepare_model(model)  # the same object, or wrapped for several processes
    per_epoch = len(batches(1, rank, world))  # type: ignore[arg-type]
    optimizer, schedule = optimizers.build(
        model,
        name=settings.optimizer,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        schedule=settings.schedule,
        steps=per_epoch * epochs,
        first_step=first_step,
    )
    history = _restore(store, stage, model, optimizer, schedule, policy)
    if history and engine.is_main_process:
        store.write_metrics(
            _epochs(history)
        )  # a kill may have come between the state, which tells them all, and its table
    policy.start(model, optimizer)
    first = 1 + max([first_step // per_epoch, *(row["epoch"] for row in history if row["stage"] == stage)])
    event = Event("training", (first - 1) * per_epoch, per_epoch * epochs, epochs=epochs, message=message)
    for listener in listeners:
        listener.started(event)

    scores: Mapping[str, float | None] = next(
        (_scores(row) for row in reversed(history) if row["stage"] == stage and _scores(row)), {}
    )
    for epoch in range(first, epochs + 1):
        clock = time.perf_counter()
        reseed(seed, stage, epoch, rank)
        model.train()
        total, stops = 0.0, False
        skipped = max(first_step - (epoch - 1) * per_epoch, 0)
        for number, (images, target) in enumerate(
            islice(batches(stage * epochs + epoch, rank, world), skipped, None), skipped
        ):
            step = (epoch - 1) * per_epoch + number
            images = images.to(engine.device, memory_format=torch.channels_last)
            with torch.autocast(engine.device.type, torch.bfloat16, enabled=settings.precision == "bf16"):
                output = network(images)
            value = loss(output, target.to(engine.device))
            total += value.item()
            if not math.isfinite(total):
                raise TrainingFailed(
                    f"the loss became {value.item()} in epoch {epoch}, step {number + 1}; the state of epoch "
                    f"{epoch - 1} is kept: lower training.learning_rate or look at the data"
                )
            # here, not after the step: the old gradients' memory goes straight to the new ones (2 to 8 % less time)
            optimizer.zero_grad(set_to_none=True)
            engine.backward(value)
            if policy.before_step(step, model, optimizer):
                optimizer.step()
            policy.after_step(step, model, optimizer)
            if step + 1 == keep_step and engine.is_main_process:
                store.save_rewind(_arrays(model.state_dict()))
            if schedule is not None:
                schedule.step()
            event = Event("training", step + 1, event.total, epoch, epochs, total / (number + 1 - skipped), scores)
            if number + 1 < per_epoch:  # the last step is told of with the epoch's scores
                stops |= _tell(listeners, event)
        optimizer.zero_grad(set_to_none=True)  # evaluation has a use for the memory
        seconds = time.perf_counter() - clock

        evaluated = epoch % settings.evaluate_every == 0 or epoch == epochs
        if evaluated and engine.is_main_process:
            scores = evaluate(model)
        stops |= _tell(listeners, replace(event, scores=scores))
        history.append(
            {
                "stage": stage,
                "epoch": epoch,
                "loss": total / (per_epoch - skipped),
                **{name: value if evaluated else None for name, value in scores.items()},
                "learning_rate": optimizer.param_groups[0]["lr"],
                "sparsity": sparsity(policy.masks),
                "seconds": round(seconds, 3),
            }
        )
        if engine.is_main_process:
            store.save_state(*_state(stage, model, optimizer, schedule, policy, history))
            store.write_metrics(_epochs(history))
        engine.wait_for_everyone()
        if stops:
            raise Stopped(f"stopped after epoch {epoch} of {epochs} as a listener asked; --resume goes on")
    for listener in listeners:
        listener.finished(Event("training", event.total, event.total, epochs, epochs, scores=scores))
    return _epochs(history)


def _epochs(history: Sequence[Mapping[str, Any]]) -> list[Epoch]:
    return [Epoch.of_row(row) for row in history]


def reseed(*numbers: int) -> None:
    """Seed torch's generators from a few numbers, so that equal numbers give equal draws on every machine."""
    torch.manual_seed(int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1))


def _tell(listeners: Sequence[Listener], event: Event) -> bool:
    """Tell every listener, also when an earlier one asks to stop."""
    answers = [listener.advanced(event) for listener in listeners]
    return any(answers)


def _scores(row: Mapping[str, Any]) -> dict[str, float | None]:
    plain = {"stage", "epoch", "loss", "learning_rate", "sparsity", "seconds"}
    return {key: value for key, value in row.items() if key not in plain and value is not None}


def _state(
    stage: int,
    model: nn.Module,
    optimizer: Optimizer,
    schedule: LRScheduler | None,
    policy: MaskPolicy,
    history: list[dict[str, Any]],
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    tensors |= {f"optimizer.{name}": value for name, value in optimizers.tensors_of(optimizer).items()}
    held = policy.state()
    tensors |= {f"policy.{name}": value for name, value in held.items() if isinstance(value, Tensor)}
    meta = {
        "stage": stage,
        "epoch": history[-1]["epoch"],
        "history": history,
        "optimizer": optimizers.numbers_of(optimizer),
        "schedule": None if schedule is None else schedule.state_dict(),
        "policy": {name: value for name, value in held.items() if not isinstance(value, Tensor)},
    }
    return _arrays(tensors), meta


def require_fit(model: nn.Module, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> None:
    """Check that a stored state is one of this network, before anything is put back.

    Raises:
        ValueError: a tensor of another name, shape or kind, or notes that are not a state's.
    """
    parameters = dict(model.named_parameters())
    expected = {f"model.{name}": (value.shape, value.dtype) for name, value in model.state_dict().items()}
    shapes = {f"optimizer.{i}": value.shape for i, value in enumerate(parameters.values())}
    shapes |= {f"policy.{name}": value.shape for name, value in parameters.items()}
    for name in expected.keys() - arrays.keys():
        raise ValueError(f"it lacks {name}")
    for name, array in arrays.items():
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
    if not all({"stage", "epoch"} <= row.keys() for row in meta["history"]):
        raise ValueError("its epochs are not told")
    if not {"stage", "epoch", "optimizer", "schedule", "policy"} <= meta.keys():
        raise ValueError("its notes are not a state's")


def _arrays(tensors: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    return {name: value.detach().cpu().contiguous().numpy() for name, value in tensors.items()}


def _restore(
    store: Store,
    stage: int,
    model: nn.Module,
    optimizer: Optimizer,
    schedule: LRScheduler | None,
    policy: MaskPolicy,
) -> list[dict[str, Any]]:
    """Take up the stored state of this stage; give the rows of all epochs so far."""
    stored = store.load_state()
    if stored is None:
        return []
    arrays, meta = stored
    if meta["stage"] != stage:
        return list(meta["history"])
    parts: dict[str, dict[str, Tensor]] = {"model": {}, "optimizer": {}, "policy": {}}
    for name, array in arrays.items():
        part, key = name.split(".", 1)
        parts[part][key] = torch.from_numpy(array)
    try:
        model.load_state_dict(parts["model"])
        optimizers.restore(optimizer, parts["optimizer"], meta["optimizer"])
        if schedule is not None:
            schedule.load_state_dict(meta["schedule"])
        policy.load_state({**meta["policy"], **parts["policy"]})
    except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise WorkError(
            f"the saved state is none of this training ({reason(error)}): delete the folder 'state' of the run to "
            "train it from the beginning"
        ) from error
    return list(meta["history"])
