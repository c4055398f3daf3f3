"""Channels go on the ramp's course, whole, the smallest first, and never come back."""

from fractions import Fraction

import pytest
import torch

from cellprune.config.load import load
from cellprune.config.request import Request
from cellprune.errors import CellpruneError
from cellprune.models import build, resnet
from cellprune.pruning.ranking.budget import keep_count
from cellprune.pruning.ranking.prices import priced
from cellprune.pruning.ranking.whole_channels import kept_by
from cellprune.structure.trace import find
from cellprune.training import optimizers
from cellprune.training.sparse.gradual import Ramp
from cellprune.training.sparse.gradual_channel import of_count, stages, thinned
from cellprune.training.stages import TrainingRequest

NETWORKS = {
    "unet": lambda: (build({"name": "unet", "width": 4, "depth": 1}), (1, 8, 8)),
    "resnet20": lambda: (resnet.projection(width=4, classes=3), (3, 8, 8)),
}


@pytest.mark.parametrize("scope", ["global", "layer"])
@pytest.mark.parametrize("network", NETWORKS)
def test_whole_channels_go_as_the_ramp_says_and_none_comes_back(network, scope):
    torch.manual_seed(0)
    model, size = NETWORKS[network]()
    [stage] = stages(model, TrainingRequest(sparsity=0.5, epochs=1, steps_per_epoch=12, scope=scope, input_size=size))
    assert stage.does.startswith("whole channels: masks shrink every step from step 3 to step 9 of 12")
    ramp, channels = Ramp(3, 1, 6, Fraction(1, 2)), find(model, torch.zeros(1, *size))
    policy = stage.policy(stage.mask)
    optimizer, _ = optimizers.build(
        model, name="adamw", learning_rate=0.01, weight_decay=0.1, schedule="constant", steps=12
    )
    policy.start(model, optimizer)
    before, share = kept_by(model, channels, policy.masks), Fraction(1)
    assert before is not None
    assert before.all()
    for step in range(12):
        model(torch.randn(4, *size)).square().mean().backward()
        assert policy.before_step(step, model, optimizer)
        optimizer.step()
        policy.after_step(step, model, optimizer)
        optimizer.zero_grad()
        left, share = kept_by(model, channels, policy.masks), ramp.density(step + 1) or share
        assert left is not None, "whole channels"
        assert int(left.sum()) == keep_count(channels.count, share)
        assert not (left & ~before).any(), "nothing comes back"
        assert all(left[made].any() for made in channels.layers().values()), "one of each layer stays"
        before = left
        for name, parameter in model.named_parameters():
            if name in policy.masks:
                assert not parameter[~policy.masks[name]].any()
    state = policy.state()
    again = stage.policy({})
    again.load_state(state)
    assert all(torch.equal(mask, again.masks[name]) for name, mask in policy.masks.items())


def test_the_smallest_kernel_goes_first_by_what_is_left_of_it():
    model = build({"name": "unet", "width": 4, "depth": 1})
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(1.0)
        model.down[0][3].weight[2] = 0.5
    [stage] = stages(model, TrainingRequest(sparsity=0.5, epochs=1, steps_per_epoch=8, input_size=(1, 8, 8)))
    channels = find(model, torch.zeros(1, 1, 8, 8))
    masks = stage.mask
    for n_less, bias, expected in ((1, "down.0.4.bias", [1, 1, 0, 1]), (2, "up.0.4.bias", [1, 1, 1, 0])):
        # the readers of the first to go lost a quarter of their weights; they tie with all others, whose last one goes
        ramp, rule = Ramp(0, 1, 1, 1 - Fraction(n_less, channels.count)), of_count(channels, "global")
        masks = thinned(ramp, rule, channels, 1, model, masks)
        assert masks is not None
        assert masks[bias].tolist() == [bool(there) for there in expected]


@pytest.mark.parametrize("unit", ["macs", "params"])
def test_a_budget_is_spent_in_blocks_on_the_ramp(unit):
    torch.manual_seed(0)
    model, size = build({"name": "unet", "width": 16, "depth": 1}), (1, 8, 8)
    asked = Request(method="gradual-channel", budget={unit: 0.4}, round_to=8)
    [stage] = stages(model, TrainingRequest(0.0, epochs=1, steps_per_epoch=12, input_size=size, asked=asked))
    channels = find(model, torch.zeros(1, *size))
    prices, policy = priced(model, torch.zeros(1, *size), channels, unit), stage.policy(stage.mask)
    before = torch.ones(channels.count, dtype=torch.bool)
    dense = prices.total(before)
    for done in range(1, 13):
        with torch.no_grad():
            for name, parameter in model.named_parameters():  # sizes change as they do in a training
                parameter.add_(0.1 * torch.randn(parameter.shape)).mul_(policy.masks.get(name, 1))
        policy.after_step(done - 1, model, torch.optim.SGD(model.parameters(), lr=0.1))
        left = kept_by(model, channels, policy.masks)
        assert left is not None, "whole channels"
        assert not (left & ~before).any(), "nothing comes back"
        assert all(int(left[made].sum()) % 8 == 0 for made in channels.layers().values())
        share = Ramp(3, 1, 6, Fraction(2, 5)).density(done)
        assert share is None or prices.total(left) <= share * dense
        before = left
    assert 0.3 * dense < prices.total(before) <= 0.4 * dense


def test_a_budget_below_the_smallest_network_is_refused_before_any_step():
    model = build({"name": "unet", "width": 16, "depth": 1})
    asked = Request(method="gradual-channel", budget={"macs": 0.01})
    with pytest.raises(CellpruneError, match="the smallest network keeps one channel of each layer, in whole blocks"):
        stages(model, TrainingRequest(0.0, epochs=1, steps_per_epoch=8, input_size=(1, 8, 8), asked=asked))


def test_too_few_channels_are_refused_before_any_step():
    model = build({"name": "unet", "width": 4, "depth": 1})
    with pytest.raises(CellpruneError, match="each layer keeps one channel at least"):
        stages(model, TrainingRequest(sparsity=0.95, epochs=1, steps_per_epoch=8, input_size=(1, 8, 8)))


def test_it_counts_channels_without_being_told():
    pruning = load(assignments=["pruning.method=gradual-channel", "pruning.budget=channels=0.4"]).pruning
    assert (pruning.granularity, pruning.ratio, pruning.label) == ("channel", 0.6, "gradual-channel")
