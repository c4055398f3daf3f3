"""Matrices of attention and recurrent layers, and of modules that nobody told us of."""

import pytest
import torch
from torch import nn

from cellprune.structure.matrices import matrices, outputs_axis


class Conv1D(nn.Module):
    """As transformers has it: a linear layer whose matrix is stored the other way round."""

    def __init__(self, nf, nx):
        super().__init__()
        self.nf, self.nx = nf, nx
        self.weight, self.bias = nn.Parameter(0.02 * torch.randn(nx, nf)), nn.Parameter(torch.zeros(nf))

    def forward(self, x):
        return torch.addmm(self.bias, x.view(-1, x.size(-1)), self.weight).view(*x.size()[:-1], self.nf)


class Own(nn.Module):
    def __init__(self, forward):
        super().__init__()
        self.weight, self.does = nn.Parameter(torch.randn(4, 4)), forward

    def forward(self, x):
        return self.does(x, self.weight)


@pytest.mark.parametrize(
    ("module", "names"),
    [
        (nn.MultiheadAttention(4, 2), ["in_proj_weight"]),
        (nn.MultiheadAttention(4, 2, kdim=3), ["q_proj_weight", "k_proj_weight", "v_proj_weight"]),
        (nn.LSTM(3, 4, proj_size=2), ["weight_ih_l0", "weight_hh_l0", "weight_hr_l0"]),
        (nn.GRUCell(3, 4), ["weight_ih", "weight_hh"]),
        (nn.Bilinear(2, 3, 4), ["weight"]),
        (Conv1D(3, 5), ["weight"]),
        (Own(lambda x, w: x @ w.mT), ["weight"]),
        (Own(lambda x, w: w[x]), []),
        (Own(lambda x, w: (x @ w) ** 2), []),
        (nn.Embedding(3, 4), []),
        (nn.Linear(3, 4), []),
    ],
)
def test_a_module_names_the_matrices_by_which_it_multiplies(module, names):
    assert matrices(module) == names


def test_the_outputs_axis_tells_how_a_foreign_matrix_is_stored():
    assert outputs_axis(Conv1D(3, 5)) == 1
    assert outputs_axis(Own(lambda x, w: x @ w.mT)) == 0
    assert outputs_axis(nn.Linear(3, 3)) is None
