"""The question: what tells two searches apart, where one lies, and what cannot be asked."""

from dataclasses import replace
from pathlib import Path

import pytest
from simulated_searches import ASKED, question

from cellprune.config.load import load
from cellprune.config.search import Search
from cellprune.errors import CellpruneError
from cellprune.search.question import Workspace, ask

TINY = ["data.size=[32, 32]", "model.width=4", "model.depth=1", "pruning.method=snip", "pruning.ratio=0.5"]


def test_a_search_is_told_by_what_all_its_trials_share() -> None:
    asked = question(Path("search"))
    settings = asked.settings
    for same in (
        replace(asked, search=ASKED.model_copy(update={"margin": 0.01, "seeds": 9, "controls": True})),
        replace(asked, settings=settings.model_copy(update={"seed": 7})),
        replace(
            asked, settings=settings.model_copy(update={"pruning": settings.pruning.model_copy(update={"ratio": 0.5})})
        ),
        replace(asked, output=Path("elsewhere")),
    ):
        assert same.identity == asked.identity
    for other in (
        replace(asked, search=ASKED.model_copy(update={"cv": 2})),
        replace(asked, frames=replace(asked.frames, sha256="e" * 64)),
        replace(asked, settings=load(assignments=["training.epochs=3"])),
    ):
        assert other.identity.digest != asked.identity.digest
        assert asked.identity.changes(other.identity)


def test_a_search_without_an_output_has_a_folder_of_its_own(
    data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = ask(load(assignments=TINY), Search(), Workspace(data_root=data_root))
    assert asked.output == Path("searches") / f"simulated_unet_snip_weights_{asked.identity.digest[:8]}"
    with pytest.raises(CellpruneError, match="--runs out/runs lies in --output out, which holds a search and nothing"):
        ask(load(assignments=TINY), Search(), Workspace(Path("out/runs"), Path("out"), data_root))
    assert not list(tmp_path.iterdir()), "asking writes nothing"
