"""RigL and SET against the slow reference: what is dropped, what grows, from where it starts, and when."""

import pytest
import torch
from reference_training import exchange_count, swapped
from torch import Tensor, nn

from cellprune.errors import CellpruneError
from cellprune.pruning.ranking.revival import in_dead_channels
from cellprune.training import optimizers
from cellprune.training.sparse import exchange, rigl
from cellprune.training.sparse import set as at_random
from cellprune.training.sparse.exchange import Course
from cellprune.training.stages import Stage, TrainingRequest

METHODS = {"rigl": rigl.stages, "set": at_random.stages}
REQUEST = TrainingRequest(sparsity=0.6, epochs=4, steps_per_epoch=15, seed=3)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 6, 3), nn.ReLU(), nn.Flatten(),
        nn.Linear(54, 2),
    )  # fmt: skip


def prepared(stage: Stage, name: str = "adamw"):
    model = network()
    policy = stage.policy(stage.mask(model, {}))
    optimizer, _ = optimizers.build(
        model, name=name, learning_rate=0.01, weight_decay=0.1, schedule="constant", steps=60
    )
    policy.start(model, optimizer)
    return model, optimizer, policy


def play(model, optimizer, policy, step: int) -> bool:
    """One step on a batch of its own; true where the optimizer stepped."""
    generator = torch.Generator().manual_seed(step)
    optimizer.zero_grad()
    model(torch.randn(4, 2, 5, 5, generator=generator)).square().mean().backward()
    if stepped := policy.before_step(step, model, optimizer):
        optimizer.step()
    return stepped


@pytest.mark.parametrize("done", [0, 1, 7, 30, 74, 75, 76])
def test_the_dropped_share_falls_as_a_cosine(done: int) -> None:
    share = Course(every=1, last=75, drop_fraction=0.3).share(done)
    if not 0 < done <= 75:
        assert share is None
    else:
        assert int(share * 1000) == exchange_count(1000, done, 75, 0.3)


@pytest.mark.parametrize("n", [0, 1, 3, 6])
@pytest.mark.parametrize("seed", range(4))
def test_an_exchange_is_the_references_ties_or_not(n: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    weight, wanted = (torch.randint(-2, 3, (3, 5), generator=generator).float() for _ in range(2))
    wanted = wanted.abs()
    mask = (torch.rand(15, generator=generator).argsort() < 6).view(3, 5)
    closed = ~mask & (torch.rand(3, 5, generator=generator) > 0.7)
    for shut in (None, closed):
        new = exchange.swapped("layer", weight, mask, wanted, n, shut)
        plain = swapped(
            weight.abs().flatten().tolist(), mask.flatten().tolist(), wanted.flatten().tolist(), n,
            None if shut is None else shut.flatten().tolist(),
        )  # fmt: skip
        assert new.flatten().tolist() == plain
        assert int(new.sum()) == 6


@pytest.mark.parametrize("optimizer_name", ["adamw", "sgd"])
@pytest.mark.parametrize("initial", ["erk", "uniform"])
@pytest.mark.parametrize("method", METHODS)
def test_a_training_moves_masks_as_the_reference_does(method: str, initial: str, optimizer_name: str) -> None:
    [stage] = METHODS[method](network(), REQUEST, initial=initial, update_every=5)
    assert stage.does == "weights move within each layer every 5 steps until step 45 of 60"
    model, optimizer, policy = prepared(stage, optimizer_name)
    weights = {name: parameter for name, parameter in model.named_parameters() if name in policy.masks}
    counts = {name: int(mask.sum()) for name, mask in policy.masks.items()}
    n_prunable = sum(weight.numel() for weight in weights.values())
    assert sum(counts.values()) == int(0.4 * n_prunable + 0.5)
    moved = 0
    for step in range(60):
        before = {name: mask.clone() for name, mask in policy.masks.items()}
        old = {name: weight.detach().clone() for name, weight in weights.items()}
        stepped = play(model, optimizer, policy, step)
        done = step if method == "rigl" else step + 1
        due = done % 5 == 0 and 0 < done <= 45
        assert stepped == (method == "set" or not due)
        trained = {name: weight.detach().clone() for name, weight in weights.items()} if stepped else old
        gradients = {name: weight.grad.clone() for name, weight in weights.items()}
        memory = {n: [v.clone() for v in optimizer.state[w].values() if v.shape == w.shape] for n, w in weights.items()}
        policy.after_step(step, model, optimizer)
        draws = at_random.draws(3, done, weights)
        for name, weight in weights.items():
            mask = policy.masks[name]
            assert int(mask.sum()) == counts[name], "each layer keeps its count"
            assert not weight[~mask].any()
            fresh = mask & ~before[name]
            assert not weight[fresh].any(), "what grows starts at zero"
            stayed = mask & before[name]
            assert torch.equal(weight[stayed], trained[name][stayed]), "dropped and grown at once: never gone"
            for value, was in zip(
                (v for v in optimizer.state[weight].values() if v.shape == weight.shape), memory[name], strict=True
            ):
                assert not value[~stayed].any()
                assert torch.equal(value[stayed], was[stayed])
            if not due:
                assert torch.equal(mask, before[name])
                assert method == "set" or not gradients[name][~mask].any(), "masked before any clipping"
                continue
            wanted = gradients[name].abs() if method == "rigl" else draws[name]
            n = exchange_count(counts[name], done, 45, 0.3)
            plain = swapped(*(t.flatten().tolist() for t in (trained[name].abs(), before[name], wanted)), n)
            assert mask.flatten().tolist() == plain
            moved += int(fresh.sum())
    assert moved > 50


def test_rigl_sees_the_dense_gradient_at_the_sparse_weights() -> None:
    [stage] = rigl.stages(network(), REQUEST, update_every=5)
    model, optimizer, policy = prepared(stage)
    for step in range(6):
        assert play(model, optimizer, policy, step) == (step != 5)
    name, mask = next(iter(policy.masks.items()))
    gradient = dict(model.named_parameters())[name].grad
    assert gradient[~mask].any(), "an update reads gradients that nobody masked"


def test_draws_come_from_seed_and_step_alone() -> None:
    weights = {"a": torch.zeros(3, 4), "b": torch.zeros(2)}
    torch.manual_seed(1)
    first = at_random.draws(5, 10, weights)
    state = torch.get_rng_state()
    again = at_random.draws(5, 10, weights)
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(first[name], again[name]) for name in weights)
    for other in (at_random.draws(6, 10, weights), at_random.draws(5, 11, weights)):
        assert not torch.equal(first["a"], other["a"])


@pytest.mark.parametrize("method", METHODS)
def test_a_policy_goes_on_from_its_state_to_the_bit(method: str) -> None:
    [stage] = METHODS[method](network(), REQUEST, update_every=5)
    model, optimizer, policy = prepared(stage)
    for step in range(23):
        play(model, optimizer, policy, step)
        policy.after_step(step, model, optimizer)
    other, again, resumed = prepared(stage)
    other.load_state_dict(model.state_dict())
    stored = {name: value.clone() for name, value in optimizers.tensors_of(optimizer).items()}
    optimizers.restore(again, stored, optimizers.numbers_of(optimizer))
    held: dict[str, Tensor] = dict(sorted((n, m.clone()) for n, m in policy.state().items()))  # as a file has them
    resumed.load_state(dict(reversed(held.items())))
    resumed.start(other, again)
    for step in range(23, 60):
        for case in ((model, optimizer, policy), (other, again, resumed)):
            play(*case, step)
            case[2].after_step(step, case[0], case[1])
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), other.parameters(), strict=True))
    assert all(torch.equal(mask, resumed.masks[name]) for name, mask in policy.masks.items())


def test_dead_channels_stay_dead_where_asked() -> None:
    for revive_dead in (True, False):
        [stage] = rigl.stages(network(), REQUEST, update_every=5, revive_dead=revive_dead, initial="uniform")
        model, optimizer, _ = prepared(stage)
        masks = stage.mask(model, {})
        masks["0.weight"][:3] = False
        policy = stage.policy(masks)
        policy.start(model, optimizer)
        assert in_dead_channels(model, masks)["0.weight"][:3].all()
        for step in range(46):
            play(model, optimizer, policy, step)
            policy.after_step(step, model, optimizer)
        assert policy.masks["0.weight"][:3].any() == revive_dead
        assert int(policy.masks["0.weight"].sum()) == int(masks["0.weight"].sum())


def test_a_weight_that_the_loss_never_sees_is_no_trouble() -> None:
    model = nn.ModuleDict({"used": nn.Linear(4, 4), "unused": nn.Linear(4, 4)})
    [stage] = rigl.stages(model, REQUEST, update_every=5, initial="uniform")
    policy = stage.policy(stage.mask(model, {}))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    policy.start(model, optimizer)
    model["used"](torch.randn(2, 4)).sum().backward()
    assert not policy.before_step(5, model, optimizer)
    assert int(policy.masks["unused.weight"].sum()) + int(policy.masks["used.weight"].sum()) == 13


def test_a_course_that_cannot_be_is_refused() -> None:
    with pytest.raises(CellpruneError, match="every 46 steps, but only 45 steps lie in their share"):
        rigl.stages(network(), REQUEST, update_every=46)
