"""The page on scoring shows what the command says of drawn cells."""

from pathlib import Path

import drawn_results
import pages
import pytest
import tifffile
from command_line import typed


def test_the_page_shows_what_the_command_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = pages.DOCS / "how-to/score.md"
    monkeypatch.chdir(tmp_path)
    for folder in ("my-cells/labels", "predicted/labels"):
        Path(folder).mkdir(parents=True)
    for at in drawn_results.WITH_GOLD:
        truth = drawn_results.discs(at)
        tifffile.imwrite(f"my-cells/labels/{at}.tif", truth)
        tifffile.imwrite(f"predicted/labels/{at}.tif", drawn_results.result(truth, at))
    command, *_ = pages.commands(page)
    assert typed(*command.split()[1:]) == 0
    (shown,) = pages.blocks(page, "text")
    assert capsys.readouterr().out == shown
