"""The ladder and its cut, what each stage keeps and where it goes back to."""

import pytest
import torch
from reference_training import largest
from torch import nn

from cellprune.errors import CellpruneError
from cellprune.training import lottery, magnitude_after
from cellprune.training.stages import TrainingRequest


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 2))


def asked(sparsity: float, **more: object) -> TrainingRequest:
    return TrainingRequest(sparsity=sparsity, epochs=2, steps_per_epoch=5, **more)  # type: ignore[arg-type]


def test_the_last_rung_is_cut_to_the_asked_count() -> None:
    assert lottery.ladder(1000, 900) == [900]
    assert lottery.ladder(1000, 800) == [800]
    assert lottery.ladder(268_336, 26_834)[-2:] == [28_812, 26_834]  # 0.8^10 is 10.7 %
    for rounds in range(1, 19):
        keep = int(0.8**rounds * 268_336 + 0.5)
        assert len(lottery.ladder(268_336, keep)) == rounds, "a published rung takes its own number of rounds"


def test_every_rung_of_the_published_ladder_takes_its_rounds() -> None:
    model = nn.Linear(37, 41)
    for rounds in range(1, 12):
        assert len(lottery.stages(model, asked(1 - 0.8**rounds))) == rounds + 1


def test_each_round_keeps_the_largest_of_those_left_in_both_scopes() -> None:
    for scope in ("global", "layer"):
        model = network()
        first, *rounds = lottery.stages(model, asked(0.7, scope=scope))
        assert first.mask == {}
        assert [stage.weights for stage in rounds] == ["init"] * 6
        masks: dict[str, torch.Tensor] = {}
        for stage, keep in zip(rounds, lottery.ladder(64, 19), strict=True):
            with torch.no_grad():
                for parameter in model.parameters():  # stands for a training; small values, so that ties occur
                    parameter.copy_(torch.randint(-2, 3, parameter.shape))
            before, masks = masks, stage.mask(model, masks)  # type: ignore[operator]
            assert sum(int(mask.sum()) for mask in masks.values()) == keep
            weights = {n: p.detach().abs() for n, p in model.named_parameters() if n in masks}
            allowed = {n: before.get(n, torch.ones_like(mask)) for n, mask in masks.items()}
            assert all((allowed[n] | ~masks[n]).all() for n in masks), "nothing comes back, ties or not"
            if scope == "global":
                flat, open_ = (torch.cat([d[n].flatten() for n in masks]).tolist() for d in (weights, allowed))
                assert torch.cat([mask.flatten() for mask in masks.values()]).tolist() == largest(flat, open_, keep)


def test_rewinding_starts_from_its_step() -> None:
    stages = lottery.stages(network(), asked(0.3), rewind_step=7)
    assert [(stage.weights, stage.first_step, stage.epochs) for stage in stages] == [
        ("init", 0, 2), ("step 7", 7, 2), ("step 7", 7, 2),
    ]  # fmt: skip
    with pytest.raises(CellpruneError, match=r"rewind_step 10 leaves nothing to train: one training has 10 steps"):
        lottery.stages(network(), asked(0.3), rewind_step=10)


def test_magnitude_after_fine_tunes_or_rewinds_as_asked() -> None:
    model = network()
    assert [s.weights for s in magnitude_after.stages(model, asked(0.5))] == ["init", "previous"]
    assert [s.weights for s in magnitude_after.stages(model, asked(0.5), retrain="rewind")] == ["init", "init"]
    _, after = magnitude_after.stages(model, asked(0.5), retrain="rewind", rewind_step=3)
    assert after.weights == "step 3"
    masks = after.mask(model, {})  # type: ignore[operator]
    assert list(masks) == ["0.weight", "2.weight"]
    flat = torch.cat([p.detach().abs().flatten() for p in model.parameters() if p.ndim == 2]).tolist()
    assert torch.cat([mask.flatten() for mask in masks.values()]).tolist() == largest(flat, [True] * 64, 32)
    with pytest.raises(CellpruneError, match=r"pruning\.retrain is fine-tune"):
        magnitude_after.stages(model, asked(0.5), rewind_step=3)


def test_what_is_excluded_stays_whole() -> None:
    _, after = magnitude_after.stages(network(), asked(0.5, exclude=("2",)))
    assert list(after.mask(network(), {})) == ["0.weight"]  # type: ignore[operator]
    with pytest.raises(CellpruneError, match="exclude"):
        lottery.stages(network(), asked(0.5, exclude=("head",)))
