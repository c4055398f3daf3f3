"""prune(): what it refuses, what it reports, and that it leaves the network alone."""

import copy
import itertools
import logging

import pytest
import torch
from reference_pruning import EveryKind, batches
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from cellprune.errors import CellpruneError
from cellprune.pruning.masks import apply
from cellprune.pruning.prune import prune

DATA = batches(4, dtype=torch.float32)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return EveryKind()


def test_prospr_is_the_default_and_the_count_is_exact(model):
    masks = prune(model, sparsity=0.9, batches=DATA, loss=F.cross_entropy)
    n = sum(mask.numel() for mask in masks.values())
    assert set(masks) == {f"{name}.weight" for name in ("stem", "down", "twice", "up", "unused", "head")}
    assert sum(int(mask.sum()) for mask in masks.values()) == int(0.1 * n + 0.5)
    assert all(
        mask.dtype == torch.bool and mask.shape == model.get_parameter(name).shape for name, mask in masks.items()
    )


def test_rounds_of_scoring_are_counted_for_who_wants_to_know(model):
    told = []
    prune(
        model,
        method="force",
        rounds=4,
        sparsity=0.5,
        batches=DATA,
        loss=F.cross_entropy,
        tell=lambda *n: told.append(n),
    )
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_it_scores_in_full_precision_and_with_gradients(model):
    seen = []

    def loss(output, target):
        seen.append((torch.is_autocast_enabled("cpu"), output.dtype, torch.get_float32_matmul_precision()))
        return F.cross_entropy(output, target)

    with torch.no_grad(), torch.autocast("cpu"):
        prune(model, sparsity=0.5, batches=DATA, loss=loss)
    assert set(seen) == {(False, torch.float32, "highest")}


@pytest.mark.parametrize("granularity", ["weight", "channel"])
@pytest.mark.parametrize("method", ["snip", "prospr"])
def test_every_module_is_scored_in_its_own_mode(model, method, granularity):
    model.norm.eval()
    seen = set()

    def loss(output, target):
        seen.update((name, module.training) for name, module in model.named_modules())
        return F.cross_entropy(output, target)

    prune(model, method=method, granularity=granularity, sparsity=0.5, batches=DATA, loss=loss)
    assert seen == {(name, name != "norm") for name, _ in model.named_modules()}


def test_shuffled_batches_are_drawn_as_ever_and_the_draws_given_back(model):
    inputs, target = (torch.cat(column) for column in zip(*DATA, strict=True))
    loader = DataLoader(TensorDataset(inputs, target), batch_size=4, shuffle=True)
    torch.manual_seed(3)
    expected = list(loader)
    torch.manual_seed(3)
    masks = prune(model, sparsity=0.5, batches=loader, loss=F.cross_entropy)
    same = prune(model, sparsity=0.5, batches=expected, loss=F.cross_entropy)
    assert all(torch.equal(masks[name], same[name]) for name in masks)
    assert torch.equal(next(iter(loader))[1], expected[0][1])


def test_a_loss_that_reads_the_network_is_scored_with_it(model):
    def penalized(output, target):
        return F.cross_entropy(output, target) + 10 * sum(p.pow(2).sum() for p in model.parameters())

    plain, with_it = (
        prune(model, method="snip", sparsity=0.5, batches=DATA, loss=loss) for loss in (F.cross_entropy, penalized)
    )
    model.zero_grad()
    statistics = copy.deepcopy(model.state_dict())
    penalized(model(DATA[0][0]), DATA[0][1]).backward()
    scores = {name: (p * p.grad).abs().detach() for name, p in model.named_parameters() if name in plain}
    model.load_state_dict(statistics)
    n = sum(mask.numel() for mask in plain.values())
    least = torch.cat([s.flatten() for s in scores.values()]).sort(descending=True).values[(n + 1) // 2 - 1]
    assert all(torch.equal(with_it[name], scores[name] >= least) for name in scores)
    assert any(not torch.equal(with_it[name], plain[name]) for name in plain)


def test_an_endless_source_is_read_no_further_than_needed(model):
    source = itertools.count()
    drawn = (DATA[next(source) % 4] for _ in itertools.count())
    prune(model, sparsity=0.5, batches=drawn, loss=F.cross_entropy, inner_steps=2)
    assert next(source) == 3


def test_one_batch_is_used_for_all(model):
    one = prune(model, sparsity=0.5, batches=DATA[:1], loss=F.cross_entropy)
    same = prune(model, sparsity=0.5, batches=DATA[:1] * 4, loss=F.cross_entropy)
    assert all(torch.equal(one[name], same[name]) for name in one)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"method": "snipp"}, "Did you mean 'snip'"),
        ({"method": 3}, "no pruning method 3"),
        ({"batches": []}, "needs 4 batches .* is empty"),
        ({"batches": DATA[:2]}, "needs 4 batches .* ended after 2"),
        ({"batches": None}, "needs 4 batches, but batches is None"),
        ({"batches": [DATA[0][0]]}, "must be a pair"),
        ({"loss": None}, "'prospr' needs a loss"),
        ({"inner_step": 3}, "Did you mean 'inner_steps'"),
        ({"method": "snip", "inner_steps": 3}, "'snip' takes no options, but 'inner_steps'"),
        ({"inner_steps": "3"}, "inner_steps is '3'"),
        ({"method": "snip", "gate": "weight"}, "gate='weight' is for channels: add granularity='channel'"),
        ({"method": "lottery"}, "works around training, so prune.. has no masks to give"),
        ({"loss": 3}, "loss must be a function"),
        ({"exclude": ["headd.weight"]}, "Did you mean 'head.weight'"),
        ({"exclude": ["*"]}, "nothing to prune"),
    ],
)
def test_bad_arguments_are_refused(model, arguments, words):
    given = {"sparsity": 0.5, "batches": DATA, "loss": F.cross_entropy} | arguments
    with pytest.raises(CellpruneError, match=words):
        prune(model, **given)


@pytest.mark.parametrize("exclude", [("head",), ("head.weight",), ("he*",), "head"])
def test_excluded_layers_stay_whole(model, exclude):
    masks = prune(model, method="magnitude", sparsity=0.5, exclude=exclude)
    assert "head.weight" not in masks
    assert "stem.weight" in masks


def test_what_is_prunable():
    model = nn.ModuleDict(
        {
            "embedding": nn.Embedding(5, 4),
            "tied": nn.Linear(4, 5, bias=False),
            "norm": nn.LayerNorm(4),
            "conv": nn.Conv1d(2, 2, 3),
            "volume": nn.ConvTranspose3d(2, 2, 3),
            "slope": nn.PReLU(),
            "computed": nn.utils.parametrizations.weight_norm(nn.Linear(4, 4)),
            "turned": nn.utils.parametrizations.orthogonal(nn.Linear(4, 4)),
            "frozen": nn.Linear(4, 4).requires_grad_(False),
        }
    )
    model["tied"].weight = model["embedding"].weight
    assert set(prune(model, method="magnitude", sparsity=0.5)) == {
        "conv.weight", "volume.weight", "computed.parametrizations.weight.original1",
    }  # fmt: skip
    with pytest.raises(CellpruneError, match="has no shape yet"):
        prune(nn.Sequential(nn.LazyLinear(3)), method="random", sparsity=0.5)


def test_a_dead_layer_is_reported(model, caplog):
    with torch.no_grad():
        model.unused.weight.zero_()
    with caplog.at_level(logging.WARNING, "cellprune"):
        prune(model, method="magnitude", sparsity=0.5)
    assert "1 layer lost all weights: unused.weight" in caplog.text


def test_a_norm_that_starts_at_zero_is_reported(model, caplog):
    nn.init.zeros_(model.group_norm.weight)
    with caplog.at_level(logging.WARNING, "cellprune"):
        prune(model, method="snip", sparsity=0.5, batches=DATA, loss=F.cross_entropy)
    assert (
        "every score is 0 in down.weight, twice.weight, up.weight, unused.weight: the loss does not see them"
        in caplog.text
    )


def test_a_channel_whose_norm_starts_at_zero_is_reported(caplog):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.Conv2d(4, 2, 1))
    nn.init.zeros_(model[1].weight)
    data = [(torch.randn(4, 1, 8, 8), torch.randint(2, (4, 4, 4)))]
    with caplog.at_level(logging.WARNING, "cellprune"):
        prune(model, method="snip", sparsity=0.3, batches=data, loss=F.cross_entropy, granularity="channel")
    assert "every score is 0 in 0.weight" in caplog.text


@pytest.mark.parametrize("method", ["snip", "iterative-snip", "force", "prospr", "synflow"])
def test_a_head_that_starts_at_zero_leaves_nothing_to_rank_by(model, method):
    nn.init.zeros_(model.head.weight)
    options = {"inner_steps": 0} if method == "prospr" else {}
    given = {"batches": DATA * 15, "loss": F.cross_entropy}
    with pytest.raises(CellpruneError, match=r"every score is 0, so that .*: 'head.weight' starts at zero and lets"):
        prune(model, method=method, sparsity=0.5, **given, **options)
    assert all(mask.all() for mask in prune(model, method="snip", sparsity=0, **given).values()), "nothing is ranked"
    for method in ("prospr", "grasp"):  # one step, or the second derivative, tells the layers before the head apart
        with pytest.raises(CellpruneError, match=r"it is cut at 'head\.weight'"):
            prune(model, method=method, sparsity=0.5, **given)
    assert prune(model, sparsity=0.5, exclude="head", **given)


def test_scores_of_the_head_alone_rank_nothing_before_it():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2))
    nn.init.zeros_(model[2].weight)
    data = [(torch.randn(6, 3), torch.randint(2, (6,)))]
    with pytest.raises(CellpruneError, match=r"every score is 0 but those of '3.weight'.*: '2.weight' starts at zero"):
        prune(model, method="snip", sparsity=0.5, batches=data, loss=F.cross_entropy)
    with pytest.raises(CellpruneError, match=r"every score is 0, so .*the loss sees none of these weights"):
        prune(model[3:], method="snip", sparsity=0.5, batches=[(torch.zeros(6, 4), data[0][1])], loss=F.cross_entropy)


def test_channels_before_a_head_that_starts_at_zero_cannot_be_ranked():
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 1))
    nn.init.zeros_(model[2].weight)
    data = [(torch.randn(4, 1, 8, 8), torch.randint(2, (4, 6, 6)))]
    with pytest.raises(CellpruneError, match=r"every score is 0, so .*'2.weight' starts at zero"):
        prune(model, method="snip", sparsity=0.5, batches=data, loss=F.cross_entropy, granularity="channel")


def test_a_source_that_fills_one_memory_again_and_again_is_read_as_it_was(model):
    def refilled():
        inputs, target = torch.empty_like(DATA[0][0]), torch.empty_like(DATA[0][1])
        for batch in DATA:
            yield inputs.copy_(batch[0]), target.copy_(batch[1])

    given = {"sparsity": 0.5, "loss": F.cross_entropy}
    listed, again = prune(model, batches=DATA, **given), prune(model, batches=refilled(), **given)
    assert all(torch.equal(listed[name], again[name]) for name in listed)


def chain(middle: float) -> nn.Module:
    model = nn.Sequential(nn.Linear(2, 50), nn.ReLU(), nn.Linear(50, 50), nn.BatchNorm1d(50), nn.Linear(50, 3))
    with torch.no_grad():
        model[2].weight.fill_(middle)
    return model


def test_a_network_cut_off_from_its_input_is_an_error_that_names_the_layer():
    torch.manual_seed(0)
    data = [(torch.randn(6, 2), torch.randint(0, 3, (6,)))]
    with pytest.raises(CellpruneError, match=r"no longer depends on the input; it is cut at '2.weight': remove less"):
        prune(chain(1e-9), method="magnitude", sparsity=0.95, batches=data)


def test_a_network_that_never_listened_is_no_fault_of_the_masks():
    torch.manual_seed(0)
    model = chain(1.0)
    nn.init.zeros_(model[4].weight)
    masks = prune(model, method="magnitude", sparsity=0.95, batches=[(torch.randn(6, 2), torch.zeros(6).long())])
    assert sum(int(mask.sum()) for mask in masks.values()) == 138  # a twentieth of 2,750


def test_whole_number_inputs_are_checked_too():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Embedding(7, 4), nn.Linear(4, 4), nn.Linear(4, 2))
    with torch.no_grad():
        model[1].weight.mul_(1e-6)
    tokens = torch.arange(6).view(1, 6)
    with pytest.raises(CellpruneError, match=r"cut at '1.weight'"):
        prune(model, method="magnitude", sparsity=0.7, batches=[(tokens, tokens)])


def test_a_compiled_model_is_scored_as_the_bare_one(model):
    compiled = torch.compile(model, backend="eager")
    masks = prune(compiled, method="snip", sparsity=0.5, batches=DATA, loss=F.cross_entropy)
    theirs = prune(model, method="snip", sparsity=0.5, batches=DATA, loss=F.cross_entropy)
    assert all(torch.equal(masks[name], theirs[name]) for name in theirs)
    apply(compiled, masks)
    assert not model.stem.weight[~masks["stem.weight"]].any()
