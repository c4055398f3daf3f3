"""The policy that holds one mask: what it removes stays zero to the bit, and it comes back from a state."""

import pytest
import torch
from torch import nn

from cellprune.pruning import masks as masking
from cellprune.training import optimizers
from cellprune.training.sparse.static import Static


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_the_static_policy_keeps_pruned_weights_at_zero_without_touching_them(name: str) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 1))
    masks = {n: torch.rand_like(p) > 0.5 for n, p in network.named_parameters() if p.ndim == 2}
    optimizer, schedule = optimizers.build(
        network, name=name, learning_rate=0.05, weight_decay=0.1, schedule="one-cycle", steps=20
    )
    policy = Static(masks)
    policy.start(network, optimizer)
    before = {n: p.detach().clone() for n, p in network.named_parameters()}
    for step in range(20):
        network(torch.randn(4, 6)).square().mean().backward()
        assert policy.before_step(step, network, optimizer)
        optimizer.step()
        policy.after_step(step, network, optimizer)
        optimizer.zero_grad()
        assert schedule is not None
        schedule.step()
    for n, p in network.named_parameters():
        if n in masks:
            assert p[~masks[n]].view(torch.int32).eq(0).all(), "+0.0 to the bit"
            assert not torch.equal(p, before[n])
            for value in optimizer.state[p].values():
                if value.shape == p.shape:
                    assert not value[~masks[n]].any()


def test_the_policy_takes_its_masks_back_from_the_state() -> None:
    masks = {"weight": torch.tensor([[True, False]])}
    policy = Static({})
    policy.load_state(Static(masks).state())
    network = nn.Linear(2, 1)
    policy.start(network, torch.optim.SGD(network.parameters(), lr=0.1))
    assert network.weight[0, 1] == 0
    assert masking.counts(policy.masks) == {"weight": (1, 2)}
