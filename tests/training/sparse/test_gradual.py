"""The ramp is the printed equation, and every mask on it the slow reference's."""

from fractions import Fraction

import pytest
import torch
from reference_training import cubic_sparsity, largest
from torch import nn

from cellprune.errors import CellpruneError
from cellprune.training import optimizers
from cellprune.training.sparse.gradual import Ramp, stages
from cellprune.training.stages import TrainingRequest


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 2))


def test_the_ramp_is_the_printed_equation() -> None:
    ramp = Ramp(start=7, every=3, updates=5, final=Fraction(1, 10))
    due = {done: share for done in range(40) if (share := ramp.density(done)) is not None}
    assert list(due) == [10, 13, 16, 19, 22]
    for done, share in due.items():
        assert float(1 - share) == pytest.approx(cubic_sparsity(done, 7, 3, 5, 0.9), abs=1e-12)
    assert due[22] == Fraction(1, 10), "exactly what was asked for"


@pytest.mark.parametrize("name", ["adamw", "sgd"])
@pytest.mark.parametrize("scope", ["global", "layer"])
def test_masks_shrink_as_the_reference_says_and_hold_in_between(name: str, scope: str) -> None:
    model = network()
    [stage] = stages(model, TrainingRequest(sparsity=0.9, epochs=2, steps_per_epoch=20, scope=scope))
    assert stage.does == "masks shrink every step from step 10 to step 30 of 40; then fine-tuning"
    policy = stage.policy(stage.mask)
    optimizer, _ = optimizers.build(
        model, name=name, learning_rate=0.05, weight_decay=0.1, schedule="constant", steps=40
    )
    policy.start(model, optimizer)
    weights = {n: p for n, p in model.named_parameters() if p.ndim == 2}
    for step in range(40):
        before = {n: mask.clone() for n, mask in policy.masks.items()}
        model(torch.randn(4, 6)).square().mean().backward()
        assert policy.before_step(step, model, optimizer)
        optimizer.step()
        trained = {n: p.detach().clone() for n, p in weights.items()}
        policy.after_step(step, model, optimizer)
        optimizer.zero_grad()
        if not 10 < step + 1 <= 30:
            assert all(torch.equal(before[n], policy.masks[n]) for n in before)
        elif scope == "global":
            keep = int((1 - cubic_sparsity(step + 1, 10, 1, 20, 0.9)) * 64 + 0.5 + 1e-9)
            flat = torch.cat([trained[n].abs().flatten() for n in weights]).tolist()
            allowed = torch.cat([before[n].flatten() for n in weights]).tolist()
            assert torch.cat([policy.masks[n].flatten() for n in weights]).tolist() == largest(flat, allowed, keep)
        for n, parameter in weights.items():
            assert not (policy.masks[n] & ~before[n]).any(), "nothing comes back"
            assert not parameter[~policy.masks[n]].any()
            for value in optimizer.state[parameter].values():
                assert value.shape != parameter.shape or not value[~policy.masks[n]].any()
    assert sum(int(mask.sum()) for mask in policy.masks.values()) == 6


def test_equal_weights_go_from_the_end() -> None:
    model = nn.Linear(4, 5)
    nn.init.constant_(model.weight, 0.5)
    [stage] = stages(model, TrainingRequest(sparsity=0.5, epochs=1, steps_per_epoch=4), update_from=0.0, update_every=3)
    policy = stage.policy(stage.mask)
    policy.after_step(2, model, torch.optim.SGD(model.parameters(), lr=0.1))
    assert policy.masks["weight"].flatten().tolist() == [True] * 10 + [False] * 10


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"update_from": 0.8}, "update_from 0.8 is not before pruning.update_until 0.75"),
        (
            {"update_every": 21},
            "every 21 steps, but only 20 steps lie in their share of the training, so they never would",
        ),
    ],
)
def test_a_ramp_that_cannot_be_is_refused(options: dict[str, float], said: str) -> None:
    with pytest.raises(CellpruneError, match=said):
        stages(network(), TrainingRequest(sparsity=0.9, epochs=2, steps_per_epoch=20), **options)


def test_updates_lie_at_most_a_hundred_steps_apart() -> None:
    model, long = network(), TrainingRequest(sparsity=0.9, epochs=100, steps_per_epoch=100)
    assert stages(model, long)[0].does.startswith("masks shrink every 100 steps from step 2500 to step 7500 of 10000")
    short = TrainingRequest(sparsity=0.9, epochs=10, steps_per_epoch=21)
    assert stages(model, short)[0].does.startswith("masks shrink every 3 steps from step 52 to step 157 of 210")
