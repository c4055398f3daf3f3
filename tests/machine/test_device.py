"""The device a user names: what is here, and what is said of what is not."""

import pytest
import torch

from cellprune.errors import CellpruneError
from cellprune.machine import device


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch):
    def set_up(*names: str) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in names)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in names)

    return set_up


@pytest.mark.parametrize(
    ("names", "first"), [((), "cpu"), (("mps",), "mps"), (("cuda",), "cuda"), (("mps", "cuda"), "cuda")]
)
def test_auto_is_the_first_that_is_here(here, names: tuple[str, ...], first: str) -> None:
    here(*names)
    assert device.choose("auto") == first
    for name in (*names, "cpu"):
        assert device.choose(name) == name


def test_one_that_is_not_here_is_refused_with_those_that_are(here) -> None:
    here("mps")
    with pytest.raises(CellpruneError) as refusal:
        device.choose("cuda")
    assert str(refusal.value) == ("--device cuda: torch finds no such device here (it has: mps, cpu): remove --device")
