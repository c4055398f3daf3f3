"""What a search is about: which frames, and what would do where they are too few."""

from pathlib import Path

import pytest

from cellprune.config.load import load
from cellprune.config.search import Search
from cellprune.errors import CellpruneError
from cellprune.search import frames

COMPLETE = ["pruning.ratio=0.5", "data.truth=complete"]
FEW = [*COMPLETE, "data.holdout=0.1"]


def test_folds_that_are_named_are_counted_without_what_a_policy_drops(data_root: Path) -> None:
    with pytest.raises(CellpruneError, match="take --cv 5, which counts 17 annotated frames, each once"):
        frames.look(load(assignments=FEW), Search(), data_root)
    found = frames.look(load(assignments=FEW), Search(cv=5), data_root)
    assert (found.n_report, len(found.select_by_fold), found.n_select) == (17, 5, sum(found.select_by_fold))


@pytest.mark.slow
def test_folds_that_are_named_can_be_had(real_root: Path) -> None:
    asked = load(assignments=[*COMPLETE, "data.dataset=DIC-C2DH-HeLa"])
    with pytest.raises(CellpruneError, match=r"--cv 5: .* leaves no frame in the part 'report'"):
        frames.look(asked, Search(cv=5), real_root)
    with pytest.raises(CellpruneError, match="take --cv 4, which counts 10 annotated frames, each once"):
        frames.look(asked, Search(), real_root)
    assert frames.look(asked, Search(cv=4), real_root).n_report == 10
