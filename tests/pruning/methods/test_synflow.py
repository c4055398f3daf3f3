"""SynFlow against the network written out by hand; its conservation law; that it never looks at data."""

import pytest
import torch
from reference_pruning import EveryKind, batches, exact_mask, flow
from torch import nn
from torch.nn import functional as F

from cellprune.errors import CellpruneError, WorkError
from cellprune.models import build, resnet
from cellprune.pruning.derivatives.conditions import untouched
from cellprune.pruning.methods import synflow
from cellprune.pruning.prunable import prunable
from cellprune.pruning.prune import prune
from cellprune.pruning.scores import scores
from cellprune.structure.trace import find


def network(norm="batch", seed=1):
    torch.manual_seed(seed)
    model = EveryKind(norm)
    with torch.no_grad():
        for module in (model.norm, model.group_norm):  # as after some training: nothing of it may count but |gamma|
            module.weight.normal_()
            module.bias.normal_()
        if norm == "batch":
            model.norm.running_mean.normal_()
            model.norm.running_var.uniform_(0.5, 3.0)
    return model


def score(model, inputs, masks=()):
    with untouched(model):
        return synflow.sensitivity(model, dict(masks), [(inputs, None)], None, seed=0)


def by_hand(model, masks):
    values = {name: p.detach().double() for name, p in model.named_parameters()}
    values |= {name: values[name] * mask for name, mask in masks.items()}
    leaves = [v.requires_grad_() for v in values.values()]
    gradient = torch.autograd.grad(flow(model, values, 6), leaves, materialize_grads=True)
    return {name: v.detach() * g for (name, v), g in zip(values.items(), gradient, strict=True)}


@pytest.mark.parametrize("norm", ["batch", "group"])
def test_it_equals_the_network_written_out(norm):
    model = network(norm)
    masks = {name: torch.rand(p.shape) < 0.6 for name, p in prunable(model).items()}
    for alive in ({}, masks):
        ours, theirs = score(model, batches(1, dtype=torch.float32)[0][0], alive), by_hand(model, alive)
        for name in theirs:
            assert ours[name].dtype == torch.float64
            assert torch.allclose(ours[name], theirs[name], rtol=1e-12), name


@pytest.mark.parametrize("norm", ["batch", "group"])
def test_rounds_equal_the_plain_lists(norm):
    model, inputs = network(norm), batches(1, dtype=torch.float32)[0][0]
    weights = prunable(model)
    n = sum(p.numel() for p in weights.values())
    masks = {name: torch.ones_like(p, dtype=torch.bool) for name, p in weights.items()}
    for t in range(1, 11):
        scores = {
            name: s.masked_fill(~masks[name], -1.0).flatten().tolist()
            for name, s in by_hand(model, masks).items()
            if name in masks
        }
        kept = exact_mask(scores, int(0.1 ** (t / 10) * n + 0.5))
        masks = {name: torch.tensor(kept[name]).view(mask.shape) for name, mask in masks.items()}
    ours = prune(model, method="synflow", sparsity=0.9, batches=[(inputs, None)], rounds=10)
    assert all(torch.equal(ours[name], masks[name]) for name in masks)


def total(scores, *names):
    return sum(scores[f"{name}.weight"].sum().item() for name in names)


def test_every_layer_of_a_chain_carries_the_whole_flow():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(2, 5, 3, padding=1, bias=False), nn.BatchNorm2d(5), nn.ReLU(inplace=True),
        nn.Conv2d(5, 6, 3, stride=2, bias=False), nn.GroupNorm(3, 6), nn.SiLU(), nn.MaxPool2d(2),
        nn.ConvTranspose2d(6, 4, 2, stride=2, bias=False), nn.InstanceNorm2d(4, affine=True), nn.PReLU(), nn.Flatten(),
        nn.Linear(4 * 4 * 4, 7), nn.LayerNorm(7), nn.GELU(), nn.Dropout(0.5), nn.Linear(7, 3), nn.Softmax(1),
    )  # fmt: skip
    masks = {"3.weight": torch.rand(6, 5, 3, 3) < 0.4}
    for alive in ({}, masks):
        scores = score(model, torch.randn(4, 2, 10, 10), alive)
        carried = [total(scores, str(i)) for i in (0, 3, 7, 11, 15)]
        assert carried[0] > 0
        assert carried == pytest.approx([carried[0]] * 5, rel=1e-12)


def test_every_cut_of_a_network_with_a_skip_carries_the_whole_flow():
    scores = score(network(), torch.randn(2, 2, 6, 6))
    whole = total(scores, "head")
    below, skip = scores["head.weight"][:, 4:].sum().item(), scores["head.weight"][:, :4].sum().item()
    assert total(scores, "stem") == pytest.approx(whole, rel=1e-12)
    assert total(scores, "up") == pytest.approx(below, rel=1e-12)
    assert total(scores, "down") + skip == pytest.approx(whole, rel=1e-12)
    assert total(scores, "twice") == pytest.approx(2 * below, rel=1e-12)  # it is passed twice


@pytest.mark.parametrize("make", [lambda: build({"name": "unet", "width": 2, "depth": 2, "norm": "instance"}),
                                  lambda: resnet.build(width=4)])  # fmt: skip
def test_real_networks_lose_no_flow_at_their_ends(make):
    torch.manual_seed(0)
    model = make()
    n = next(p for p in model.parameters()).shape[1]
    scores = score(model, torch.randn(2, n, 16, 16))
    first, *_, last = (s.sum().item() for name, s in scores.items() if name in prunable(model))
    assert first == pytest.approx(last, rel=1e-10)
    assert first > 0


def branching():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 6, 3, bias=False), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 5, 3), nn.BatchNorm2d(5),
        nn.Conv2d(5, 4, 1), nn.Conv2d(4, 2, 1),
    )  # fmt: skip
    with torch.no_grad():
        model[1].weight.normal_()
        model[4].weight.normal_()
    return model


PLACES = [("1", 6), ("3", 5), ("5", 4)]  # module behind which a channel is cut, and how many there are


def flow_without(gone):
    """Give the flow of `branching` through all but some channels, written out."""
    v = {name: p.detach().double().abs() for name, p in branching().named_parameters()}
    alive = {place: torch.ones(n, dtype=torch.float64) for place, n in PLACES}
    for place, channel in gone:
        alive[place][channel] = 0
    x = F.conv2d(torch.ones(1, 1, 8, 8, dtype=torch.float64), v["0.weight"])
    x = x * (v["1.weight"] / (1 + 1e-5) ** 0.5 * alive["1"]).view(1, -1, 1, 1)
    x = F.conv2d(x, v["3.weight"]) * (v["4.weight"] / (1 + 1e-5) ** 0.5 * alive["3"]).view(1, -1, 1, 1)
    x = F.conv2d(x, v["5.weight"]) * alive["5"].view(1, -1, 1, 1)
    return F.conv2d(x, v["6.weight"]).sum().item()


def test_a_channels_score_is_the_flow_that_goes_with_it_and_rounds_take_the_least_anew():
    given = {"method": "synflow", "granularity": "channel", "batches": [(torch.randn(2, 1, 8, 8), None)]}
    removable = [(place, c) for place, n in PLACES for c in range(n)]
    carried = [flow_without([]) - flow_without([channel]) for channel in removable]
    ours = torch.cat([*scores(branching(), **given, rounds=1).values()])
    assert ours.tolist() == pytest.approx(carried, rel=1e-9)
    gone = []
    for t in range(1, 4):
        keep = int(0.4 ** (t / 3) * len(removable) + 0.5)
        whole = flow_without(gone)
        lost = {channel: whole - flow_without([*gone, channel]) for channel in removable if channel not in gone}
        best = {max((c for c in lost if c[0] == place), key=lost.get) for place, _ in PLACES}
        order = sorted(lost, key=lambda channel: (channel not in best, -lost[channel]))
        gone += order[keep:]
    masks = prune(branching(), **given, sparsity=0.6, rounds=3)
    kept = [row for i in (0, 3, 5) for row in masks[f"{i}.weight"].flatten(1).any(1).tolist()]
    assert kept == [channel not in gone for channel in removable]


def test_rounds_of_channels_stay_within_a_budget_and_bring_nothing_back():
    torch.manual_seed(0)
    model = build({"name": "unet", "width": 16, "depth": 2})
    given = {"method": "synflow", "granularity": "channel", "batches": [(torch.randn(1, 1, 16, 16), None)], "rounds": 3}
    share = {"budget": {"params": 0.3}}
    channels, told = find(model, torch.randn(1, 1, 16, 16)), []
    kept = channels.kept(prune(model, **given, **share, tell=lambda *n: told.append(n)))
    assert told == [(1, 3), (2, 3), (3, 3)]
    first = channels.kept(prune(model, **given | {"rounds": 1}, budget={"params": 0.3 ** (1 / 3)}))
    assert (first | ~kept).all(), "what the first round removed came back"
    assert not torch.equal(kept, channels.kept(prune(model, **given | {"rounds": 1}, **share)))


def test_neither_data_nor_loss_nor_order_count():
    model = network()
    few, other = ([(torch.randn(n, 2, 6, 6), None)] for n in (3, 1))
    first, again = (prune(model, method="synflow", sparsity=0.8, batches=b, rounds=20) for b in (few, other))
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_no_layer_runs_dry_where_one_round_would_empty_it():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 100, bias=False), nn.Linear(100, 100, bias=False), nn.Linear(100, 4, bias=False))
    given = {"sparsity": 0.995, "batches": [(torch.randn(1, 4), None)], "method": "synflow"}
    kept = [int(mask.sum()) for mask in prune(model, **given).values()]
    assert min(kept) > 0


def test_whole_numbers_go_in_as_the_tables_first_row():
    model = nn.Sequential(nn.Embedding(5, 3), nn.Linear(3, 2, bias=False))
    scores = score(model, torch.tensor([[4, 2]]))
    assert scores["0.weight"].sum(1).tolist()[1:] == [0, 0, 0, 0]
    assert scores["1.weight"].sum() == pytest.approx(scores["0.weight"].sum().item())


def test_a_flow_beyond_float64_is_said():
    model = nn.Sequential(*[nn.Linear(1, 1, bias=False) for _ in range(5)]).double()
    with torch.no_grad():
        for p in model.parameters():
            p.fill_(1e100)
    with pytest.raises(WorkError, match=r"too large even for float64.*round 1 of 100"):
        prune(model, method="synflow", sparsity=0.5, batches=[(torch.ones(1, 1), None)])


def test_functions_are_caught_as_modules_are():
    class Functions(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(2, 3, bias=False), nn.Linear(3, 2, bias=False)

        def forward(self, x):
            return torch.sigmoid(self.b(F.gelu(self.a(x)).tanh())).softmax(1)

    model = Functions()
    scores = score(model, torch.randn(2, 2))
    assert scores["a.weight"].sum() == pytest.approx(
        (model.b.weight.abs() @ model.a.weight.abs()).sum().item(), rel=1e-6
    )


class Function(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class Recurrent(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.cells, self.head = kind(4, 4, batch_first=True), nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.cells(x)[0])


def hand_written_norm(x):
    return (x - x.mean(-1, keepdim=True)) / (x.var(-1, keepdim=True) + 1e-5).sqrt()


BENDING = {
    "attention": lambda x: F.scaled_dot_product_attention(x, x, x),
    "attention by softmax": lambda x: (x @ x.mT).softmax(-1) @ x,
    "gate": lambda x: x * torch.sigmoid(x.mean(1, keepdim=True)),
    "norm": hand_written_norm,
    "length": lambda x: x / x.norm(dim=-1, keepdim=True),
    "softmax": lambda x: x.exp() / x.exp().sum(-1, keepdim=True),
    "activation": torch.special.expit,
    "what is cut off": lambda x: x.clamp(0, 0.1),
    "power": lambda x: x**2,
    "gate without gradient": lambda x: x * torch.sigmoid(x).detach(),
    "in place": lambda x: x.mul_(x.sigmoid()),
}


@pytest.mark.parametrize("kind", BENDING)
def test_a_function_that_bends_the_flow_is_refused_and_its_module_named(kind):
    model = nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.ReLU(), Function(BENDING[kind])), nn.Linear(4, 2))
    with pytest.raises(CellpruneError, match=r"linear without its activations and norms, but '1.1' \(Function\)"):
        prune(model, method="synflow", sparsity=0.5, batches=[(torch.randn(2, 5, 3), None)])


@pytest.mark.parametrize(
    ("module", "named"),
    [
        (Recurrent(nn.LSTM), r"'1.cells' \(LSTM\)"),
        (Recurrent(nn.GRU), r"'1.cells' \(GRU\)"),
        (nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), r"'1.self_attn' \(MultiheadAttention\)"),
    ],
)
@pytest.mark.parametrize("first", [nn.Linear(3, 4), nn.Embedding(5, 4)])
def test_gates_and_attention_of_torch_are_named(first, module, named):
    inputs = torch.randint(5, (2, 5)) if isinstance(first, nn.Embedding) else torch.randn(2, 5, 3)
    with pytest.raises(CellpruneError, match=named):
        prune(nn.Sequential(first, module), method="synflow", sparsity=0.5, batches=[(inputs, None)])


def test_a_gate_is_named_where_the_flow_is_too_large_to_tell():
    gate = Function(lambda x: x * x)
    model = nn.Sequential(*[layer for _ in range(12) for layer in (nn.Linear(4, 4, bias=False), gate)])
    with torch.no_grad():
        for p in model.parameters():
            p.fill_(10.0)
    with pytest.raises(CellpruneError, match=r"\(Function\) multiplies maps"):
        prune(model, method="synflow", sparsity=0.5, batches=[(torch.ones(1, 4), None)])


class Positions(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(3, 4, bias=False), nn.Linear(4, 2, bias=False)
        self.positions = nn.Parameter(torch.ones(5, 4))

    def forward(self, x):
        x += 0  # in place, on what it is given
        return self.last(F.max_pool1d(F.relu(self.first(x) + self.positions), 2).repeat(1, 1, 2))


def test_constants_maxima_and_work_in_place_are_no_bends():
    torch.manual_seed(0)
    model = Positions()
    scores = score(model, torch.randn(2, 5, 3))
    assert scores["first.weight"].sum() + scores["positions"].sum() == pytest.approx(scores["last.weight"].sum().item())


def test_a_cast_is_refused_in_one_line():
    model = nn.Sequential(nn.Linear(3, 4), Function(lambda x: x.float()), nn.Linear(4, 2))
    with pytest.raises(CellpruneError, match=r"^synflow computes in float64, but Sequential casts"):
        prune(model, method="synflow", sparsity=0.5, batches=[(torch.randn(2, 3), None)])
