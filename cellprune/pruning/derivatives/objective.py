"""The loss of each scoring batch as a function of the parameters alone.

Every method before training differentiates this function. It plays a batch on stand-ins for parameters and buffers, so
that the model stays as it is and the same call gives the same value however often it is played.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.modules.batchnorm import _BatchNorm

from cellprune.errors import CellpruneError, WorkError
from cellprune.pruning.derivatives.conditions import reseed
from cellprune.pruning.derivatives.pull_back import dense, pull_back
from cellprune.pruning.derivatives.stood_in_for import played_once, refuse_bypassed
from cellprune.pruning.kinds import Batch, Loss, Nested
from cellprune.structure.nested import map_tensors, tensors_of
from cellprune.structure.standing_in import copied, full, standing_in

Parameters = tuple[Tensor, ...]


@dataclass(frozen=True)
class Objective:
    """The losses L_0, L_1, ... of the batches at any parameters.

    Attributes:
        model: the network; never changed.
        batches: (inputs, target) pairs on the model's device.
        loss: (output, target) -> scalar, the mean over the batch.
        seed: where the draws of dropout come from; batch k draws the same whenever it is played.
        micro_batch: largest number of samples on which a graph is built at once; None for the whole batch. Needs a
            loss that is the mean over samples, and a network whose samples do not meet in batch statistics.
    """

    model: nn.Module
    batches: Sequence[Batch]
    loss: Loss
    seed: int
    micro_batch: int | None = None

    @cached_property
    def trainable(self) -> dict[str, nn.Parameter]:
        """The parameters that the inner training moves, by name; `Parameters` come in this order."""
        return {name: p for name, p in self.model.named_parameters() if p.requires_grad}

    @cached_property
    def fixed(self) -> dict[str, Tensor]:
        """Copies of the parameters that the inner training leaves alone, in full precision."""
        return {name: copied(p) for name, p in self.model.named_parameters() if not p.requires_grad}

    def start(self, masks: Mapping[str, Tensor]) -> Parameters:
        """Copy the masked initial parameters, in full precision, cut off from any graph."""
        values = ((masks.get(name), copied(p)) for name, p in self.trainable.items())
        return tuple(v if mask is None or mask.all() else v.masked_fill_(~mask, 0.0) for mask, v in values)

    def at(self, k: int, parameters: Parameters, part: slice = slice(None)) -> Tensor:
        """Give the loss of batch k, or of some of its samples, as a scalar with a graph.

        Raises:
            WorkError: the loss is NaN or infinite.
            CellpruneError: the loss is not a real scalar.
        """
        with self._played(k, parameters, part) as (output, target):
            return self._loss(k, output, target)

    def _loss(self, k: int, output: Nested, target: Nested) -> Tensor:
        value = self.loss(output, target)
        if not isinstance(value, Tensor) or value.numel() != 1 or value.is_complex():
            raise CellpruneError("the loss must give one number, the mean over the batch; reduce it before it returns")
        if not value.isfinite():
            where = f"batch {k + 1} of {len(self.batches)}"
            steps = ", or lower inner_lr, if prospr's inner steps led there" if k else ""
            raise WorkError(f"the loss is {value.item()} on {where} while scoring: check that batch{steps}")
        return value

    def output(self, k: int, parameters: Parameters, part: slice = slice(None)) -> tuple[Nested, Nested]:
        """Run the network on batch k, or on some of its samples, and give its output and the target."""
        with self._played(k, parameters, part) as played:
            return played

    @contextmanager
    def _played(self, k: int, parameters: Parameters, part: slice) -> Iterator[tuple[Nested, Nested]]:
        """Give output and target while the stand-ins are in place: a loss may read the network, too."""
        inputs, target = self.batches[k]
        if part != slice(None):
            inputs, target = inputs[part], target[part]
        # copies: train-mode batch norm updates running statistics, which must stay the model's own
        buffers = {name: copied(buffer) for name, buffer in self.model.named_buffers()}
        reseed(self.seed, k, part.start)
        with standing_in(self.model, self.fixed | buffers | dict(zip(self.trainable, parameters, strict=True))):
            yield self.model(inputs), target

    def gradient(self, k: int, parameters: Parameters, *, graph: bool = False) -> Parameters:
        """Give the gradient of batch k's loss; with `graph`, as a function that can be differentiated again."""
        if self.micro_batch is not None and self.micro_batch < _length(self.batches[k]):
            return _MeanGradient.apply(self, k, *parameters)
        return self.whole_gradient(k, parameters, slice(None), graph=graph)

    def whole_gradient(self, k: int, parameters: Parameters, part: slice, *, graph: bool) -> Parameters:
        """Give the gradient of the loss of the samples in `part`, in one graph."""
        leaves = parameters if graph else as_leaves(parameters)
        # backwards, too, runs while the stand-ins are in place: activation checkpointing plays modules again
        with torch.enable_grad(), played_once(graph), self._played(k, leaves, part) as (output, target):
            value = self._loss(k, output, target)
            if not value.requires_grad:
                raise CellpruneError(
                    "the loss has no gradient: network or loss cuts it off (detach, item, no_grad, argmax), so nothing "
                    "can be scored by it"
                )
            if k == 0:
                refuse_bypassed(self.trainable, value)
            return dense(torch.autograd.grad(value, leaves, create_graph=graph, materialize_grads=True))

    def mean(self, k: int, of: Callable[[slice], Parameters]) -> Parameters:
        """Average over the micro-batches of batch k, each weighted by its number of samples."""
        n, size = _length(self.batches[k]), self.micro_batch or 1
        total: list[Tensor] = []
        for start in range(0, n, size):
            values = of(slice(start, min(start + size, n)))
            share = min(size, n - start) / n
            total = (
                [v * share for v in values]
                if not total
                else [t.add_(v, alpha=share) for t, v in zip(total, values, strict=True)]
            )
        return tuple(total)

    def check_micro_batches(self) -> None:
        """Refuse micro-batches where the gradient of a batch is not the mean of its samples' gradients.

        Raises:
            CellpruneError: batch norm mixes the samples, the batch cannot be cut, or the loss is not their mean.
        """
        if self.micro_batch is None:
            return
        if self.micro_batch < 1:
            raise CellpruneError(f"micro_batch is {self.micro_batch!r}, but must be at least 1 sample")
        mixing = batch_statistics(self.model)
        if mixing:
            raise CellpruneError(
                f"micro_batch needs a network whose samples do not meet, but {mixing!r} takes statistics over the "
                f"batch: leave micro_batch out, or use another norm"
            )
        for k, (_, target) in enumerate(self.batches):
            with torch.no_grad():
                parameters = self.start({})
                outputs = [self.output(k, parameters, slice(i, i + self.micro_batch))[0]
                           for i in range(0, _length(self.batches[k]), self.micro_batch)]  # fmt: skip
                whole = self.loss(_joined(outputs), target)
                parts = target.split(self.micro_batch)
                mean = sum(self.loss(o, t) * len(t) for o, t in zip(outputs, parts, strict=True)) / len(target)
            if not torch.allclose(whole, torch.as_tensor(mean), rtol=1e-4):
                raise CellpruneError(
                    f"micro_batch needs a loss that is the mean over samples, but on batch {k + 1} the whole gives "
                    f"{float(whole):.6g} and the mean of its parts {float(mean):.6g} (pixels left out, or a ratio "
                    f"such as Dice over the batch): leave micro_batch out and take smaller batches"
                )

    def times_weights(self, gradient: Parameters) -> dict[str, Tensor]:
        """Give weight times gradient for every parameter of the model, zeros for those that do not train.

        The weight is the unmasked one: a schedule with revival can bring a removed weight back.
        """
        products = {n: full(p.detach()) * g for (n, p), g in zip(self.trainable.items(), gradient, strict=True)}
        return {n: products[n] if n in products else full(torch.zeros_like(p))
                for n, p in self.model.named_parameters()}  # fmt: skip


def as_leaves(tensors: Sequence[Tensor]) -> Parameters:
    """Give the same values as the start of a new graph; no copy is made."""
    return tuple(t.detach().requires_grad_() for t in tensors)


def batch_statistics(model: nn.Module) -> str | None:
    """Name the first module that normalizes with statistics of the batch, in the modes that the modules have now."""
    for name, module in model.named_modules():
        if isinstance(module, _BatchNorm) and (module.training or module.running_mean is None):
            return name or type(module).__name__
    return None


class _MeanGradient(torch.autograd.Function):
    """The mean gradient over micro-batches; its backward is the mean Hessian-vector product.

    Only the parameters are kept in between: the backward plays each micro-batch again, one graph at a time.
    """

    @staticmethod
    def forward(ctx: Any, objective: Objective, k: int, *parameters: Tensor) -> Parameters:
        ctx.objective, ctx.k = objective, k
        ctx.save_for_backward(*parameters)
        return objective.mean(k, lambda part: objective.whole_gradient(k, parameters, part, graph=False))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *direction: Tensor) -> tuple[Tensor | None, ...]:
        def product(part: slice) -> Parameters:
            leaves = as_leaves(ctx.saved_tensors)
            gradient = ctx.objective.whole_gradient(ctx.k, leaves, part, graph=True)
            return pull_back(gradient, leaves, direction)

        return None, None, *ctx.objective.mean(ctx.k, product)


def _joined(outputs: Sequence[Nested]) -> Nested:
    """Put the outputs for parts of a batch together, tensor by tensor."""
    columns = zip(*map(tensors_of, outputs), strict=True)
    return map_tensors(lambda first: torch.cat(next(columns)) if first.dim() else next(columns)[0], outputs[0])


def _length(batch: Batch) -> int:
    inputs, target = batch
    if not isinstance(inputs, Tensor) or not isinstance(target, Tensor) or len(inputs) != len(target):
        raise CellpruneError(
            "micro_batch cuts inputs and target along their first axis: both must be tensors of one length"
        )
    return len(inputs)
