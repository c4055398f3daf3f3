"""Derivatives of derivatives: right where the graph can give them, refused where it would be wrong in silence."""

import pytest
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from cellprune.pruning.derivatives.pull_back import dense, nodes_behind, pull_back


def leaf(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def test_it_is_the_vector_jacobian_product_by_hand() -> None:
    x, y = leaf(2.0, 3.0), leaf(5.0)
    ends = x * x * y, x.sum() + y
    given = torch.tensor([1.0, 10.0], dtype=torch.float64), torch.tensor([7.0], dtype=torch.float64)
    by_x, by_y = pull_back(ends, (x, y), given)
    assert by_x.tolist() == [2 * 2 * 5 + 7, 10 * 2 * 3 * 5 + 7]
    assert by_y.tolist() == [4 + 10 * 9 + 7]


def test_ends_that_do_not_move_add_nothing() -> None:
    x, still = leaf(2.0), torch.ones(1, dtype=torch.float64)
    (by_x,) = pull_back((x * 3, still), (x,), (torch.ones_like(still), 100 * torch.ones_like(still)))
    assert by_x.tolist() == [3.0]
    (nothing,) = pull_back((still,), (x,), (still,))
    assert nothing.tolist() == [0.0]


def test_a_start_that_plays_no_part_gets_zeros() -> None:
    x, unused = leaf(2.0), leaf(1.0, 1.0)
    assert pull_back((x * x,), (x, unused), (torch.ones(1, dtype=torch.float64),))[1].tolist() == [0.0, 0.0]


class Doubled(torch.autograd.Function):
    """Twice the input; its derivative cannot be differentiated again."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return 2 * x

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        return 2 * gradient


def test_a_function_that_can_be_differentiated_once_is_refused() -> None:
    x = leaf(3.0)
    (gradient,) = torch.autograd.grad((Doubled.apply(x * x) * x).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="twice a function that was marked with @once_differentiable"):
        pull_back((gradient,), (x,), (torch.ones_like(gradient),))


def test_each_node_is_given_once_however_many_ways_lead_to_it() -> None:
    x = leaf(1.0)
    shared = x * 2
    names = [node.name().rpartition(":")[2] for node in nodes_behind([shared + shared, shared * shared, torch.ones(1)])]
    assert sorted(names) == ["AccumulateGrad", "AddBackward0", "MulBackward0", "MulBackward0"]


def test_what_is_sparse_is_filled_up() -> None:
    sparse = torch.sparse_coo_tensor([[1]], [4.0], (3,), check_invariants=True)
    full = torch.ones(2)
    ours = dense([sparse, full])
    assert ours[0].tolist() == [0.0, 4.0, 0.0]
    assert ours[1] is full
