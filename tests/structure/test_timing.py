"""Measured milliseconds: of equal networks equal, of a network of twice the work more, and enough passes."""

import torch
from torch import nn

from cellprune.structure.timing import milliseconds


def network(depth: int) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), *(nn.Conv2d(16, 16, 3, padding=1) for _ in range(depth)))


def test_zeros_and_memory_layout_make_no_difference_but_work_does() -> None:
    dense, zeros, more = network(4), network(4).to(memory_format=torch.channels_last), network(16)
    with torch.no_grad():
        for parameter in zeros.parameters():
            parameter.zero_()
    more.train()
    found = milliseconds({"dense": dense, "zeros": zeros, "more": more}, torch.randn(1, 1, 64, 64), least_s=0.3)
    assert found["repeats"] >= 5
    assert 0.5 < found["zeros"] / found["dense"] < 2
    assert found["more"] > 1.5 * found["dense"]
    assert more.training, "modes are kept"
