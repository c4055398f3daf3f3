"""What the tests of the search share."""

import pytest


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write no real page: drawing takes longer than all the rest."""
    monkeypatch.setattr("cellprune.search.tell.page.write", lambda path, answer: path.write_text("drawn"))
