"""Differentiates a gradient again, and refuses the graphs that would give a wrong derivative without a word."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.autograd.graph import Node


def pull_back(
    ends: Sequence[Tensor], starts: Sequence[Tensor], adjoint: Sequence[Tensor], *, again: bool = False
) -> tuple[Tensor, ...]:
    """Give the vector-Jacobian product: the derivative by the starts of what has derivative `adjoint` by the ends.

    Args:
        ends, starts, adjoint: tensors of one graph, and one of the shape of each end.
        again: keep the graph for another adjoint.
    Raises:
        RuntimeError: the graph holds a function that cannot be differentiated (again).
    """
    moving = [(end, a) for end, a in zip(ends, adjoint, strict=True) if end.requires_grad]
    if not moving:
        return tuple(map(torch.zeros_like, starts))
    outputs, vectors = zip(*moving, strict=True)
    _refuse_error_nodes(outputs)
    return dense(torch.autograd.grad(outputs, starts, vectors, retain_graph=again, materialize_grads=True))


def dense(gradient: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Fill up what an embedding with sparse=True gives."""
    return tuple(g.to_dense() if g.is_sparse else g for g in gradient)


def _refuse_error_nodes(outputs: Sequence[Tensor]) -> None:
    """Look for the nodes that `once_differentiable` leaves in a graph.

    They raise only when the backward pass runs through them, and `torch.autograd.grad` does not: they lead to none of
    its inputs, so it leaves them out and gives a wrong derivative without a word.
    """
    if any(node.name() == "torch::autograd::Error" for node in nodes_behind(outputs)):
        raise RuntimeError("trying to differentiate twice a function that was marked with @once_differentiable")


def nodes_behind(outputs: Sequence[Tensor]) -> Iterator[Node]:
    """Give each node of the graph that the outputs were computed by, once."""
    waiting = [output.grad_fn for output in outputs]
    seen = set()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        yield node
        waiting += [following for following, _ in node.next_functions]
