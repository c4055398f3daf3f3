"""Trainings one after the other: what each starts from, and under which mask."""

import torch
from torch import nn

from cellprune.training.sparse.static import Static
from cellprune.training.stages import Stage, as_they_are, walk


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


def test_masks_that_were_chosen_before_are_those_of_the_first_stage() -> None:
    network = nn.Linear(2, 1)
    chosen = {"weight": torch.tensor([[True, False]])}
    stage = Stage("init", as_they_are, Static, 1)

    def train(policy: Static, stage: Stage, number: int) -> None:
        assert torch.equal(policy.masks["weight"], chosen["weight"])

    assert walk(network, [stage], train, masks=chosen, rewound=dict) == chosen
