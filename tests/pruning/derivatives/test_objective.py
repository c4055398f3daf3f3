"""The loss as a function of the parameters alone: of those that are shared, and of networks that remember."""

import pytest
import torch
from reference_pruning import batches
from torch import nn
from torch.nn import functional as F

from cellprune.config.names import methods, resolve
from cellprune.errors import CellpruneError
from cellprune.pruning.derivatives.conditions import untouched
from cellprune.pruning.derivatives.objective import Objective
from cellprune.pruning.methods import snip
from cellprune.pruning.prunable import prunable
from cellprune.pruning.prune import prune

DATA = [*batches(3), *batches(1, size=30)]


class Registered(nn.Module):
    """A stem and a head; what stands between them is registered under one name, or under two."""

    def __init__(self, twice: bool) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 4, 3, padding=1)
        self.block = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
        self.head = nn.Linear(4, 3)
        if twice:
            self.again = nn.ModuleList([self.block, self.block[0]])

    def forward(self, x):
        return self.head(self.block(self.stem(x)).mean((2, 3)))


class Tied(nn.Module):
    """Two layers with one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.head = nn.Conv2d(2, 2, 3), nn.Conv2d(2, 2, 3), nn.Linear(2, 3)
        self.second.weight = self.first.weight

    def forward(self, x):
        return self.head(self.second(torch.tanh(self.first(x))).mean((2, 3)))


def made(kind, *arguments):
    torch.manual_seed(0)
    return kind(*arguments).double()


@pytest.mark.parametrize("method", methods("before"))
def test_a_module_under_two_names_is_scored_as_under_one(method):
    own = {"rounds": 3, "samples_per_class": 2}
    options = {key: n for key, n in own.items() if key in resolve("pruning method", method).defaults()}
    once, twice = (
        prune(made(Registered, is_twice), method=method, sparsity=0.5, batches=DATA, loss=F.cross_entropy, **options)
        for is_twice in (False, True)
    )
    assert list(once) == list(twice)
    assert all(torch.equal(once[name], twice[name]) for name in once)


def test_a_shared_weight_counts_once_and_collects_the_gradients_of_both_places():
    model = made(Tied)
    F.cross_entropy(model(DATA[0][0]), DATA[0][1]).backward()
    with untouched(model):
        scores = snip.sensitivity(model, {}, DATA, F.cross_entropy, seed=0)
    weight = model.first.weight
    assert torch.allclose(scores["first.weight"], weight.detach() * weight.grad, rtol=1e-12)
    assert list(prunable(model)) == ["first.weight", "head.weight"]
    assert model.second.weight is model.first.weight


def test_the_same_call_gives_the_same_value_of_a_network_that_remembers():
    class Remembers(nn.Linear):
        passes = 0

        def forward(self, x):
            self.passes += 1
            self.state = torch.tanh(super().forward(x) + getattr(self, "state", 0.0))
            return self.state * self.passes

    model, data = Remembers(4, 3), [(torch.randn(5, 4), torch.arange(5) % 3)]
    objective = Objective(model, data, F.cross_entropy, seed=0)
    start = objective.start({})
    first, again = objective.at(0, start), objective.at(0, start)
    assert torch.equal(first, again)
    assert "state" not in vars(model)
    assert model.passes == 0


def test_a_loss_may_read_what_the_network_keeps():
    class Keeps(nn.Linear):
        def forward(self, x):
            self.kept = super().forward(x)
            return self.kept

    torch.manual_seed(0)
    model, data = Keeps(4, 3), [(torch.randn(5, 4), torch.arange(5) % 3)]

    def loss(output, target):
        return F.cross_entropy(output, target) + model.kept.square().mean()

    loss(model(data[0][0]), data[0][1]).backward()
    objective = Objective(model, data, loss, seed=0)
    assert torch.allclose(objective.gradient(0, objective.start({}))[0], model.weight.grad)


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        (lambda output, target: F.cross_entropy(output, target).detach(), "the loss has no gradient"),
        (lambda output, target: (output.argmax(1) == target).float().mean(), "the loss has no gradient"),
        (lambda output, target: F.cross_entropy(output, target) + 0j, "the loss must give one number"),
        ("dice", "loss must be a function"),
    ],
)
def test_a_loss_that_cannot_be_differentiated_is_refused(loss, said):
    data = [(torch.randn(30, 4), torch.arange(30) % 3)]
    for method in ("snip", "prospr", "grasp"):
        with pytest.raises(CellpruneError, match=said):
            prune(nn.Linear(4, 3), method=method, sparsity=0.5, batches=data, loss=loss)


def test_batches_that_cannot_be_read_and_outputs_that_show_nothing_are_refused():
    data = [(torch.randn(30, 4), torch.arange(30) % 3)]
    with pytest.raises(CellpruneError, match="pairs, not int"):
        prune(nn.Linear(4, 3), method="snip", sparsity=0.5, batches=3, loss=F.cross_entropy)

    class Hidden(nn.Linear):
        def forward(self, x):
            output = super().forward(x)
            return lambda: output

    with pytest.raises(CellpruneError, match="grasp divides the output by its temperature, but function"):
        prune(Hidden(4, 3), method="grasp", sparsity=0.5, batches=data, loss=lambda o, t: F.cross_entropy(o(), t))


@pytest.mark.parametrize("method", ["snip", "prospr", "grasp"])
def test_a_sparse_embedding_is_scored_as_a_dense_one(method):
    def made(sparse):
        torch.manual_seed(0)
        return nn.Sequential(nn.Embedding(9, 4, sparse=sparse), nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3))

    data = [(torch.arange(30) % 9, torch.arange(30) % 3)]
    found = [prune(made(sparse), method=method, sparsity=0.5, batches=data, loss=F.cross_entropy)
             for sparse in (False, True)]  # fmt: skip
    assert all(torch.equal(mask, found[1][name]) for name, mask in found[0].items())


def test_scores_that_are_complex_are_refused():
    class Magnitude(nn.Sequential):
        def forward(self, x):
            return super().forward(x.cfloat()).abs()

    data = [(torch.randn(30, 4), torch.arange(30) % 3)]
    network = Magnitude(nn.Linear(4, 5, dtype=torch.cfloat), nn.Linear(5, 3, dtype=torch.cfloat))
    assert prune(network, method="snip", sparsity=0.5, batches=data, loss=F.cross_entropy)
    with pytest.raises(CellpruneError, match=r"^the scores of '0\.weight' are complex"):
        prune(network, method="grasp", sparsity=0.5, batches=data, loss=F.cross_entropy)
