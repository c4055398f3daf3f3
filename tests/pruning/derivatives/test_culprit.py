"""A kernel without second derivatives: the module is named, first order is offered, and first order works."""

import pytest
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from cellprune.errors import CellpruneError
from cellprune.pruning.prune import prune


class Once(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**2

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        return 2 * ctx.saved_tensors[0] * gradient


class Square(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return Once.apply(x)


class Attention(nn.Module):
    """Holds a layer of its own, which is not at fault; torch's fused kernel for the CPU is."""

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Conv2d(2, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(x, self.project(x), x)


def arguments():
    torch.manual_seed(0)
    batch = torch.randn(3, 1, 6, 6), torch.randint(0, 2, (3, 6, 6))
    return {"sparsity": 0.5, "batches": [batch], "loss": F.cross_entropy}


@pytest.mark.parametrize(
    ("fault", "words"),
    [(Square, r"module '1' \(Square\)"), (Attention, r"module '1' \(Attention\) has no second derivative")],
)
def test_the_module_is_named_and_first_order_works(fault, words):
    model = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), fault(), nn.Conv2d(2, 2, 1))
    with pytest.raises(CellpruneError, match=words) as error:
        prune(model, **arguments())
    assert "--set pruning.order=first" in str(error.value)
    assert prune(model, order="first", **arguments())


def test_a_model_that_is_at_fault_itself_is_named_by_its_class():
    class Whole(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Conv2d(1, 2, 1)

        def forward(self, x: Tensor) -> Tensor:
            return Once.apply(self.inner(x))

    with pytest.raises(CellpruneError, match=r"^Whole has no second derivative"):
        prune(Whole(), **arguments())


def test_the_loss_is_named_when_every_module_is_fine():
    def loss(output, target):
        return F.cross_entropy(Once.apply(output), target)

    with pytest.raises(CellpruneError, match=r"^the loss has no second derivative"):
        prune(nn.Conv2d(1, 2, 3, padding=1), **(arguments() | {"loss": loss}))


def test_other_errors_of_autograd_are_not_explained_away():
    def loss(output, target):
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        prune(nn.Conv2d(1, 2, 3, padding=1), **(arguments() | {"loss": loss}), segment=1)
