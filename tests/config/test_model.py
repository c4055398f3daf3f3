"""The section model: each network has settings of its own, and one way to say how wide it is."""

import re
from inspect import signature
from pathlib import Path

import pytest

from cellprune.config.load import ConfigError, load, recorded
from cellprune.config.model import MODEL_SETTINGS, WIDTHS, Model
from cellprune.config.schema import Settings


def test_a_network_has_its_own_settings_alone(tmp_path: Path) -> None:
    unet, other = load(), load(assignments=["model.name=smp:unet/resnet18"])
    assert unet.model_dump()["model"] == {"name": "unet", "width": 16, "depth": 4, "norm": "batch", "padding": "same"}
    assert other.model_dump()["model"] == {"name": "smp:unet/resnet18", "weights": None}
    assert load(Settings.model_validate(other.model_dump())).model == other.model
    flags = Settings.model_validate({"model": {"weights": "imagenet"}})  # whose own name is still unet
    assert load(flags, assignments=["model.name=smp:fpn/resnet18"]).model.weights == "imagenet"
    for assignments in (["model.name=smp:unet/resnet18", "model.width=8"], ["model.weights=imagenet"]):
        with pytest.raises(ConfigError, match=r"'(smp:\S+|unet)' has no option '(width|weights)'; its options: "):
            load(assignments=assignments)
    file = tmp_path / "run.yaml"
    file.write_text("model: {width: 8}\n")
    assert load(file=file, assignments=["model.name=smp:unet/resnet18"]).model.weights is None
    file.write_text("model: {name: smp:unet/resnet18, width: 8}\n")
    with pytest.raises(ConfigError, match=r"run.yaml: 'smp:unet/resnet18' has no option 'width'"):
        load(file=file)


def test_widths_take_the_place_of_the_width_and_fit_the_depth() -> None:
    plain = load()
    assert "widths" not in plain.model_dump()["model"]
    wide = load(assignments=["model.width=8", "model.widths=[3, 5, 7]", "model.depth=2"])
    assert wide.model_dump(mode="json")["model"] == {
        "name": "unet", "depth": 2, "widths": [3, 5, 7], "norm": "batch", "padding": "same",
    }  # fmt: skip
    assert recorded(wide.model_dump(mode="json")) == wide
    assert load(Settings(model=Model(width=8)), assignments=["model.widths=[3, 5, 7]"]).model.widths is None
    with pytest.raises(ConfigError, match=r"has 3 numbers, but a network of depth 4 has 5 levels: give 5 numbers, or "):
        load(assignments=["model.widths=[3, 5, 7]"])
    with pytest.raises(ConfigError, match=r"width \(--model.width\) and widths .* give one of them"):
        load(assignments=["model={width: 8, widths: [3, 5]}"])
    with pytest.raises(ConfigError, match=r"'smp:unet/resnet18' has no option 'widths'"):
        load(assignments=["model.name=smp:unet/resnet18", "model.widths=[3, 5]"])


def test_the_settings_of_the_schema_are_those_of_the_networks() -> None:

    from cellprune.config.names import resolve

    for row, settings in MODEL_SETTINGS.items():
        parameters = signature(resolve("model", row.replace("ARCHITECTURE/ENCODER", "unet/resnet18"))).parameters
        assert set(parameters) - WIDTHS == {"in_channels", "classes", *settings} - WIDTHS
        for name in settings:
            assert Model.model_fields[name].default == parameters[name].default


def test_a_network_of_unknown_name_is_refused_and_one_of_a_family_is_known() -> None:
    with pytest.raises(ConfigError, match=r"Did you mean 'unet'\?"):
        load(assignments=["model.name=unte"])
    assert Model(name="smp:unet/resnet18").own() == ("weights",)
    assert Model(name="unet").own() == ("width", "depth", "widths", "norm", "padding")
    assert Model(name="resnet20").own() == ()


def test_a_stem_that_older_versions_did_not_have_leaves_their_names() -> None:
    assert Model(name="vgg19").model_dump() == {"name": "vgg19"}
    assert Model(name="resnet50", stem="large").model_dump() == {"name": "resnet50", "stem": "large"}
    unsaid, said, other = (
        load(assignments=["task=classification", "model.name=resnet18", *more])
        for more in ([], ["model.stem=small"], ["model.stem=large"])
    )
    assert unsaid.identity() == said.identity() != other.identity()
    with pytest.raises(ConfigError, match=r"'resnet20' has no option 'stem'"):
        load(assignments=["task=classification", "model.stem=large"])


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("model.depth=0", "model.depth"),
        ("model.depth=7", "model.depth"),
        ("model.width=65537", "model.width"),
        ("model.widths=[1, 0]", "model.widths"),
        ("model.norm=layer", "model.norm"),
        ("model.padding=valid2", "model.padding"),
    ],
)
def test_a_setting_out_of_range_is_named(assignment: str, said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        load(assignments=[assignment])
