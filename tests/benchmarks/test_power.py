"""What a confirmation can show: the program that tells it agrees with the page that quotes it."""

from collections.abc import Callable
from types import ModuleType

import pytest


@pytest.fixture
def power(benchmark: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark("power")


@pytest.mark.parametrize(("shape", "margin", "told"), [((5, 3), 0.005, 0.13), ((34, 10), 0.01, 0.97)])
def test_no_loss_is_shown_as_often_as_the_page_says(
    power: ModuleType, shape: tuple[int, int], margin: float, told: float
) -> None:
    assert power.power(*shape, margin, power.SPREADS, n_tables=400) == pytest.approx(told, abs=0.06)


def test_fewer_frames_or_a_smaller_margin_take_more_seeds(power: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        power, "power", lambda n_frames, n_seeds, margin, spreads: min(0.9, margin * n_frames * n_seeds)
    )
    asked = [(10, 0.01), (34, 0.01), (10, 0.005), (1, 0.001)]
    assert [power.fewest_seeds(n, margin, power.SPREADS) for n, margin in asked] == [8, 3, 16, None]
