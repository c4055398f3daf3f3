"""The meta-gradient against autograd through the whole training, central differences, and closed forms."""

from math import comb

import pytest
import torch
from inner_training import assert_same, network, score
from reference_pruning import after_training, batches, freeze, unrolled_sensitivity
from torch import nn
from torch.nn import functional as F

from cellprune.errors import CellpruneError, WorkError
from cellprune.pruning.derivatives.conditions import untouched
from cellprune.pruning.derivatives.metagradient import InnerTraining, _first_part, meta_gradient
from cellprune.pruning.derivatives.objective import Objective
from cellprune.pruning.methods import prospr, snip
from cellprune.pruning.prune import prune


@pytest.mark.parametrize("norm", ["batch", "group"])
@pytest.mark.parametrize("steps", [0, 1, 2, 3, 5])
@pytest.mark.parametrize(("momentum", "quirk"), [(0.0, True), (0.9, False), (0.9, True)])
def test_it_equals_autograd_through_the_whole_training(norm, steps, momentum, quirk):
    model, data = network(norm), batches(steps + 1)
    theirs = unrolled_sensitivity(model, data, lr=0.3, momentum=momentum, quirk=quirk)
    for segment in {1, 2, max(1, steps)}:
        ours = score(model, data, inner_steps=steps, inner_lr=0.3, inner_momentum=momentum,
                     detach_first_gradient=quirk, segment=segment)  # fmt: skip
        assert_same(ours, theirs)


@pytest.mark.parametrize("steps", [0, 2])
def test_a_frozen_norm_is_scored_as_it_trains(steps):
    model, data = network(), batches(steps + 1)
    training = unrolled_sensitivity(model, data, lr=0.3)
    freeze(model.norm)
    frozen = unrolled_sensitivity(model, data, lr=0.3)
    assert_same(score(model, data, inner_steps=steps, inner_lr=0.3), frozen)
    assert not torch.allclose(frozen["stem.weight"], training["stem.weight"], rtol=0.1)


def test_a_frozen_norm_over_one_value_is_scored():
    model = nn.Sequential(nn.Conv2d(2, 4, 3), nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 3))
    freeze(model[2])
    one = [(inputs[:1].float(), target[:1]) for inputs, target in batches(4)]
    for granularity in ("weight", "channel"):
        masks = prune(model, sparsity=0.5, batches=one, loss=F.cross_entropy, granularity=granularity)
        assert 0 < int(masks["0.weight"].sum()) < masks["0.weight"].numel()


def test_the_momentum_quirk_changes_scores_and_one_step_of_it_is_first_order():
    model, data = network(), batches(3)
    exact = score(model, data, inner_steps=2, inner_momentum=0.9)
    quirk = score(model, data, inner_steps=2, inner_momentum=0.9, detach_first_gradient=True)
    assert any(not torch.allclose(exact[name], quirk[name], rtol=1e-3) for name in exact)
    one = {"inner_steps": 1, "inner_momentum": 0.9}
    assert_same(score(model, data, detach_first_gradient=True, **one), score(model, data, order="first", **one))


def test_it_equals_central_differences():
    model, data = network(), batches(4)
    start = [p.detach() for p in model.parameters()]
    torch.manual_seed(2)
    direction = [torch.randn_like(p) for p in start]
    step = 1e-5
    moved = [[p * (1 + sign * step * d) for p, d in zip(start, direction, strict=True)] for sign in (1, -1)]
    up, down = (
        after_training(model, [p.requires_grad_() for p in m], data, lr=0.1, momentum=0.5).item() for m in moved
    )
    ours = score(model, data, inner_momentum=0.5)
    along = sum((s * d).sum().item() for s, d in zip(ours.values(), direction, strict=True))
    assert along == pytest.approx((up - down) / (2 * step), rel=1e-7)


def test_no_steps_or_a_learning_rate_of_zero_is_snip():
    model, data = network(), batches(4)
    for used, options in ((data[:1], {"inner_steps": 0}), (data, {"inner_lr": 0.0})):
        with untouched(model):
            theirs = snip.sensitivity(model, {}, used[-1:], F.cross_entropy, seed=0)
        assert_same(score(model, used, **options), theirs, tolerance=0)


def test_first_order_is_the_loop_with_detached_gradients():
    model, data = network(), batches(4)
    theirs = unrolled_sensitivity(model, data, lr=0.1, momentum=0.9, first_order=True)
    assert_same(score(model, data, order="first", inner_momentum=0.9), theirs)


def test_a_scalar_has_the_closed_form():
    model = nn.Linear(1, 1, bias=False).double()
    nn.init.constant_(model.weight, 0.9)
    one = torch.ones(1, 1, dtype=torch.float64)
    with untouched(model):
        ours = prospr.sensitivity(
            model, {}, [(one, 0.3)] * 4, lambda y, t: (0.5 * 1.7 * (y - t) ** 2).sum(), seed=0, inner_lr=0.2, segment=1
        )
    assert ours["weight"].item() == pytest.approx(0.0758763261, abs=1e-10)


@pytest.mark.parametrize("momentum", [0.0, 0.7])
def test_quadratic_losses_have_the_closed_form(momentum):
    n, steps, lr = 4, 3, 0.1
    torch.manual_seed(3)
    roots, b = torch.randn(steps + 1, n, n).double(), torch.randn(steps + 1, n).double()
    a = roots @ roots.mT / n
    model = nn.Linear(n, 1, bias=False).double()
    weight = model.weight.detach().squeeze()
    identity = torch.eye(n, dtype=torch.float64)
    state, matrix = torch.cat([weight, torch.zeros(n).double()]), torch.eye(2 * n, dtype=torch.float64)
    for k in range(steps):
        transition = torch.cat([torch.cat([identity - lr * a[k], -lr * momentum * identity], 1),
                                torch.cat([a[k], momentum * identity], 1)])  # fmt: skip
        state = transition @ state + torch.cat([lr * b[k], -b[k]])
        matrix = transition @ matrix
    theirs = weight * (matrix[:n, :n].T @ (a[-1] @ state[:n] - b[-1]))

    data = [(identity, (a[k], b[k])) for k in range(steps + 1)]  # the identity's output is the weight itself

    def loss(y, t):
        return (0.5 * y.T @ t[0] @ y).squeeze() - t[1] @ y.squeeze()

    with untouched(model):
        ours = prospr.sensitivity(
            model, {}, data, loss, seed=0, inner_steps=steps, inner_lr=lr, inner_momentum=momentum, segment=2
        )
    assert torch.allclose(ours["weight"].squeeze(), theirs, rtol=1e-12)


def test_many_steps_with_few_states_and_dropout_give_the_same():
    model, data = network(dropout=0.4), batches(24)
    whole = score(model, data, inner_steps=23, inner_lr=0.05, segment=23)
    for segment in (1, 7):
        assert_same(score(model, data, inner_steps=23, inner_lr=0.05, segment=segment), whole)


@pytest.mark.parametrize("slots", [1, 2, 10])
@pytest.mark.parametrize("n", [1, 2, 5, 11, 12, 66, 67, 100])
def test_few_states_are_kept_and_as_few_segments_played_again_as_can_be(n, slots):
    r = next(r for r in range(n) if comb(slots + r, r) >= n)
    fewest = r * n - comb(slots + r, r - 1) if r else 0  # Griewank and Walther, 2000
    played, kept = 0, []

    def across(n, held, slots):
        nonlocal played
        kept.append(held)
        if n > 1:
            cut = _first_part(n, slots)
            assert 1 <= cut < n
            played += cut
            across(n - cut, held + 1, slots - 1)
            across(cut, held, slots)

    across(n, 0, slots)
    assert max(kept) <= slots
    assert played == fewest


@pytest.mark.parametrize("segment", [1, 3])
def test_micro_batches_give_the_same(segment):
    model, data = network("group"), batches(4, size=5)
    whole = score(model, data, inner_momentum=0.9)
    for micro_batch in (1, 2, 5, 9):
        assert_same(score(model, data, inner_momentum=0.9, segment=segment, micro_batch=micro_batch), whole)


def test_masked_weights_start_at_zero_but_are_scored_with_their_own_value():
    model, data = network(), batches(4)
    mask = torch.rand(model.stem.weight.shape) < 0.5
    with untouched(model):
        ours = prospr.sensitivity(model, {"stem.weight": mask}, data, F.cross_entropy, seed=0, segment=1)
    with torch.no_grad():
        model.stem.weight.masked_fill_(~mask, 0.0)
    theirs = score(model, data)
    assert torch.allclose(ours["stem.weight"][mask], theirs["stem.weight"][mask], rtol=1e-10)
    assert ours["stem.weight"][~mask].abs().sum() > 0


def test_frozen_parameters_do_not_move_and_score_zero():
    model, data = network(), batches(4)
    model.head.requires_grad_(False)
    ours = score(model, data)
    assert not ours["head.weight"].any()
    assert not ours["unused.weight"].any()
    assert ours["stem.weight"].any()


def test_half_precision_is_scored_in_float32():
    model, data = network("group").to(torch.bfloat16), batches(2)
    with untouched(model):
        scores = prospr.METHOD.sensitivity(
            model, {}, [(x.float(), t) for x, t in data], F.cross_entropy, seed=0, inner_steps=1, segment=1
        )
    assert {s.dtype for s in scores.values()} == {torch.float32}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"inner_steps": -1}, "inner_steps is -1"),
        ({"inner_steps": 1.5}, "inner_steps is 1.5"),
        ({"inner_lr": -0.1}, "inner_lr is -0.1"),
        ({"inner_lr": float("nan")}, "inner_lr is nan"),
        ({"inner_lr": "0.1"}, "inner_lr is '0.1'"),
        ({"inner_momentum": 1.0}, "inner_momentum is 1.0"),
        ({"inner_momentum": None}, "inner_momentum is None"),
        ({"order": "ful"}, "Did you mean 'full'"),
        ({"segment": 0}, "segment is 0"),
        ({"micro_batch": 0}, "micro_batch is 0"),
        ({"micro_batch": 2}, "'norm' takes statistics over the batch"),
    ],
)
def test_bad_options_are_refused(options, words):
    with pytest.raises(CellpruneError, match=words):
        score(network(), batches(4), **options)


def test_micro_batches_are_refused_for_a_loss_that_is_no_mean_over_samples():
    model, data = network("group"), batches(1)
    objective = Objective(model, data, lambda y, t: F.cross_entropy(y, t) ** 2, 0, micro_batch=2)
    with untouched(model), pytest.raises(CellpruneError, match="mean over samples"):
        meta_gradient(objective, {}, InnerTraining(0, 0.1))


def test_micro_batches_are_refused_for_inputs_that_cannot_be_cut():
    model = network("group")
    objective = Objective(model, [({"x": 1}, None)], F.cross_entropy, 0, micro_batch=2)
    with pytest.raises(CellpruneError, match="must be tensors"):
        objective.gradient(0, ())


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_names_its_batch(value):
    data = batches(4)
    data[2][0][0] = value
    with pytest.raises(WorkError, match=r"nan on batch 3 of 4 while scoring"):
        score(network(), data)


def test_a_loss_that_is_no_scalar_is_refused():
    model, data = network(), batches(1)
    with untouched(model), pytest.raises(CellpruneError, match="one number"):
        snip.sensitivity(model, {}, data, lambda y, t: y, seed=0)


def test_it_is_exact_for_a_loss_of_two_pieces():
    """Smooth L1 is a parabola and two lines: errors on both are differentiated through every step."""
    torch.manual_seed(0)
    model = nn.Conv2d(1, 2, 3, padding=1).double()
    data = [(torch.randn(2, 1, 6, 6).double(), 2 * torch.randn(2, 2, 6, 6).double()) for _ in range(3)]
    with untouched(model):
        ours = prospr.sensitivity(model, {}, data, F.smooth_l1_loss, seed=0, inner_steps=2, inner_lr=0.5, segment=1)
    theta = [p.detach().clone().requires_grad_() for p in model.parameters()]

    def loss(weights, batch):
        return F.smooth_l1_loss(F.conv2d(batch[0], *weights, padding=1), batch[1])

    errors = (F.conv2d(data[0][0], *theta, padding=1) - data[0][1]).abs()
    assert 0.2 < (errors < 1).double().mean() < 0.8, "both pieces count"
    after = theta
    for batch in data[:2]:
        slope = torch.autograd.grad(loss(after, batch), after, create_graph=True)
        after = [p - 0.5 * g for p, g in zip(after, slope, strict=True)]
    theirs = torch.autograd.grad(loss(after, data[2]), theta)
    assert_same(ours, {n: p.detach() * g for (n, p), g in zip(model.named_parameters(), theirs, strict=True)})
