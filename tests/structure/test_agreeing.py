"""Masks, networks and batches from Python: what is none of these is refused in one line by every function."""

import pytest
import torch
from torch import nn

from cellprune import compact, hold, prune, shrink
from cellprune.errors import CellpruneError
from cellprune.structure.agreeing import require_masks_of

INPUTS = torch.randn(1, 4)


@pytest.mark.parametrize(
    ("masks", "said"),
    [
        ({"1.weight": torch.ones(2, 4).bool()}, r"one is of '1.weight', shape \(2, 4\), and this network has no such"),
        (
            {"weight": torch.ones(2, 4)},
            r"the mask of 'weight' is torch.float32 of shape \(2, 4\), but .* takes bool of",
        ),
        ({"weight": torch.ones(4, 2).bool()}, r"of shape \(4, 2\), but the parameter takes bool of shape \(2, 4\)"),
    ],
)
def test_masks_that_are_not_of_the_network_are_refused(masks, said) -> None:
    model = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for refuses in (
        lambda: require_masks_of(model, masks),
        lambda: shrink(model, masks, INPUTS),
        lambda: compact(model, INPUTS, masks),
        lambda: hold(model, masks, optimizer),
    ):
        with pytest.raises(CellpruneError, match=said):
            refuses()


def test_what_is_no_network_is_refused() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1)
    for refuses in (
        lambda: prune("runs/cells", method="random", sparsity=0.5),
        lambda: shrink("runs/cells", {}, INPUTS),
        lambda: compact("runs/cells", INPUTS),
        lambda: hold("runs/cells", {}, optimizer),
    ):
        with pytest.raises(
            CellpruneError, match=r"'runs/cells' is no torch network: give an nn.Module; cellprune.load"
        ):
            refuses()
