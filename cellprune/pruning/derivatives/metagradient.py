"""The exact meta-gradient: how the loss after M steps of SGD moves with the parameters before the first.

Step k of the inner training is v' = mu v + grad L_k(theta), theta' = theta - eta v'. Its adjoint carries a, the
derivative of the outer loss L_M by the state after the step, back to the state before it. We cut the M steps into
segments: forwards, only the state at each segment's start is kept; backwards, each segment is played again with a
graph, and one vector-Jacobian product takes the adjoint across it. One step a segment is flat in memory; all steps in
one segment is the plain unrolled graph, with nothing played twice. At most eight states are kept at once, whatever M:
beyond, segments are played again from the state before them.

Source: Alizadeh et al., ICLR 2022 (arXiv:2202.08132), section 3; the adjoint is the chain rule of the recursion above.
Note: the public code of the paper cuts the first momentum buffer off the graph, which loses the first step's Hessian
    whenever there is momentum. We follow the recursion; `detach_first_gradient` gives the public code's numbers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from math import comb
from numbers import Real
from typing import Literal, get_args

import torch
from torch import Tensor

from cellprune.errors import CellpruneError, unknown
from cellprune.pruning.derivatives.culprit import explained
from cellprune.pruning.derivatives.objective import Objective, Parameters, as_leaves
from cellprune.pruning.derivatives.pull_back import pull_back
from cellprune.pruning.derivatives.segments import STATES

__all__ = ["InnerTraining", "meta_gradient"]

Order = Literal["full", "first"]
State = tuple[Tensor, ...]  # the parameters, then, if there is momentum, their velocities


@dataclass(frozen=True)
class InnerTraining:
    """The inner SGD: M steps on the first M batches.

    Attributes:
        steps: M, at least 0; the outer loss is that of batch M.
        lr: eta, at least 0.
        momentum: mu, 0 <= mu < 1.
        detach_first_gradient: with momentum, treat the first gradient as a constant, as the public code does.
    """

    steps: int
    lr: float
    momentum: float = 0.0
    detach_first_gradient: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.steps, bool) or not isinstance(self.steps, int) or self.steps < 0:
            raise CellpruneError(f"inner_steps is {self.steps!r}, but must be a whole number of at least 0")
        if not isinstance(self.lr, Real) or not 0 <= self.lr < float("inf"):
            raise CellpruneError(f"inner_lr is {self.lr!r}, but must be a number of at least 0")
        if not isinstance(self.momentum, Real) or not 0 <= self.momentum < 1:
            raise CellpruneError(
                f"inner_momentum is {self.momentum!r}, but must be a number of at least 0 and less than 1"
            )

    def start(self, parameters: Parameters) -> State:
        """Give the state before the first step: velocity zero, which as an expanded scalar takes no memory."""
        return parameters + tuple(p.new_zeros(()).expand_as(p) for p in parameters if self.momentum)

    def step(self, objective: Objective, k: int, state: State, *, graph: bool) -> State:
        """Take step k; with `graph`, as a function of the state that can be differentiated."""
        n = len(objective.trainable)
        theta, velocity = state[:n], state[n:]
        detached = self.detach_first_gradient and self.momentum > 0 and k == 0
        gradient = objective.gradient(k, theta, graph=graph and not detached)
        with torch.set_grad_enabled(graph):
            if self.momentum:
                gradient = velocity = tuple(
                    g.detach() if detached else torch.add(g, v, alpha=self.momentum)
                    for g, v in zip(gradient, velocity, strict=True)
                )
            return tuple(torch.sub(t, g, alpha=self.lr) for t, g in zip(theta, gradient, strict=True)) + velocity

    def play(self, objective: Objective, steps: range, state: State, *, graph: bool) -> State:
        """Take several steps."""
        for k in steps:
            state = self.step(objective, k, state, graph=graph)
        return state


def meta_gradient(
    objective: Objective,
    masks: Mapping[str, Tensor],
    inner: InnerTraining,
    *,
    order: Order = "full",
    segment: int | None = None,
) -> Parameters:
    """Give the derivative of the outer loss, after the inner training, by the parameters before it.

    Args:
        objective: the losses; it holds M + 1 batches.
        masks: parameter name -> bool; the inner training starts at the masked parameters and holds no mask.
        inner: the inner training.
        order: "full" is exact; "first" takes every step's Jacobian for the identity, without second derivatives.
        segment: inner steps a segment, at least 1; None for all steps in one. Changes time and memory alone.
    Returns:
        One tensor for each trainable parameter, of its shape.
    Raises:
        CellpruneError: an option out of range, or a module without second derivatives (the message names it).
        WorkError: a loss is NaN or infinite; the message says on which batch.
    """
    if order not in get_args(Order):
        raise CellpruneError(unknown("order", order, get_args(Order)))
    if segment is not None and (isinstance(segment, bool) or not isinstance(segment, int) or segment < 1):
        raise CellpruneError(f"segment is {segment!r}, but must be a whole number of at least 1")
    objective.check_micro_batches()
    start = inner.start(objective.start(masks))
    steps = range(inner.steps)
    n = len(objective.trainable)
    if order == "first" or not steps:
        return objective.gradient(inner.steps, inner.play(objective, steps, start, graph=False)[:n])
    size = segment or inner.steps
    segments = [steps[k : k + size] for k in steps[::size]]
    with explained(objective, "order='full' needs: replace it, or take order='first' (--set pruning.order=first)"):
        return _Adjoint(objective, inner).across(segments, start, None, STATES)[:n]


@dataclass(frozen=True)
class _Adjoint:
    objective: Objective
    inner: InnerTraining

    def across(self, segments: list[range], state: State, adjoint: State | None, slots: int) -> State:
        """Take the adjoint from the end of the segments to their start, where `state` stands.

        `adjoint` is None at the end of the inner training, where the outer loss gives it. At most `slots` states are
        kept at once: one in the middle, while what comes after it is played back with the others.
        """
        if len(segments) == 1:
            return self._back(segments[0], state, adjoint)
        cut = _first_part(len(segments), slots)
        steps = range(segments[0].start, segments[cut - 1].stop)
        middle = self.inner.play(self.objective, steps, state, graph=False)
        adjoint = self.across(segments[cut:], middle, adjoint, slots - 1)
        del middle
        return self.across(segments[:cut], state, adjoint, slots)

    def _back(self, steps: range, state: State, adjoint: State | None) -> State:
        """Play one segment with a graph, then pull the adjoint back through it."""
        start = as_leaves(state)
        end = self.inner.play(self.objective, steps, start, graph=True)
        if adjoint is None:
            # while the segment's graph stands: the peak comes after, in its second derivative, so that waiting with the
            # graph and playing the segment twice saves little or nothing (benchmarks/metagradient.py)
            adjoint = self._outer(end)
        return pull_back(end, start, adjoint)

    def _outer(self, state: State) -> State:
        """Give the derivative of the outer loss by the last state; it does not depend on the velocity."""
        n = len(self.objective.trainable)
        theta, velocity = state[:n], state[n:]
        return self.objective.gradient(self.inner.steps, theta) + tuple(map(torch.zeros_like, velocity))


def _first_part(n: int, slots: int) -> int:
    """Choose how many of n > 1 segments come before the next state kept, so that as few as possible are played again.

    Source: Griewank, Walther, ACM TOMS 26 (2000), algorithm 799 "revolve": with s states and each segment played at
        most r times without a graph, comb(s + r, r) segments can be gone back through.
    """
    plays = next(r for r in count(1) if comb(slots + r, r) >= n)
    return min(comb(slots + plays - 1, slots), n - comb(slots + plays - 2, slots - 1))
