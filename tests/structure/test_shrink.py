"""Smaller networks: the function, the gradients and the training of the masked ones, in every architecture."""

import pytest
import torch
from channel_networks import NETWORKS, SLOW, STEPS, Drawn, case, some
from hypothesis import given, settings
from hypothesis import strategies as st
from left_as_it_was import left_as_it_was
from torch import nn

import cellprune
from cellprune.errors import CellpruneError
from cellprune.pruning.masks import hold
from cellprune.structure.nested import tensors_of
from cellprune.structure.shrink import cut_tensors, shrink
from cellprune.structure.trace import find


def masked(model, inputs, seed=0):
    """Give masks of about half the channels, and the network's parts that are kept as a function of its tensors."""
    channels = find(model, inputs)
    kept = some(channels, seed)
    masks = channels.masks(kept, {name: p.shape for name, p in model.named_parameters()})
    return masks, lambda tensors: cut_tensors(model, channels.positions(kept), tensors)


def tensors_by_name(model):
    return dict(model.named_parameters()) | dict(model.named_buffers())


def loss_of(model, inputs):
    return sum(tensor.square().mean() for tensor in tensors_of(model(inputs)))


def require_alike(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        assert torch.allclose(tensor, theirs[name], rtol=1e-8, atol=1e-9), name


def require_the_same_training(model, small, masks, part, inputs, n_steps=3):
    """Train both, with momentum and weight decay, and compare all that is kept after each step."""
    networks = model, small
    optimizers = [torch.optim.SGD(n.parameters(), lr=0.05, momentum=0.9, weight_decay=0.01) for n in networks]
    handle = hold(model, masks, optimizers[0])
    for step in range(n_steps):
        losses = []
        for network, optimizer in zip(networks, optimizers, strict=True):
            optimizer.zero_grad(set_to_none=False)
            torch.manual_seed(step)  # which samples skip a block is drawn
            losses.append(loss_of(network, torch.roll(inputs, step, -1)))
            losses[-1].backward()
        assert torch.allclose(*losses, rtol=1e-10)
        read = {name: p.grad for name, p in small.named_parameters() if p.grad is not None}
        gradients = {
            name: p.grad if p.grad is not None else torch.zeros_like(p) for name, p in model.named_parameters()
        }
        gradients |= dict(model.named_buffers())
        require_alike({name: part(gradients)[name] for name in read}, read)
        for optimizer in optimizers:
            optimizer.step()
        require_alike(part(tensors_by_name(model)), tensors_by_name(small))
    handle.release()


def without_dropout(model):
    for module in model.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            module.p = 0.0  # maps of other shapes draw other numbers
    return model


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("network", [*NETWORKS, *SLOW])
def test_the_smaller_network_is_the_masked_one_and_trains_as_it_does(network, seed):
    model, inputs = case(network)
    model, inputs = without_dropout(model).double(), torch.cat([inputs, inputs.flip(-1)]).double()
    masks, part = masked(model, inputs, seed)
    small = shrink(model, masks, inputs)
    assert type(small) is type(model)
    assert sum(p.numel() for p in small.parameters()) < 0.7 * sum(p.numel() for p in model.parameters())
    assert small.training
    require_the_same_training(model, small, masks, part, inputs, n_steps=3 if network in NETWORKS else 1)


@given(st.lists(st.sampled_from([*STEPS]), max_size=7), st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_random_networks_train_alike(steps, seed):
    model = without_dropout(Drawn(steps, seed)).double()
    inputs = torch.randn(3, 2, 4, 4).double()
    masks, part = masked(model, inputs, seed % 2)
    require_the_same_training(model, shrink(model, masks, inputs), masks, part, inputs, n_steps=2)


def of(*layers):
    torch.manual_seed(0)
    return nn.Sequential(*layers)


def halved(model, inputs):
    """Shrink to about half the channels."""
    masks, _ = masked(model, inputs)
    return shrink(model, masks, inputs)


def test_layers_say_their_new_sizes():
    model, inputs = case("branches")
    small = halved(model, inputs)
    for layer in (small.stem, small.depthwise, small.grouped, small.up, small.fine):
        again = type(layer)(layer.in_channels, layer.out_channels, layer.kernel_size, groups=layer.groups)
        assert again.weight.shape == layer.weight.shape
    assert small.depthwise.groups == small.stem.out_channels < 6
    assert small.fine.groups == small.fine.in_channels == small.fine.out_channels
    assert small.grouped.groups == 2
    assert small.norm.num_features == len(small.norm.running_mean) == small.grouped.out_channels
    assert small.slope.num_parameters == small.depthwise.out_channels
    assert small.head.in_features == 4 * small.gate.out_features


def test_norms_without_parameters_follow_their_channels():
    norms = nn.BatchNorm2d(8, affine=False), nn.InstanceNorm2d(8), nn.GroupNorm(4, 8, affine=False)
    model = of(nn.Conv2d(1, 8, 3), *norms, nn.Conv2d(8, 2, 1))
    small = halved(model, torch.randn(2, 1, 8, 8))
    n = small[0].out_channels
    assert n < 8
    assert [small[1].num_features, small[2].num_features, small[3].num_channels, small[3].num_groups] == [
        n,
        n,
        n,
        n / 2,
    ]
    small(torch.randn(2, 1, 8, 8))  # torch would warn of an instance norm that is told otherwise


def test_a_module_under_two_names_and_a_tied_weight_stay_one():
    shared = nn.Conv2d(4, 4, 1)
    model = of(nn.Conv2d(1, 4, 1), shared, nn.ReLU(), shared, nn.Conv2d(4, 4, 1), nn.Conv2d(4, 2, 1))
    model[4].weight = shared.weight
    small = halved(model, torch.randn(1, 1, 4, 4))
    assert small[1] is small[3]
    assert small[4].weight is small[1].weight
    assert small[4].in_channels == small[1].out_channels < 4
    assert small.state_dict().keys() == model.state_dict().keys()


def test_the_network_itself_is_left_as_it_was():
    model, inputs = case("unet")
    masks, _ = masked(model, inputs)
    model.down[0].eval()
    model.head.weight.requires_grad_(False)
    with left_as_it_was(model):
        small = shrink(model, masks, inputs)
    assert not small.head.weight.requires_grad
    assert [m.training for m in small.modules()] == [m.training for m in model.modules()]
    places = [{t.data_ptr() for t in network.state_dict().values()} for network in (model, small)]
    assert not places[0] & places[1], "training one does not train the other"


def test_without_masks_it_is_a_copy():
    model, inputs = case("unet")
    small = shrink(model, {}, inputs)
    require_alike(model.state_dict(), small.state_dict())


def test_a_forward_that_names_its_channels_is_refused_with_its_module():
    class Shuffle(nn.Module):
        def forward(self, x):
            return x.unflatten(1, (2, 4)).transpose(1, 2).flatten(1, 2)

    model = of(nn.Conv2d(1, 8, 1), Shuffle(), nn.Conv2d(8, 2, 1))
    with pytest.raises(CellpruneError, match=r"^module '1' of Sequential names a number of its channels, and fails"):
        halved(model, torch.randn(1, 1, 4, 4))


def test_a_difference_is_refused_with_the_first_layer_that_differs():
    class ByItsSize(nn.Module):
        def forward(self, x):
            return x * x.shape[1]

    model = of(nn.Conv2d(1, 8, 1), nn.Conv2d(8, 8, 1), ByItsSize(), nn.Conv2d(8, 2, 1), nn.ReLU())
    with pytest.raises(CellpruneError, match=r"^Sequential cannot be made smaller: '3' would give other numbers"):
        halved(model, torch.randn(1, 1, 4, 4))
    with pytest.raises(CellpruneError, match="what follows its last layer would give other numbers"):
        halved(of(nn.Conv2d(1, 8, 1), Summed()), torch.randn(1, 1, 4, 4))


class Summed(nn.Module):
    """Ends without a layer that makes channels."""

    def forward(self, x):
        return x.flatten(2).unbind(1)[0] * x.shape[1]


def test_what_no_masks_of_channels_are_is_refused():
    model, inputs = case("unet")
    masks = cellprune.prune(model, method="magnitude", sparsity=0.5)
    with pytest.raises(CellpruneError, match="does not remove whole channels that may go"):
        shrink(model, masks, inputs)
    with pytest.raises(CellpruneError, match=r"the masks are of another network: one is of 'head.wight'"):
        shrink(model, {"head.wight": torch.ones(2).bool()}, inputs)
    with pytest.raises(CellpruneError, match=r"the mask of 'head.bias' is torch.bool of shape"):
        shrink(model, {"head.bias": torch.ones(3).bool()}, inputs)


def test_an_operation_that_is_not_followed_is_named():
    class Sorts(nn.Module):
        def forward(self, x):
            return x.sort(1).values

    model = of(nn.Conv2d(1, 4, 1), Sorts(), nn.Conv2d(4, 2, 1))
    some_of = torch.tensor([True, True, False, False])
    masks = {"0.weight": some_of.view(4, 1, 1, 1), "0.bias": some_of}
    with pytest.raises(CellpruneError, match="channels are not followed through 'sort' in '1'"):
        shrink(model, masks, torch.randn(1, 1, 4, 4))


def test_a_layer_without_channels_is_refused():
    model = of(nn.Conv2d(1, 4, 1), nn.Conv2d(4, 2, 1))
    channels = find(model, inputs := torch.randn(1, 1, 4, 4))
    masks = channels.masks(torch.zeros(4).bool(), {name: p.shape for name, p in model.named_parameters()})
    with pytest.raises(CellpruneError, match=r"the masks leave no channel of '0.weight': keep one at least"):
        shrink(model, masks, inputs)


def test_dropout_of_the_smaller_network_draws_for_its_own_shape():
    model = of(nn.Conv2d(1, 4, 1), nn.Dropout(), nn.Conv2d(4, 2, 1))
    small = halved(model, torch.randn(1, 1, 8, 8))
    assert small(torch.randn(1, 1, 8, 8)).shape == (1, 2, 8, 8)
    assert small[1].p == 0.5
