"""Weights that a norm divides: each slice keeps its best, and none is left empty."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from cellprune.errors import TooMuchError
from cellprune.pruning.ranking.divided import best_of_slices, divided, refuse_empty

SCORES = torch.tensor([[0.0, 3.0, 3.0], [-1.0, -2.0, -1.0]])
ALL = torch.ones(2, 3, dtype=torch.bool)


def test_divided_weights_are_found_with_the_axis_of_their_slices() -> None:
    model = nn.Sequential(
        parametrizations.weight_norm(nn.Linear(3, 2)),
        nn.Linear(2, 2),
        parametrizations.weight_norm(nn.Linear(2, 2), dim=None),
        parametrizations.weight_norm(nn.Linear(2, 2), dim=1),
    )
    names = [name for name, p in model.named_parameters() if p.dim() == 2 and min(p.shape) > 1]
    axes = divided(model, names)
    assert [axes[name] for name in names if name in axes] == [0, -1, 1]
    assert "1.weight" not in axes
    assert divided(model, ["1.weight", "nowhere"]) == {}


@pytest.mark.parametrize(
    ("axis", "best"),
    [
        (0, [[False, True, False], [True, False, False]]),
        (1, [[True, True, True], [False, False, False]]),
        (-1, [[False, True, False], [False, False, False]]),
    ],
)
def test_the_best_of_each_slice_stays_and_ties_go_to_the_earlier(axis: int, best: list[list[bool]]) -> None:
    assert best_of_slices({"w": SCORES}, {"w": axis}, {"w": ALL})["w"].tolist() == best


def test_what_may_not_be_kept_is_never_the_best() -> None:
    among = torch.tensor([[True, False, False], [False, True, True]])
    best = best_of_slices({"w": SCORES, "other": SCORES}, {"w": 0}, {"w": among, "other": ALL})
    assert best.keys() == {"w"}, "others are not divided"
    assert best["w"].tolist() == [[True, False, False], [False, False, True]]


def test_a_slice_of_minus_infinities_still_has_a_best() -> None:
    none = torch.full((2, 2), -torch.inf)
    best = best_of_slices({"w": none}, {"w": 0}, {"w": torch.ones(2, 2, dtype=torch.bool)})["w"]
    assert best.sum(1).tolist() == [1, 1]


def test_an_empty_slice_is_refused_by_name_and_number() -> None:
    mask = torch.tensor([[True, False], [False, False], [False, False]])
    with pytest.raises(TooMuchError, match=r"^2 of 3 slices of 'w' would keep no weight, but its norm divides by"):
        refuse_empty({"w": mask}, {"w": 0})
    with pytest.raises(TooMuchError, match=r"^1 of 2 slices"):
        refuse_empty({"w": mask}, {"w": 1})
    assert refuse_empty({"w": mask}, {"w": -1}) is None, "as a whole it has one weight"
