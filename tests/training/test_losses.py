"""Losses: worked by hand, blind to ignored pixels, finite where nothing is known."""

import pytest
import torch

from cellprune.training import losses

NAMES = ["cross-entropy", "dice", "iou", "cross-entropy+dice"]


@pytest.mark.parametrize("name", NAMES)
def test_ignored_pixels_change_nothing(name: str) -> None:
    torch.manual_seed(0)
    logits, target = torch.randn(2, 2, 4, 4), torch.randint(0, 2, (2, 4, 4))
    target[:, 0] = losses.IGNORED
    moved = logits.clone()
    moved[:, :, 0] += torch.randn(2, 2, 4)
    assert torch.equal(losses.of(name)(logits, target), losses.of(name)(moved, target))
    known = losses.of(name)(logits[:, :, 1:], target[:, 1:])
    assert losses.of(name)(logits, target).item() == pytest.approx(known.item(), abs=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_known_is_finite_with_a_zero_gradient(name: str) -> None:
    logits = torch.randn(1, 2, 4, 4, requires_grad=True)
    value = losses.of(name)(logits, torch.full((1, 4, 4), losses.IGNORED))
    value.backward()
    assert value.isfinite()
    assert logits.grad is not None
    assert not logits.grad.any()


@pytest.mark.parametrize("name", NAMES)
def test_a_sure_right_answer_costs_nothing(name: str) -> None:
    target = torch.randint(0, 2, (2, 8, 8), generator=torch.Generator().manual_seed(1))
    logits = torch.stack([(target == 0) * 40.0 - 20, (target == 1) * 40.0 - 20], dim=1)
    assert losses.of(name)(logits, target).item() == pytest.approx(0, abs=1e-3)
    assert losses.of(name)(-logits, target).item() > 0.5


def test_values_by_hand() -> None:
    logits = torch.log(torch.tensor([0.25, 0.75])).reshape(1, 2, 1, 1).expand(1, 2, 1, 2)
    target = torch.tensor([[[0, 1]]])
    assert losses.cross_entropy(logits, target).item() == pytest.approx(
        -(torch.tensor([0.25, 0.75]).log().mean()).item()
    )
    # class 0: intersection 0.25, sums 0.5 and 1; class 1: 0.75, 1.5 and 1
    assert losses.dice(logits, target).item() == pytest.approx(1 - (0.5 / 1.5 + 1.5 / 2.5) / 2, abs=1e-4)
    assert losses.iou(logits, target).item() == pytest.approx(1 - (0.25 / 1.25 + 0.75 / 1.75) / 2, abs=1e-4)


def test_smooth_l1_by_hand_and_blind_to_what_is_unknown() -> None:
    output = torch.tensor([0.5, -0.5, 3.0, 9.0]).reshape(1, 2, 1, 2).requires_grad_()
    target = torch.tensor([0.0, 0.0, 0.0, torch.nan]).reshape(1, 2, 1, 2)
    value = losses.of("smooth-l1")(output, target)
    assert value.item() == pytest.approx((0.125 + 0.125 + 2.5) / 3)
    [slope] = torch.autograd.grad(value, output, create_graph=True)
    assert slope.flatten().tolist() == pytest.approx([0.5 / 3, -0.5 / 3, 1 / 3, 0])
    [second] = torch.autograd.grad(slope.sum(), output)
    assert second.flatten().tolist() == pytest.approx([1 / 3, 1 / 3, 0, 0]), "what the exact meta-gradient needs"
    unknown = losses.of("smooth-l1")(output, torch.full_like(target, torch.nan))
    assert (unknown.item(), *torch.autograd.grad(unknown, output)[0].flatten().tolist()) == (0, 0, 0, 0, 0)


@pytest.mark.parametrize("name", [*NAMES, "smooth-l1"])
def test_images_without_any_truth_have_no_say_in_the_loss_of_the_annotated(name: str) -> None:
    torch.manual_seed(0)
    output, target = torch.randn(3, 2, 4, 4), torch.randint(0, 2, (3, 4, 4))
    nothing = target.new_full((4, 4), losses.IGNORED)
    if name == "smooth-l1":
        target, nothing = torch.randn(3, 2, 4, 4), torch.full((2, 4, 4), torch.nan)
    target[1] = nothing
    loss = losses.of_annotated(losses.of(name))
    assert torch.equal(loss(output, target), losses.of(name)(output[[0, 2]], target[[0, 2]]))
    if "dice" in name or name == "iou":
        assert loss(output, target) > losses.of(name)(output, target), "it would count as a right answer"
    assert not loss(output[1:2], target[1:2]).isnan()
