"""A network from its name and settings, or one line on what does not fit."""

import pytest
from torch import nn

from cellprune.errors import CellpruneError
from cellprune.models.building import build, maker_of
from cellprune.models.unet import build as unet


def test_a_name_and_its_settings_make_a_network() -> None:
    network = build({"name": "unet", "in_channels": 3, "classes": 4, "width": 2, "depth": 1})
    assert isinstance(network, nn.Module)
    assert network.training
    assert network.widths == (2, 4)
    assert [p.shape[0] for name, p in network.named_parameters() if name == "head.weight"] == [4]
    assert maker_of({"name": "unet"}) is unet


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "the model's settings have no name: name the network to build, such as name: unet"),
        ({"name": 3}, "model.name is 3, but must be a name, such as unet"),
        ({"name": None}, "model.name is None, but must be a name"),
        ({"name": "unett"}, "no model 'unett'"),
        ({"name": "unet", "depht": 2}, "no setting of model 'unet' called 'depht'.\nDid you mean 'depth'?"),
        ({"name": "resnet20", "depth": 2}, "no setting of model 'resnet20' called 'depth'"),
    ],
)
def test_what_names_no_network_or_is_none_of_its_settings_is_refused(settings: dict, said: str) -> None:
    with pytest.raises(CellpruneError) as refusal:
        build(settings)
    assert said in str(refusal.value)
