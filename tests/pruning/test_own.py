"""A user's own method: ranked as any other, and refused in one line where it breaks what all methods promise."""

import copy

import pages
import pytest
import torch
from left_as_it_was import left_as_it_was
from reference_pruning import EveryKind, batches
from torch import nn
from torch.nn import functional as F

from cellprune.config.load import load
from cellprune.config.request import Request
from cellprune.errors import CellpruneError, WorkError
from cellprune.experiment.settling import settled
from cellprune.pruning.method import Method
from cellprune.pruning.methods import random, snip, synflow
from cellprune.pruning.prune import prune
from cellprune.pruning.ranking.units import absolute

DATA = batches(2, dtype=torch.float32)
GIVEN = {"sparsity": 0.5, "batches": DATA, "loss": F.cross_entropy}
PAGE = pages.DOCS / "how-to/own-method.md"


@pytest.fixture
def model():
    torch.manual_seed(0)
    return EveryKind()


def sizes(model, masks, batches, loss, *, seed, power=1):
    return {name: p.detach().abs() ** power for name, p in model.named_parameters()}


def test_a_function_is_ranked_as_any_method_and_its_keywords_are_options(model):
    theirs = prune(model, method="magnitude", sparsity=0.5)
    with left_as_it_was(model):
        ours = prune(model, method=sizes, sparsity=0.5)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    smallest = prune(model, method=sizes, sparsity=0.5, power=-1, invert=True)
    assert all(torch.equal(smallest[name], theirs[name]) for name in theirs)
    with pytest.raises(
        CellpruneError, match=r"no option of pruning method 'sizes' called 'powr'.*\nDid you mean 'power'"
    ):
        prune(model, method=sizes, sparsity=0.5, powr=2)


@pytest.mark.parametrize("granularity", ["weight", "channel"])
def test_a_method_of_parts_does_what_the_row_of_these_parts_does(granularity):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 2, 1))
    given = GIVEN | {"batches": [(torch.randn(4, 1, 8, 8), torch.randint(2, (4, 6, 6)))], "granularity": granularity}
    theirs, ours = (prune(model, method=method, **given) for method in ("snip", snip.METHOD))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_the_page_works_from_the_file_and_from_python(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    function, _, method = pages.blocks(PAGE, "python")
    (tmp_path / "gradient.py").write_text(function + method, encoding="utf-8")
    model.unused = nn.Identity()
    masks = prune(model, method="gradient.py:score", **GIVEN)
    network = copy.deepcopy(model)
    F.cross_entropy(network(DATA[0][0]), DATA[0][1]).backward()
    kept = torch.cat([network.get_parameter(name).grad.abs()[mask] for name, mask in masks.items()])
    gone = torch.cat([network.get_parameter(name).grad.abs()[~mask] for name, mask in masks.items()])
    assert kept.min() >= gone.max()
    assert prune(model, method="gradient.py:METHOD", **GIVEN | {"batches": DATA * 5}).keys() == masks.keys()
    (tmp_path / "gradient.py").write_text("def score(*_, seed):\n    return {}['weight']\n", encoding="utf-8")
    with pytest.raises(WorkError, match=r"'gradient.py:score' failed \(KeyError: 'weight', line 2\): mend its code"):
        prune(model, method="gradient.py:score", **GIVEN)


def test_settings_of_another_content_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.py").write_text("def mine(model, masks, batches, loss, *, seed): ...\n", encoding="utf-8")
    settings = settled(load(assignments=["pruning.method=my.py:mine", "pruning.ratio=0.5"]), torch.device("cpu"))
    assert settled(settings, torch.device("cpu")) == settings
    (tmp_path / "my.py").write_text("mine = 3\n", encoding="utf-8")
    with pytest.raises(
        CellpruneError, match=r"my.py:mine is not the code that these settings were made with: restore it"
    ):
        settled(settings, torch.device("cpu"))


def with_score(name, change):
    def mine(model, masks, batches, loss, *, seed):
        scores = sizes(model, masks, batches, loss, seed=seed)
        return scores | {name: change(scores.get(name))}

    return mine


def without(name):
    return lambda model, masks, batches, loss, *, seed: {
        key: p.detach() for key, p in model.named_parameters() if key != name
    }


def running(model, masks, batches, loss, *, seed):
    loss(model(batches[0][0]), batches[0][1]).backward()
    return {name: p.detach() for name, p in model.named_parameters()}


def frozen(model, masks, batches, loss, *, seed):
    model.requires_grad_(False)
    return sizes(model, masks, batches, loss, seed=seed)


def leaving(model, masks, batches, loss, *, seed):
    raise SystemExit(7)


def training(model, masks, batches, loss, *, seed):
    with torch.no_grad():
        model.head.weight.add_(1)
        model.stem.weight.data.zero_()
    raise KeyError("no luck")


@pytest.mark.parametrize(
    ("method", "words", "error"),
    [
        (with_score("head.weight", lambda s: s * torch.nan), "'mine' gives NaN or infinity for 24 of 24 weights of "
         "'head.weight'", WorkError),
        (with_score("head.weight", lambda s: s.T), r"shape \(8, 3\) for 'head.weight', whose shape is \(3, 8\)", None),
        (with_score("head.weight", lambda s: s.tolist()), "'mine' gives list for 'head.weight': .*a tensor", None),
        (with_score("heat.weight", lambda s: torch.ones(1)), "called 'heat.weight'.\nDid you mean 'head.weight'", None),
        (without("head.weight"), "no scores for 'head.weight'", None),
        (lambda model, masks, batches, loss, *, seed: [1], "gives list: let it return a dictionary", None),
        (running, "'running' changed 'norm.running_mean' and 2 more while it scored; all is put back", None),
        (frozen, "'frozen' changed 'stem.weight.requires_grad' and [0-9]+ more", None),
        (leaving, r"'leaving' failed \(SystemExit: 7\): mend its code", WorkError),
        (training, r"'training' failed \(KeyError: 'no luck'\): mend its code", WorkError),
        (lambda model, batches: {}, r"takes other arguments than \(model, masks, batches, loss, \*, seed\)", None),
        (dict, "is <class 'dict'>, which scores nothing: give a function", None),
        (with_score("head.weight", lambda s: s.to(torch.complex64)), "complex numbers, which have no order", None),
    ],
)  # fmt: skip
def test_what_breaks_a_promise_is_named_and_undone(model, method, words, error):
    with left_as_it_was(model, versions=False), pytest.raises(error or CellpruneError, match=words):
        prune(model, method=method, **GIVEN)


def test_gradients_that_were_there_are_put_back(model):
    model.norm.eval()
    model.head.weight.grad = torch.ones_like(model.head.weight)
    with left_as_it_was(model, versions=False):
        prune(model, method=running, **GIVEN)


def test_what_a_method_is_not_made_for_is_said(model):
    for method, asked, words in (
        (sizes, {"granularity": "channel"}, "'sizes' is not made for channels"),
        (synflow.METHOD, {"effective": True}, "not made for an effective sparsity: it scores in rounds"),
        (Method(random.METHOD.sensitivity, absolute, quotas=lambda *_: {}), {"scope": "layer"}, "share of its own"),
        (snip.METHOD, {"loss": None}, "'sensitivity' needs a loss"),
    ):
        with pytest.raises(CellpruneError, match=words):
            prune(model, method=method, **GIVEN | asked)
    assert Request(method=sizes, sparsity=0.5).name == "sizes"
