"""Statistics that fit the weights, schedules, stages, devices."""

import numpy as np
import pytest
import torch
from torch import nn

from cellprune.errors import CellpruneError
from cellprune.pruning import masks as masking
from cellprune.training import accelerator, fit, optimizers
from cellprune.training.norms import reestimate
from cellprune.training.sparse.static import Static
from cellprune.training.stages import Stage, walk


def test_reestimated_statistics_are_the_mean_over_the_batches() -> None:
    torch.manual_seed(0)
    batches = [torch.randn(2, 3, 5, 5) * 3 + 1 for _ in range(4)]
    network = nn.Sequential(nn.BatchNorm2d(3), nn.Dropout(0.5))
    network[0].running_mean.fill_(99)
    network[1].eval()
    reestimate(network, [(images, None) for images in batches])
    mean = torch.stack([b.mean((0, 2, 3)) for b in batches]).mean(0)
    variance = torch.stack([b.var((0, 2, 3)) for b in batches]).mean(0)
    torch.testing.assert_close(network[0].running_mean, mean)
    torch.testing.assert_close(network[0].running_var, variance)
    assert (network[0].training, network[1].training, network[0].momentum) == (True, False, 0.1)


def test_stale_statistics_of_small_batches_mislead_and_new_ones_do_not() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4))
    images = torch.randn(8, 1, 16, 16) * 5 + 2
    truth = network(images)
    stale = network.eval()(images)
    reestimate(network, [(some, None) for some in images.split(4)])
    assert (network.eval()(images) - truth).abs().max() < (stale - truth).abs().max() / 10


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


def test_an_optimizers_state_comes_back_to_the_bit() -> None:
    def made() -> tuple[nn.Module, torch.optim.Optimizer]:
        torch.manual_seed(0)
        network = nn.Linear(3, 2)
        optimizer, _ = optimizers.build(
            network, name="adamw", learning_rate=0.1, weight_decay=0.0, schedule="constant", steps=9
        )
        return network, optimizer

    network, optimizer = made()
    network(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    other, again = made()
    other.load_state_dict(network.state_dict())
    stored = {name: value.clone() for name, value in optimizers.tensors_of(optimizer).items()}
    optimizers.restore(again, stored, optimizers.numbers_of(optimizer))
    for one, optimizer_of in ((network, optimizer), (other, again)):
        one.zero_grad()
        one(torch.ones(1, 3)).square().sum().backward()
        optimizer_of.step()
    assert torch.equal(network.weight, other.weight)


def test_stages_start_where_they_say() -> None:
    network = nn.Linear(1, 1, bias=False)
    nn.init.constant_(network.weight, 1.0)
    seen: list[tuple[int, float, int]] = []

    def fit(policy: object, stage: Stage, number: int) -> None:
        seen.append((number, network.weight.item(), stage.epochs))
        nn.init.constant_(network.weight, 10.0 * (number + 1))

    def of_trained(model: nn.Module, masks: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        trained_under.append(masks)
        return {"weight": model.weight.detach() > 5}

    def rewound() -> dict[str, torch.Tensor]:
        return {"weight": torch.full((1, 1), 7.0)}

    made: list[dict[str, torch.Tensor]] = []
    trained_under: list[dict[str, torch.Tensor]] = []

    def policy(mask: dict[str, torch.Tensor]) -> Static:
        made.append(mask)
        return Static(mask)

    stages = [
        Stage("init", {}, policy, 3),
        Stage("previous", of_trained, policy, 2),
        Stage("step 5", of_trained, policy, 1),
        Stage("init", {}, policy, 1),
    ]
    assert [stage.first_step for stage in stages] == [0, 0, 5, 0]
    assert walk(network, stages, fit, rewound=rewound) == {}
    assert seen == [(0, 1.0, 3), (1, 10.0, 2), (2, 7.0, 1), (3, 1.0, 1)]
    assert made[1]["weight"].all()
    assert trained_under == [{}, made[1]]
    assert made[2]["weight"].all(), "the mask is of the trained network, not of the one that is put back"
    assert set(walk(network, stages[:3], fit, rewound=rewound)) == {"weight"}

    seen.clear()
    made.clear()
    walk(network, stages, fit, rewound=rewound, reached=1)
    assert [number for number, _, _ in seen] == [1, 2, 3]
    assert made[0] == {}, "a resumed stage finds its mask in the state, not in a network it has not got"


def test_the_policy_takes_its_masks_back_from_the_state() -> None:
    masks = {"weight": torch.tensor([[True, False]])}
    policy = Static({})
    policy.load_state(Static(masks).state())
    network = nn.Linear(2, 1)
    policy.start(network, torch.optim.SGD(network.parameters(), lr=0.1))
    assert network.weight[0, 1] == 0
    assert masking.counts(policy.masks) == {"weight": (1, 2)}


def test_a_device_that_is_not_there_is_refused() -> None:
    if not torch.cuda.is_available():
        with pytest.raises(CellpruneError, match="remove --device"):
            accelerator.start("cuda")
    assert accelerator.start("cpu").device.type == "cpu"


def test_precision_is_resolved_once() -> None:
    cpu = torch.device("cpu")
    assert accelerator.precision("auto", cpu) == "fp32"
    assert accelerator.precision("bf16", cpu) == "bf16"
    with pytest.raises(CellpruneError, match="bf16"):
        accelerator.precision("bf16", torch.device("mps"))


@pytest.mark.parametrize(
    ("capability", "choice", "slow"), [("AVX2", "bf16", True), ("AVX512", "bf16", False), ("AVX2", "fp32", False)]
)
def test_a_processor_on_which_bf16_is_slow_is_named(capability, choice, slow, monkeypatch, caplog) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    assert accelerator.precision(choice, torch.device("cpu")) == choice
    assert ("many times slower" in caplog.text) is slow


def _state(width: int, **changed: object) -> tuple[nn.Module, dict[str, np.ndarray], dict[str, object]]:
    model = nn.Sequential(nn.Conv2d(1, width, 3), nn.BatchNorm2d(width))
    optimizer, _ = optimizers.build(
        model, name="adamw", learning_rate=0.1, weight_decay=0.0, schedule="constant", steps=9
    )
    model(torch.ones(2, 1, 4, 4)).sum().backward()
    optimizer.step()
    mask = Static({"0.weight": torch.ones(width, 1, 3, 3, dtype=torch.bool)})
    arrays, meta = fit._state(0, model, optimizer, None, mask, [{"stage": 0, "epoch": 1}])
    return model, arrays, meta | changed


def test_a_state_is_taken_by_its_own_network_alone() -> None:
    model, arrays, meta = _state(3)
    fit.require_fit(model, arrays, meta)
    wrong = {
        "none of this network": _state(4)[1],
        "it lacks model.1.weight": {name: value for name, value in arrays.items() if name != "model.1.weight"},
        "its model.2.weight": arrays | {"model.2.weight": arrays["model.1.weight"]},
        "its model.0.weight is": arrays | {"model.0.weight": arrays["model.0.weight"].astype(np.float64)},
        "its optimizer.0.exp_avg ": arrays | {"optimizer.0.exp_avg": np.ones(2, np.float32)},
        "its optimizer.9.exp_avg ": arrays | {"optimizer.9.exp_avg": np.ones(2, np.float32)},
        "its policy.0.weight": arrays | {"policy.0.weight": np.ones(2, bool)},
        "its other": arrays | {"other": np.ones(2, bool)},
    }
    for said, tensors in wrong.items():
        with pytest.raises(ValueError, match=said):
            fit.require_fit(model, tensors, meta)
    with pytest.raises(ValueError, match="notes are not a state's"):
        fit.require_fit(model, arrays, {key: value for key, value in meta.items() if key != "policy"})
    with pytest.raises(ValueError, match="epochs are not told"):
        fit.require_fit(model, arrays, meta | {"history": [{"epoch": 1}]})
