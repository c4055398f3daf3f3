"""The number format of training steps: what "auto" is, and what is said of a processor that is slow in bf16."""

import pytest
import torch

from cellprune.errors import CellpruneError
from cellprune.training import precision as formats

CPU = torch.device("cpu")


def test_precision_is_resolved_once() -> None:
    assert formats.precision("auto", CPU) == "fp32"
    assert formats.precision("bf16", CPU) == "bf16"
    with pytest.raises(CellpruneError, match="bf16"):
        formats.precision("bf16", torch.device("mps"))


@pytest.mark.parametrize(
    ("times", "choice", "slow"), [(33.0, "bf16", True), (0.5, "bf16", False), (33.0, "fp32", False)]
)
def test_a_processor_on_which_bf16_is_slow_is_told_by_how_much(times, choice, slow, monkeypatch, caplog) -> None:
    monkeypatch.setattr(formats, "bf16_over_fp32", lambda: times)
    assert formats.precision(choice, CPU) == choice
    assert ("takes 33 times as long in bf16" in caplog.text) is slow


def test_timing_draws_nothing_and_is_done_once() -> None:
    formats.bf16_over_fp32.cache_clear()
    before = torch.get_rng_state()
    assert formats.bf16_over_fp32() == formats.bf16_over_fp32() > 0
    assert torch.equal(torch.get_rng_state(), before)
