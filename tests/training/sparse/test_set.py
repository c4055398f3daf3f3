"""SET grows at random: from seed and step alone, the same in every process."""

import torch

from cellprune.training.sparse.set import draws

SHAPES = {"a": torch.zeros(3, 4), "b": torch.zeros(5)}


def same(first, second) -> bool:
    return all(torch.equal(first[name], second[name]) for name in SHAPES)


def test_the_draws_are_these_on_every_machine() -> None:
    """When this fails, runs of before end with other masks: it must not."""
    assert draws(3, 40, {"a": torch.zeros(3)})["a"].tolist() == [
        0.8908711932830468,
        0.4608419395830087,
        0.580595543149292,
    ]


def test_seed_and_step_alone_decide() -> None:
    first = draws(1, 10, SHAPES)
    torch.manual_seed(99)
    state = torch.get_rng_state()
    assert same(draws(1, 10, SHAPES), first)
    assert torch.equal(torch.get_rng_state(), state), "nothing is taken from anybody's generator"
    assert not same(draws(1, 11, SHAPES), first)
    assert not same(draws(2, 10, SHAPES), first)


def test_seed_and_step_are_not_exchanged_or_added() -> None:
    assert not same(draws(3, 4, SHAPES), draws(4, 3, SHAPES))
    assert not same(draws(0, 7, SHAPES), draws(7, 0, SHAPES))


def test_draws_have_the_weights_shapes_and_are_fine_and_uniform() -> None:
    drawn = draws(0, 0, {"a": torch.zeros(200, 100)})["a"]
    assert drawn.dtype == torch.float64
    assert drawn.unique().numel() == drawn.numel()
    assert 0.49 < drawn.mean() < 0.51
    assert 0 <= drawn.min() < drawn.max() < 1
