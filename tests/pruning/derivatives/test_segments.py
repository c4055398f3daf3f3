"""How much of the inner training fits into memory at once: the choice follows what is free and changes no score."""

import pytest
import torch
from inner_training import assert_same, network, score
from reference_pruning import batches
from torch import nn
from torch.nn import functional as F

from cellprune.errors import CellpruneError
from cellprune.pruning.derivatives.segments import choose_segments


def test_the_segments_follow_the_free_memory(monkeypatch):
    plain, mixing, batch = network("group"), network("batch"), batches(1, size=8)[0]

    def free(n_bytes):
        monkeypatch.setattr("cellprune.pruning.derivatives.segments.available_bytes", lambda device: n_bytes)

    assert choose_segments(plain, batch, F.cross_entropy, inner_steps=3) == {"segment": 3, "micro_batch": None}
    free(20_000)
    with pytest.raises(CellpruneError, match="take a smaller network or image"):
        choose_segments(plain, batch, F.cross_entropy, inner_steps=3)
    chosen = []
    amounts = range(100_000, 3_000_000, 50_000)
    for n_bytes in amounts:
        free(n_bytes)
        chosen.append(choose_segments(plain, batch, F.cross_entropy, inner_steps=3))
    assert chosen[-1] == {"segment": 3, "micro_batch": None}
    assert {"segment": 1, "micro_batch": None} in chosen

    assert chosen[0]["micro_batch"]
    free(amounts[0])
    assert_same(score(plain, batches(4, size=8), segment=None), score(plain, batches(4, size=8)))
    with pytest.raises(CellpruneError, match=r"lower pruning.batch_size to \d"):
        choose_segments(mixing, batch, F.cross_entropy, inner_steps=3)


def test_a_batch_that_cannot_be_cut_is_measured_whole():
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(3, 2)

        def forward(self, inputs):
            return self.linear(inputs["x"])

    batch = {"x": torch.randn(5, 3)}, torch.zeros(5).long()
    assert choose_segments(Named(), batch, F.cross_entropy, inner_steps=2) == {"segment": 2, "micro_batch": None}
