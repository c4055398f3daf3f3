"""The training loop: plain, and resumable bit for bit at every epoch.

Nothing random is carried from one epoch to the next: order, augmentation and dropout are drawn anew from
(seed, stage, epoch). So the state after an epoch is the weights, the optimizer and a few numbers; a run that was
killed goes on from the last complete epoch and ends with the same bits (on a CPU with as many threads).
"""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Protocol

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from cellprune.config.training import Training
from cellprune.data.batches import Batches
from cellprune.errors import WorkError
from cellprune.pruning.masks import sparsity
from cellprune.runs.metrics import Epoch
from cellprune.training import optimizers
from cellprune.training.checkpoint import Checkpoint, Learner, arrays_of, taken
from cellprune.training.progress import Event, Listener
from cellprune.training.sparse import MaskPolicy

EpochBatches = Callable[[int, int, int], Batches]
"""(epoch, rank, number of processes) -> this process's share of the epoch's (images, target) batches."""

Loss = Callable[[Tensor, Tensor], Tensor]
"""(logits, target) -> scalar mean."""

NamedScores = Mapping[str, float | None]

Evaluate = Callable[[nn.Module], NamedScores]
"""Named scores of the held-out part; may re-estimate the network's statistics, nothing else."""


class Guide(Protocol):
    """Says more of the images than their truth does; `training.distillation` has one."""

    def output(self, images: Tensor) -> Tensor:
        """Give what is learned beside the truth of the images."""
        ...

    def loss(self, output: Tensor, taught: Tensor) -> Tensor:
        """Give what is added to the loss of the truth, from the network's output and the guide's."""
        ...


class Store(Protocol):
    """Where state and curves are kept; a run folder is one."""

    def save_state(self, tensors: Mapping[str, np.ndarray], meta: Mapping[str, object]) -> None: ...

    def save_rewind(self, tensors: Mapping[str, np.ndarray]) -> None: ...

    def write_metrics(self, epochs: Sequence[Epoch]) -> None: ...


class TrainingFailed(WorkError):
    """The loss is no number any more."""


class Stopped(WorkError):
    """A listener asked to stop; the state of the last epoch is kept."""


def fit(
    model: nn.Module,
    policy: MaskPolicy,
    batches: EpochBatches,
    *,
    settings: Training,
    epochs: int,
    seed: int,
    loss: Loss,
    evaluate: Evaluate,
    accelerator: Accelerator,
    store: Store,
    guide: Guide | None = None,
    listeners: Sequence[Listener] = (),
    stage: int = 0,
    first_step: int = 0,
    keep_step: int = 0,
    message: str = "",
    before: Sequence[Epoch] = (),
    checkpoint: Checkpoint | None = None,
) -> list[Epoch]:
    """Train a model under a mask policy, from its initialization or from a checkpoint.

    Args:
        model: trained in place; ends in the last epoch's weights, on the accelerator's device.
        settings: optimizer, schedule, how often to evaluate; precision "bf16" is autocast of the forward pass, the
            weights stay float32.
        epochs: passes over the training part in this stage.
        loss: (logits, target) -> scalar mean.
        store: state and metrics are written there after every epoch, by the main process.
        guide: what is learned beside the truth; it has no state.
        stage: number of this training in a sequence of trainings.
        first_step: step that the training starts from; the steps before it are left out, the schedule goes on from it.
        keep_step: after so many steps the network is kept in the store, to be rewound to; 0 keeps none.
        message: what this training is, for people.
        before: the epochs of the stages before this one.
        checkpoint: a state of this stage to go on from; it has all epochs so far, in the place of `before`.
    Returns:
        All epochs, after those of earlier stages.
    Raises:
        TrainingFailed: the loss became NaN or infinite; the state of the last good epoch is kept.
        Stopped: a listener asked for it.
    """
    rank, n_processes = accelerator.process_index, accelerator.num_processes
    model.to(device=accelerator.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    network = accelerator.prepare_model(model)  # the same object, or wrapped for several processes
    per_epoch = len(batches(1, rank, n_processes))
    learner = Learner(model, *_optimizer(model, settings, per_epoch * epochs, first_step), policy)
    if checkpoint is not None:
        checkpoint.put_back(learner)
    history = list(before if checkpoint is None else checkpoint.epochs)
    if history and accelerator.is_main_process:
        # a kill may have come between the state, which tells them all, and its table
        store.write_metrics(history)
    policy.start(model, learner.optimizer)
    course = _Course(
        network, learner, loss, guide, settings, accelerator, store, listeners, stage, epochs, per_epoch, first_step,
        keep_step,
    )  # fmt: skip
    first = 1 + max([first_step // per_epoch, *(each.epoch for each in history if each.stage == stage)])
    for listener in listeners:
        listener.started(Event("training", (first - 1) * per_epoch, course.steps, epochs=epochs, message=message))
    scored_epoch, scores = _newest_scores(history, stage)
    for epoch in range(first, epochs + 1):
        reseed(seed, stage, epoch, rank)
        shown = Event("training", 0, course.steps, epoch, epochs, scores=scores, scored_epoch=scored_epoch)
        done = _train_epoch(course, batches(stage * epochs + epoch, rank, n_processes), shown)
        evaluated = epoch % settings.evaluate_every == 0 or epoch == epochs
        if evaluated and accelerator.is_main_process:
            scored_epoch, scores = epoch, evaluate(model)
        stops = _tell(listeners, replace(done.event, scores=scores, scored_epoch=scored_epoch)) or done.stops
        history.append(_epoch(course, done, scores if evaluated else dict.fromkeys(scores)))
        if accelerator.is_main_process:
            state = taken(learner, history)
            store.save_state(state.arrays, state.meta)
            store.write_metrics(history)
        accelerator.wait_for_everyone()
        if stops:
            raise Stopped(f"stopped after epoch {epoch} of {epochs} as a listener asked; --resume goes on")
    for listener in listeners:
        listener.finished(Event("training", course.steps, course.steps, epochs, epochs, scores=scores))
    return history


def reseed(*numbers: int) -> None:
    """Seed torch's generators from a few numbers, so that equal numbers give equal draws on every machine."""
    torch.manual_seed(int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1))


@dataclass(frozen=True)
class _Course:
    """What stays the same through all epochs of a training; `network` is the learner's model, or wraps it."""

    network: nn.Module
    learner: Learner
    loss: Loss
    guide: Guide | None
    settings: Training
    accelerator: Accelerator
    store: Store
    listeners: Sequence[Listener]
    stage: int
    epochs: int
    per_epoch: int
    first_step: int
    keep_step: int

    @property
    def steps(self) -> int:
        """Optimizer steps in the whole training."""
        return self.per_epoch * self.epochs


@dataclass(frozen=True)
class _Steps:
    """The steps of an epoch, taken: mean loss, the event of the last one, and whether a listener asks to stop."""

    loss: float
    seconds: float
    event: Event
    stops: bool


def _optimizer(
    model: nn.Module, settings: Training, steps: int, first_step: int
) -> tuple[Optimizer, LRScheduler | None]:
    return optimizers.build(
        model,
        name=settings.optimizer,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        schedule=settings.schedule,
        steps=steps,
        first_step=first_step,
    )


def _train_epoch(course: _Course, batches: Iterable[tuple[Tensor, Tensor]], event: Event) -> _Steps:
    """Take the steps of an event's epoch, but those before the first step of the training."""
    clock, epoch = time.perf_counter(), event.epoch
    course.learner.model.train()
    total, stops = 0.0, False
    skipped = max(course.first_step - (epoch - 1) * course.per_epoch, 0)
    for number, (images, target) in enumerate(islice(batches, skipped, None), skipped):
        step = (epoch - 1) * course.per_epoch + number
        value = _loss_of(course, images, target)
        total += value.item()
        if not math.isfinite(total):
            raise TrainingFailed(
                f"the loss became {value.item()} in epoch {epoch}, step {number + 1}; the state of epoch "
                f"{epoch - 1} is kept: lower training.learning_rate or look at the data"
            )
        _learn(course, value, step)
        event = replace(event, done=step + 1, loss=total / (number + 1 - skipped))
        if number + 1 < course.per_epoch:  # the last step is told of with the epoch's scores
            stops |= _tell(course.listeners, event)
    course.learner.optimizer.zero_grad(set_to_none=True)  # evaluation has a use for the memory
    return _Steps(total / (course.per_epoch - skipped), time.perf_counter() - clock, event, stops)


def _loss_of(course: _Course, images: Tensor, target: Tensor) -> Tensor:
    device = course.accelerator.device
    images = images.to(device, memory_format=torch.channels_last)
    with torch.autocast(device.type, torch.bfloat16, enabled=course.settings.precision == "bf16"):
        output = course.network(images)
        taught = None if course.guide is None else course.guide.output(images)
    loss = course.loss(output, target.to(device))
    return loss if course.guide is None or taught is None else loss + course.guide.loss(output, taught)


def _learn(course: _Course, loss: Tensor, step: int) -> None:
    """Take one optimizer step as the mask policy has it."""
    learner = course.learner
    # here, not after the step: the old gradients' memory goes straight to the new ones (2 to 8 % less time)
    learner.optimizer.zero_grad(set_to_none=True)
    course.accelerator.backward(loss)
    if learner.policy.before_step(step, learner.model, learner.optimizer):
        learner.optimizer.step()
    learner.policy.after_step(step, learner.model, learner.optimizer)
    if step + 1 == course.keep_step and course.accelerator.is_main_process:
        course.store.save_rewind(arrays_of(learner.model.state_dict()))
    if learner.schedule is not None:
        learner.schedule.step()


def _epoch(course: _Course, done: _Steps, scores: NamedScores) -> Epoch:
    return Epoch(
        course.stage,
        done.event.epoch,
        done.loss,
        scores,
        learning_rate=course.learner.optimizer.param_groups[0]["lr"],
        sparsity=sparsity(course.learner.policy.masks),
        seconds=round(done.seconds, 3),
    )


def _newest_scores(epochs: Sequence[Epoch], stage: int) -> tuple[int, NamedScores]:
    """Give the last epoch of this stage that was evaluated, and its scores; 0 and none before the first."""
    for epoch in reversed(epochs):
        scores = {name: score for name, score in epoch.scores.items() if score is not None}
        if epoch.stage == stage and scores:
            return epoch.epoch, scores
    return 0, {}


def _tell(listeners: Sequence[Listener], event: Event) -> bool:
    """Tell every listener, also when an earlier one asks to stop."""
    answers = [listener.advanced(event) for listener in listeners]
    return any(answers)
