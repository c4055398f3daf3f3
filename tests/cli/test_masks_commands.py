"""Masks by the command line: chosen alone, compared, trained, and through controls; what is refused."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from command_line import typed

from cellprune.runs import maskfile
from cellprune.runs.folder import Folder

TINY = ["data.size=[32, 32]", "model.width=4", "model.depth=1", "training.epochs=1"]


def command(name: str, data_root: Path, output: Path, *more: str) -> list[str]:
    settings = [word for assignment in TINY for word in ("--set", assignment)]
    return [name, *settings, "--data-root", str(data_root), "-o", str(output), *more]


@pytest.fixture(scope="module")
def chosen(tmp_path_factory: pytest.TempPathFactory, data_root: Path) -> Path:
    output = tmp_path_factory.mktemp("chosen") / "snip.safetensors"
    assert typed(*command("prune", data_root, output, "--method", "snip", "--prune", "0.8")) == 0
    return output


@pytest.mark.slow
def test_masks_alone_are_those_that_a_run_trains(chosen: Path, data_root: Path, tmp_path: Path) -> None:
    assert typed(*command("train", data_root, tmp_path / "run", "--method", "snip", "--prune", "0.8")) == 0
    assert maskfile.digest(Folder(tmp_path / "run").read_masks()) == maskfile.digest(maskfile.read(chosen))
    assert {path.name for path in chosen.parent.iterdir()} == {"snip.safetensors", "snip.svg"}
    assert "head" in chosen.with_suffix(".svg").read_text()


def test_masks_that_a_kill_left_without_their_picture_get_it(
    chosen: Path, data_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "snip.safetensors"
    shutil.copy(chosen, output)
    (tmp_path / ".snip.safetensors.1a2b3c4d.partial").mkdir()
    before = output.read_bytes()
    assert typed(*command("prune", data_root, output, "--method", "snip", "--prune", "0.7")) == 2
    assert "snip.safetensors is there already" in capsys.readouterr().err
    assert not output.with_suffix(".svg").exists()
    assert typed(*command("prune", data_root, output, "--method", "snip", "--prune", "0.8", "--json")) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["cost"]["layers"]
    assert "holds these masks already" in err
    assert output.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"snip.safetensors", "snip.svg"}
    assert output.with_suffix(".svg").read_bytes() == chosen.with_suffix(".svg").read_bytes()
    assert typed(*command("prune", data_root, output, "--method", "snip", "--prune", "0.8")) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "unit", "exact"),
    [
        ("--budget macs=0.5 --method snip", "macs", False),
        ("--budget macs=0.5 --method snip --granularity channel --round-to 1", "macs", False),
        pytest.param(
            "--budget params=0.5 --method snip --granularity channel --round-to 1",
            "params",
            False,
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "--budget channels=0.5 --method random --granularity channel", "channels", True, marks=pytest.mark.slow
        ),
        pytest.param("--budget params=0.2 --method magnitude", "weights", True, marks=pytest.mark.slow),
        ("--prune 0.7 --method snip --set pruning.effective=true", "active weights", True),
    ],
)
def test_what_was_asked_and_what_was_achieved(
    words: str, unit: str, exact: bool, data_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "masks.safetensors"
    assert typed(*command("prune", data_root, output, *words.split(), "--json")) == 0
    cost = json.loads(capsys.readouterr().out)["cost"]
    budget = cost["budget"]
    assert budget["unit"] == unit
    assert budget["kept"] <= budget["allowed"] <= budget["target"] * budget["dense"] + 1
    assert budget["achieved"] == budget["kept"] / budget["dense"] == pytest.approx(budget["target"], abs=0.05)
    assert budget["kept"] == budget["allowed"] or not exact
    assert 0 < cost["sparsity"]["direct"] <= cost["sparsity"]["effective"]
    assert cost["sparsity"]["input"] == cost["macs"]["input"] == [1, 32, 32]
    assert ("channels" in cost) == ("channel" in words)
    output.rename(tmp_path / "first.safetensors")
    output.with_suffix(".svg").unlink()
    assert typed(*command("prune", data_root, output, *words.split())) == 0
    told = capsys.readouterr().out
    assert f"{budget['kept']:,} of {budget['dense']:,}" in told
    assert ("channels\n" in told) == ("channel" in words)
    assert "at an input of 1 x 32 x 32" in told


def test_the_answers_for_people_and_for_programs(
    chosen: Path, data_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "force.safetensors"
    arguments = ["--method", "force", "--set", "pruning.rounds=3", "--prune", "0.8"]
    assert typed(*command("prune", data_root, other, *arguments, "--json")) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["settings"]["pruning"]["rounds"] == 3
    assert answer["cost"]["parameters"]["kept"] == sum(int(m.sum()) for m in maskfile.read(other).values())
    assert typed("compare-masks", chosen, other, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert 0 < found["overlap"] < 1
    assert typed("compare-masks", chosen, other) == 0
    told = capsys.readouterr().out
    assert "head.weight" in told
    assert f"{found['overlap']:.2%}" in told
    assert typed(*command("prune", data_root, tmp_path / "erk.safetensors", "--method", "erk", "--prune", "0.8")) == 0
    assert "erk: 323 of 1,616 weights stay" in capsys.readouterr().out


@pytest.mark.slow
def test_given_masks_are_trained_and_their_config_makes_the_same_run(
    chosen: Path, data_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed(*command("train", data_root, tmp_path / "run", "--masks", chosen)) == 0
    run = Folder(tmp_path / "run")
    assert maskfile.digest(run.read_masks()) == maskfile.digest(maskfile.read(chosen))
    config = run.read_config()["pruning"]
    assert set(config) == {"method", "ratio", "masks", "masks_sha256", "shrink"}
    assert config["shrink"] is False, "masks of single weights take no channel out"
    assert config["method"] == "given"
    assert config["ratio"] == pytest.approx(0.8, abs=0.01)
    again = ["train", "--config", str(run.file("config")), "--data-root", str(data_root), "-o", str(tmp_path / "again")]
    assert typed(*again) == 0
    assert Folder(tmp_path / "again").read_scores().summary == run.read_scores().summary
    assert typed(*command("train", data_root, tmp_path / "run", "--masks", chosen, "--resume")) == 0
    capsys.readouterr()
    changed = {name: ~mask for name, mask in maskfile.read(chosen).items()}
    config_file = yaml.safe_load(run.file("config").read_text())
    maskfile.write(tmp_path / "other.safetensors", changed)
    config_file["pruning"]["masks"] = str(tmp_path / "other.safetensors")
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config_file))
    refused = [
        "train",
        "--config",
        str(tmp_path / "config.yaml"),
        "--data-root",
        str(data_root),
        "-o",
        str(tmp_path / "no"),
    ]
    assert typed(*refused) == 2
    assert "does not hold the masks that these settings were made with" in capsys.readouterr().err


@pytest.mark.slow
def test_controls_keep_what_they_should(chosen: Path, data_root: Path, tmp_path: Path) -> None:
    plain = maskfile.read(chosen)
    runs = {}
    for control, source in (("shuffle", ["--masks", str(chosen)]), ("reinit", ["--masks", str(chosen)]),
                            ("invert", ["--method", "snip", "--prune", "0.8"])):  # fmt: skip
        assert typed(*command("train", data_root, tmp_path / control, "--control", control, *source)) == 0
        runs[control] = Folder(tmp_path / control)
        assert runs[control].read_config()["pruning"]["control"] == control
        assert f"control: {control}" in runs[control].file("report").read_text()
    shuffled, inverted = runs["shuffle"].read_masks(), runs["invert"].read_masks()
    assert {name: mask.sum() for name, mask in shuffled.items()} == {name: mask.sum() for name, mask in plain.items()}
    assert maskfile.digest(shuffled) != maskfile.digest(plain)
    assert maskfile.digest(runs["reinit"].read_masks()) == maskfile.digest(plain)
    assert sum(int(mask.sum()) for mask in inverted.values()) == sum(int(mask.sum()) for mask in plain.values())
    assert sum(int((inverted[name] & plain[name]).sum()) for name in plain) == 0
    weights = [run.read_model()[1]["head.weight"] for run in runs.values()]
    assert not np.allclose(weights[0], weights[1])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("prune -o masks.safetensors", "nothing is to be pruned"),
        ("prune --prune 0.9", "output"),
        ("prune --prune 0.9 -o masks.pt", "ends in .safetensors"),
        ("prune --prune 0.9 -o nowhere/masks.safetensors", "there is no folder 'nowhere'"),
        ("prune --prune 0.9 -o there.safetensors", "is there already"),
        ("prune --prune 0.9 -o m.safetensors --method magnitude --set pruning.rounds=3", "it has none"),
        ("prune --prune 0.9 -o m.safetensors --method force --set pruning.rounds=0", "greater than or equal to 1"),
        ("prune --prune 0.9 -o m.safetensors --method grasp --set pruning.samples_per_class=10", "are no classes"),
        ("prune --prune 0.9 -o m.safetensors --method erk --set pruning.scope=layer", "a share of its own"),
        ("prune --budget macs=97 -o m.safetensors", "did you mean macs=0.97, which keeps 97 %?"),
        ("prune --budget mac=0.1 -o m.safetensors", "Did you mean 'macs'?"),
        ("prune --budget macs=0.1 --prune 0.9 -o m.safetensors", "both say how much goes: give one of them"),
        ("prune --budget channels=0.1 -o m.safetensors", "counts channels: add --granularity channel"),
        ("prune --budget macs=0.1 --method gradual -o m.safetensors", "for masks chosen before training"),
        ("prune --budget macs=0.01 --granularity channel --method random -o m.safetensors", "give a budget above that"),
        ("prune --prune 0.9 --set pruning.floor=0.2 --method random -o m.safetensors", "floor=0.2 alone keeps"),
        ("train --budget macs=0.01 --granularity channel --method random", "give a budget above that"),
        ("train --masks MASKS --budget macs=0.1", "pruning.masks gives the masks, so drop pruning.budget"),
        ("train --masks there.safetensors", "empty or cut off"),
        ("train --masks absent.safetensors", "cannot be read"),
        ("train --masks .", "holds no masks.safetensors: give a pruned run"),
        ("prune --prune 0.9 -o .", "ends in .safetensors"),
        ("prune --prune ladder:200 -o m.safetensors", "is no step of the ladder"),
        ("prune --prune ladder:\u00b2 -o m.safetensors", "is no step of the ladder"),
        ("prune --prune 0.9 --method random --control reinit -o m.safetensors", "changes no masks"),
        ("prune --prune 0.9999 --method random -o m.safetensors", "remove less, exclude these layers, or give each"),
        ("train --masks MASKS --prune 0.9", "pruning.masks gives the masks, so drop pruning.ratio"),
        ("train --masks MASKS --method snip", "pruning.masks gives the masks, so drop pruning.method"),
        ("train --masks MASKS --control invert", "needs scores"),
        ("train --masks MASKS --set model.width=5", "the mask of 'down.0.0.weight'"),
        ("train --masks MASKS --set pruning.scope=layer", "'given' has no option 'scope'"),
        ("train --method given", "add --masks FILE"),
        ("train --control shuffle", "nothing is pruned"),
        ("train --control reinit --method lottery --prune 0.9", "its run with --masks RUN"),
        ("train --method rigl --prune 0.9 --set pruning.scope=layer", "'rigl' gives each layer a share of its own"),
        ("prune --method lottery --prune 0.9 -o m.safetensors", "lottery"),
        ("train --control shufle --prune 0.9", "shufle"),
        ("compare-masks MASKS absent", "cannot be read"),
    ],
)
def test_bad_input_is_answered_in_a_line_and_writes_nothing(
    words: str, said: str, chosen: Path, data_root: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.safetensors").touch()
    name, *rest = [str(chosen) if word == "MASKS" else word for word in words.split()]
    given = [word for assignment in TINY for word in ("--set", assignment)]
    assert typed(*[name, *rest] if name == "compare-masks" else [name, *given, "--data-root", data_root, *rest]) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert out == ""
    answer = err[err.index("cellprune: ") :]  # after what is under way until then
    assert len(answer.strip().splitlines()) <= 2
    assert [path.name for path in tmp_path.iterdir()] == ["there.safetensors"]
