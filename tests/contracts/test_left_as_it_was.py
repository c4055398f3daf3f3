"""Every function that takes a network leaves it as it was, whatever its forward pass does and whatever goes wrong."""

import random
import warnings
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Lock

import numpy as np
import pytest
import torch
from left_as_it_was import left_as_it_was
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations
from torch.nn.utils import prune as torch_prune

import cellprune
from cellprune.config.names import method, methods, resolve
from cellprune.config.request import Request
from cellprune.controls import shuffled as controls
from cellprune.engines.torch import engine
from cellprune.errors import CellpruneError
from cellprune.models.receptive import receptive_field
from cellprune.pruning import prune
from cellprune.pruning.prunable import prunable
from cellprune.structure.channels import verify
from cellprune.structure.cost import cost, positions_per_weight
from cellprune.structure.effective import active_weights
from cellprune.structure.timing import milliseconds
from cellprune.structure.trace import find

SIZE = (1, 8, 8)
SOONER = {"rounds": 2, "inner_steps": 1, "draws": 2, "probes": 2}


class Net(nn.Module):
    """Two convolutions and a norm between them, to be made peculiar."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.norm, self.b = nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1)

    def forward(self, x):
        return self.b(self.middle(F.relu(self.norm(self.a(x)))))

    def middle(self, x):
        return x


class UnderTwoNames(Net):
    def __init__(self) -> None:
        super().__init__()
        self.block = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4))
        self.again = nn.ModuleList([self.block, self.block[0]])

    def middle(self, x):
        return self.again[0](self.again[1](x))


class Tied(Net):
    def __init__(self) -> None:
        super().__init__()
        self.c, self.d = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1)
        self.d.weight, self.d.bias = self.c.weight, self.c.bias

    def middle(self, x):
        return self.d(self.c(x))


class Counts(Net):
    """Buffers: one that is reassigned, one that is written on, one that comes into being; a number beside them."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))
        self.register_buffer("seen", torch.zeros(4), persistent=False)
        self.n = 0

    def middle(self, x):
        self.calls = self.calls + 1
        self.seen += x.detach().mean((0, 2, 3))
        self.register_buffer("late", torch.ones(()))
        self.n += 1
        return x + self.n


class Keeps(Net):
    """Activations: as an attribute, in lists and dictionaries, and written into tensors that are no buffers."""

    def __init__(self) -> None:
        super().__init__()
        self.all, self.by_name, self.memory = [], {"all": []}, torch.zeros(4)
        self.memories, self.names, self.latest = [torch.zeros(4)], set(), deque(maxlen=2)

    def middle(self, x):
        self.last = x
        self.all.append(x)
        self.by_name["middle"] = x
        self.by_name["all"].append(x)
        self.names.add(f"call {len(self.all)}")
        self.latest.append(x)
        for memory in (self.memory, *self.memories):
            memory.add_(x.detach().mean((0, 2, 3)))
        return x


class WritesItsWeights(Net):
    def middle(self, x):
        with torch.no_grad():
            self.b.weight.mul_(0.5)
            self.a.weight.data.clamp_(-0.1, 0.1)
        return x


class MergesInEval(Net):
    """As adapters of low rank do: `eval()` adds them to the weights, `train()` takes them off."""

    def train(self, mode: bool = True):
        if mode != self.training:
            self.b.weight.data += 1.0 if not mode else -1.0
        return super().train(mode)


class Draws(Net):
    """Draws noise in every mode."""

    def middle(self, x):
        return x * torch.rand(()) * random.random() * np.random.rand()


class DrawsFromItsOwn(Net):
    def __init__(self) -> None:
        super().__init__()
        self.draws = torch.Generator().manual_seed(0)
        self.others = [np.random.RandomState(0), np.random.default_rng(0), random.Random(0)]

    def middle(self, x):
        return x * torch.rand((), generator=self.draws) * sum(generator.random() for generator in self.others)


class Hides(Net):
    """Runs with modules that are no part of it: in a plain list."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = [nn.BatchNorm2d(4)]
        self.hidden[0].eval()

    def middle(self, x):
        self.hidden[0].train()
        return self.hidden[0](x.float()).to(x)


class ByKeyword(Net):
    def forward(self, x):
        return self.b(input=F.relu(self.norm(input=self.a(input=x))))


class Recurrent(Net):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(4, 4, batch_first=True)

    def middle(self, x):
        n, c, h, w = x.shape
        return self.lstm(x.flatten(2).transpose(1, 2))[0].transpose(1, 2).reshape(n, c, h, w)


class Attends(Net):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)

    def middle(self, x):
        tokens = x.flatten(2).transpose(1, 2)
        keys = torch.stack([tokens.mean(1), tokens.amax(1)], 1)  # two for all: images of any size are cheap
        return self.attention(tokens, keys, keys)[0].transpose(1, 2).reshape(x.shape)


class Own(nn.Module):
    """A matrix of a kind that nobody knows, as Conv1D of transformers, which keeps what cannot be copied."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(4, 4)), nn.Parameter(torch.zeros(4))
        self.lock, self.kept, self.calls = Lock(), {}, 0

    def forward(self, x):
        with self.lock:
            self.calls += 1
            self.kept["latest"] = x @ self.weight + self.bias
            return self.kept["latest"]


class Foreign(Net):
    def __init__(self) -> None:
        super().__init__()
        self.own = Own()

    def middle(self, x):
        return self.own(x.movedim(1, -1)).movedim(-1, 1)


def of_layer(change: Callable[..., nn.Module]) -> nn.Module:
    network = Net()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the old weight norm is deprecated
        network.a = change(network.a)
    network.a.lock = Lock()  # which no deep copy takes along
    network(torch.randn(2, *SIZE))  # which some of them need before they are whole
    return network


def hooked() -> nn.Module:
    network = Net()
    seen = []
    network.a.register_forward_pre_hook(lambda module, args: None)
    network.a.register_forward_hook(lambda module, args, output: seen.append(1))
    network.b.register_full_backward_hook(lambda module, given, made: setattr(module, "backward_seen", given))
    network.b.weight.register_hook(lambda gradient: 2 * gradient)
    handles = []
    handles.append(network.norm.register_forward_hook(lambda *_: handles[0].remove()))  # once
    return network


def mixed_modes() -> nn.Module:
    network = UnderTwoNames()
    network.norm.eval()
    network.block[1].eval()
    return network


def mixed_gradients() -> nn.Module:
    network = Net()
    network.a.bias.requires_grad_(False)
    network.norm.requires_grad_(False)
    network.b.weight.grad = torch.full_like(network.b.weight, 3.0)
    return network


def lazy() -> nn.Module:
    network = Net()
    network.norm = nn.LazyBatchNorm2d()
    return network


def lazy_but_loaded() -> nn.Module:
    """The first forward pass would still turn the module into one of another class."""
    network = Net()
    network.b = nn.LazyConv2d(2, 1)
    network.b.load_state_dict(nn.Conv2d(4, 2, 1).state_dict())
    return network


def on_meta() -> nn.Module:
    with torch.device("meta"):
        return Net()


KINDS: dict[str, Callable[[], nn.Module]] = {
    "plain": Net,
    "under two names": UnderTwoNames,
    "tied": Tied,
    "counts": Counts,
    "keeps": Keeps,
    "writes its weights": WritesItsWeights,
    "merges in eval": MergesInEval,
    "draws": Draws,
    "draws from its own": DrawsFromItsOwn,
    "hides": Hides,
    "by keyword": ByKeyword,
    "recurrent": Recurrent,
    "attention": Attends,
    "foreign matrix": Foreign,
    "hooked": hooked,
    "mixed modes": mixed_modes,
    "mixed gradients": mixed_gradients,
    "eval": lambda: Net().eval(),
    "half": lambda: Net().half(),
    "bfloat16": lambda: Net().bfloat16(),
    "float64": lambda: Net().double(),
    "channels last": lambda: Net().to(memory_format=torch.channels_last),
    "weight norm": lambda: of_layer(parametrizations.weight_norm),
    "old weight norm": lambda: of_layer(nn.utils.weight_norm),
    "spectral norm": lambda: of_layer(parametrizations.spectral_norm),
    "old spectral norm": lambda: of_layer(nn.utils.spectral_norm),
    "pruned before": lambda: of_layer(lambda layer: torch_prune.l1_unstructured(layer, "weight", 0.5)),
    "lazy": lazy,
    "lazy but loaded": lazy_but_loaded,
    "meta": on_meta,
}
COMPUTED = ("weight norm", "old weight norm", "spectral norm", "old spectral norm")
OF_OTHER_LAYERS = ("recurrent", "attention", "foreign matrix")
every_kind = pytest.mark.parametrize("kind", KINDS)


def made(kind: str) -> nn.Module:
    torch.manual_seed(0)
    return KINDS[kind]()


def batches(network: nn.Module) -> list[tuple[torch.Tensor, torch.Tensor]]:
    dtype = torch.float64 if next(network.parameters()).dtype == torch.float64 else torch.float32
    generator = torch.Generator().manual_seed(1)
    return [(torch.randn(2, *SIZE, generator=generator, dtype=dtype),
             torch.randint(0, 2, (2, *SIZE[1:]), generator=generator)) for _ in range(4)]  # fmt: skip


def pruned(network: nn.Module, method: str, granularity: str = "weight", **options) -> dict[str, torch.Tensor]:
    own = {name: value for name, value in SOONER.items() if name in resolve("pruning method", method).defaults()}
    given = {"sparsity": 0.5, "batches": batches(network), "loss": F.cross_entropy} | own | options
    return cellprune.prune(network, method=method, granularity=granularity, **given)


GRANULARITIES = {"never": ["weight"], "asked": ["weight", "channel"], "always": ["channel"]}
WAYS = [(name, granularity) for name in methods("before") for granularity in GRANULARITIES[method(name).channels]]
FAST = [("prospr", "weight"), ("snip", "channel"), ("synflow", "weight")]  # one for each way of coming by scores


def held_and_released(network: nn.Module) -> None:
    masks = {name: torch.ones_like(p, dtype=torch.bool) for name, p in prunable(network).items()}
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    cellprune.hold(network, masks, optimizer).release()
    assert not optimizer._optimizer_step_pre_hooks
    assert not optimizer._optimizer_step_post_hooks


def followed(network: nn.Module) -> None:
    [(inputs, _), *_] = batches(network)
    channels = find(network, inputs)
    verify(network, inputs, channels, torch.ones(channels.count, dtype=torch.bool))


def without_its_first_channel(network: nn.Module) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    inputs = batches(network)[0][0]
    channels = find(network, inputs)
    kept = torch.arange(channels.count) > 0
    return inputs, channels.masks(kept, {name: p.shape for name, p in network.named_parameters()})


def shrunk(network: nn.Module) -> None:
    inputs, masks = without_its_first_channel(network)
    cellprune.shrink(network, masks, inputs)


def compacted(network: nn.Module) -> None:
    inputs, masks = without_its_first_channel(network)
    cellprune.compact(network, inputs, masks)


def asked(network: nn.Module) -> None:
    made = engine(network, device="cpu")
    assert made(np.zeros((1, *SIZE), np.float32)).shape == (1, 2, 8, 8)
    assert made.bytes_per_pixel > 0
    assert made.input_size(8) >= 8


def shuffled(network: nn.Module) -> None:
    masks = {name: torch.ones_like(p, dtype=torch.bool) for name, p in prunable(network).items()}
    controls.shuffled_channels(network, batches(network)[0][0], masks, seed=0)


def planned(network: nn.Module) -> None:
    prune.choose_segments(network, Request(sparsity=0.5), batches=batches(network), loss=F.cross_entropy)


# everything that takes a network and promises to leave it alone; `hold` and `predict` are public, as `prune` is
LOOKS: dict[str, Callable[[nn.Module], object]] = {
    "hold": held_and_released,
    "predict": lambda network: cellprune.predict(network, np.random.RandomState(0).normal(size=(12, 20))),
    "engine": asked,
    "plan": planned,
    "scores": lambda network: cellprune.scores(network, method="snip", batches=batches(network), loss=F.cross_entropy),
    "macs": lambda network: pruned(network, "snip", sparsity=None, budget={"macs": 0.5}),
    "effective": lambda network: pruned(network, "snip", effective=True),
    "cost": lambda network: cost(network, SIZE),
    "positions": lambda network: positions_per_weight(network, SIZE),
    "active weights": lambda network: active_weights(network, SIZE),
    "channels": followed,
    "shrink": shrunk,
    "compact": compacted,
    "shuffled": shuffled,
    "receptive field": lambda network: receptive_field(network, 1),
    "milliseconds": lambda network: milliseconds(
        {"one": network}, batches(network)[0][0].to(next(network.parameters()).dtype), repeats=1, least_s=0
    ),
}


def refusal(kind: str, way: str) -> str | None:
    """Give what a method ("snip channel") or a look says of a kind that it refuses by name."""
    way = "snip weight" if way == "scores" else way
    scores = way in map(" ".join, WAYS)
    if kind == "lazy" or (kind == "meta" and way not in ("hold", "positions")):  # where shapes suffice
        return r"^'.+' has no (shape|values).*: .+$"
    if kind == "pruned before" and (scores or way in ("hold", "macs", "effective", "shuffled")):
        return r"^torch\.nn\.utils\.prune holds a mask on 'a\.weight_orig' already"
    if kind in (*COMPUTED, *OF_OTHER_LAYERS) and way in ("macs", "effective", "3sp channel", "ranp channel"):
        return "knows convolutions and linear layers that store their weight"
    # the first layer's channels are made by a weight that is no parameter, or read by what is not followed
    if kind in (*COMPUTED, *OF_OTHER_LAYERS, "hides") and way.endswith(" channel"):
        return "has no channel that can go"
    if kind == "mixed gradients" and way in ("snip channel", "3sp channel", "prospr channel", "grasp channel"):
        return "^every score is 0.*frozen"
    if kind in ("writes its weights", "merges in eval") and way == "compact":  # its weights are not what it runs on
        return "^.* cannot be made smaller: .* would give other numbers than under the masks"
    if kind in ("counts", "keeps") and way in ("shrink", "compact"):
        return "^.* names a number of its channels, and fails without some of them .*: .*"
    if kind in (*COMPUTED, "recurrent", "attention", "writes its weights", "hides") and way == "synflow weight":
        return "^synflow needs "
    if kind == "writes its weights" and way == "synflow channel":
        return "^synflow needs "
    return None


def test_every_public_name_that_takes_a_network_is_here() -> None:
    of_networks = {"prune", "scores", "hold", "shrink", "compact", "predict", "run", "load"}
    others = {"save_masks", "load_masks", "Request", "CellpruneError"}
    assert set(cellprune.__all__) == of_networks | others


@every_kind
@pytest.mark.parametrize(
    ("method", "granularity"),
    [pytest.param(*way, id=" ".join(way), marks=() if way in FAST else pytest.mark.slow) for way in WAYS],
)
def test_pruning_leaves_it_as_it_was(kind, method, granularity) -> None:
    network = made(kind)
    with left_as_it_was(network):
        if message := refusal(kind, f"{method} {granularity}"):
            with pytest.raises(CellpruneError, match=message):
                pruned(network, method, granularity)
            return
        masks = pruned(network, method, granularity)
    if granularity == "weight":  # each shared weight counts once, and under its first name
        assert masks.keys() == prunable(network).keys()
        n = sum(mask.numel() for mask in masks.values())
        assert sum(int(mask.sum()) for mask in masks.values()) == (n + 1) // 2


@every_kind
@pytest.mark.parametrize("look", LOOKS)
def test_looking_leaves_it_as_it_was(kind, look) -> None:
    network = made(kind)
    with left_as_it_was(network, versions=look != "hold"):  # which writes what is there already
        if message := refusal(kind, look):
            with pytest.raises(CellpruneError, match=message):
                LOOKS[look](network)
            return
        LOOKS[look](network)


@pytest.mark.parametrize("deep_supervision", [False, True])
def test_monais_networks_are_left_as_they_were(deep_supervision) -> None:
    from monai.networks.nets import DynUNet

    torch.manual_seed(0)
    network = DynUNet(2, 1, 2, kernel_size=[3, 3, 3], strides=[1, 2, 2], upsample_kernel_size=[2, 2],
                      filters=[2, 2, 2], deep_supervision=deep_supervision)  # fmt: skip

    def loss(output, target):
        return F.cross_entropy(output[:, 0] if output.ndim == 5 else output, target)

    with left_as_it_was(network):
        masks = pruned(network, "snip", loss=loss)
        pruned(network, "magnitude", "channel", loss=loss)
        cost(network, SIZE, masks)
        asked(network)
    twice = dict(network.named_modules(remove_duplicate=False)).keys() - dict(network.named_modules()).keys()
    assert twice, "it has modules under two names"
    assert not any(name.startswith(tuple(f"{path}." for path in twice)) for name in masks)


class Broken(Exception):
    """What no function of ours knows."""


class Fails(Counts):
    """Raises in the middle of one of its forward passes."""

    def __init__(self, nth: int, failure: type[BaseException]) -> None:
        super().__init__()
        self.failure, self.nth, self.passes = failure, nth, count()  # which goes on, whatever is put back
        self.norm.eval()
        self.a.bias.requires_grad_(False)

    def middle(self, x):
        x = super().middle(x)
        if next(self.passes) == self.nth:
            raise self.failure
        return x


every_failure = pytest.mark.parametrize("failure", [Broken, KeyboardInterrupt])


@every_failure
@pytest.mark.parametrize(("method", "granularity"), [("prospr", "weight"), ("force", "weight"), ("snip", "channel")])
def test_what_breaks_pruning_leaves_it_as_it_was(failure, method, granularity) -> None:
    def failing(n, of):
        calls = count()

        def call(*args):
            if next(calls) == n:
                raise failure
            return of(*args)

        return call

    never = 100
    for nth in range(2):
        network = Fails(never, failure)
        drawn = map(failing(nth, lambda batch: batch), batches(network))
        with left_as_it_was(network), pytest.raises(failure):
            pruned(network, "prospr", batches=drawn)
        with left_as_it_was(network), pytest.raises(failure):
            pruned(network, method, granularity, loss=failing(nth if method != "snip" else 0, F.cross_entropy))
        network = Fails(nth, failure)
        with left_as_it_was(network), pytest.raises(failure):
            pruned(network, method, granularity)


@every_failure
@pytest.mark.parametrize("look", [look for look in LOOKS if look != "hold"])
def test_what_breaks_a_look_leaves_it_as_it_was(look, failure) -> None:
    network = Fails(0, failure)
    with left_as_it_was(network), pytest.raises((failure, CellpruneError)):
        LOOKS[look](network)


def test_masks_of_another_network_are_refused_before_any_is_held() -> None:
    network = mixed_gradients()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    masks = {"a.weight": torch.zeros(4, 1, 3, 3, dtype=torch.bool), "b.weight": torch.zeros(3, dtype=torch.bool)}
    with left_as_it_was(network), pytest.raises(CellpruneError, match=r"the mask of 'b\.weight'"):
        cellprune.hold(network, masks, optimizer)
    assert not optimizer._optimizer_step_pre_hooks


def test_channels_are_held_beside_frozen_parameters() -> None:
    network = mixed_gradients()
    masks = pruned(network, "magnitude", "channel")
    assert not network.norm.weight.requires_grad
    assert "norm.weight" in masks
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.1, weight_decay=0.1)
    handle = cellprune.hold(network, masks, optimizer)
    [(inputs, target), *_] = batches(network)
    F.cross_entropy(network(inputs), target).backward()
    optimizer.step()
    for name, mask in masks.items():
        assert not network.get_parameter(name)[~mask].any()
    handle.release()


def test_two_threads_that_look_at_one_network_leave_it_as_it_was() -> None:
    network, image = Net(), np.random.RandomState(0).normal(size=(24, 20))
    alone = cellprune.predict(network, image)
    with left_as_it_was(network), ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: cellprune.predict(network, image), range(12)))
    assert all(np.array_equal(labels, alone) for labels in found)


def test_compiled_by_torchscript_is_refused_in_one_line() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = torch.jit.trace(Net(), torch.randn(1, *SIZE))
    with pytest.raises(CellpruneError, match="was compiled by TorchScript"):
        cost(network, SIZE)
