"""Earlier looks stand."""

from pathlib import Path

import pytest
from simulated_searches import ASKED, Rehearsal, searched

from cellprune.report.formatting import ratio as as_ratio
from cellprune.search.tell.answer import Claimed
from cellprune.search.tell.conclusion import conclusion
from cellprune.search.tell.page import write as draw
from cellprune.search.tell.scope import scope

pytestmark = pytest.mark.usefixtures("undrawn")


def test_what_an_earlier_look_showed_stands_at_the_same_margin(tmp_path: Path) -> None:
    output = tmp_path / "search"
    before = searched(output, Rehearsal())
    hopeless = {f"confirm {ratio:g} seed 2000 fold 0" for ratio in before.grid}
    wider = ASKED.model_copy(update={"high": 0.99})
    found = searched(output, Rehearsal(hopeless=hopeless), wider)
    assert (found.verdict, found.ratio) == ("not shown", None)
    assert found.claimed == Claimed(before.ratio, 1)
    assert conclusion(found).startswith("Not shown")
    much = f"{as_ratio(before.ratio)} of the weights removed"
    stands = f"What test round 1 showed stands: with {much}, the network is not worse"
    assert stands in conclusion(found)
    assert "Such a claim is false with a probability of 0.05 at most" in scope(found)
    draw(tmp_path / "page.html", found)
    assert "shown by test round 1" in (tmp_path / "page.html").read_text()
    stricter = searched(output, Rehearsal(), wider.model_copy(update={"margin": 1e-6}))
    assert (stricter.look, stricter.claimed) == (3, None)
