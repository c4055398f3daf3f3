"""Whatever a file is called, and whatever the console knows: it is printed, and nothing fails for a sign."""

import io
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from command_line import typed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data set whose names are no text, and one image without labels."""
    place = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xb5m \xc3\xbc"))
    for part in ("images", "labels"):
        (place / part).mkdir(parents=True)
        for at in range(3 if part == "images" else 2):
            pixels = np.zeros((20, 24), np.uint8)
            pixels[4:9, 4:9] = at + 1
            tifffile.imwrite(tmp_path / "x.tif", pixels)
            os.rename(tmp_path / "x.tif", os.fsencode(place / part) + b"/caf\xe9\xc3\xbc%d.tif" % at)
    return place


@pytest.mark.skipif(os.name == "nt" or sys.platform == "darwin", reason="names are text there")
@pytest.mark.parametrize("encoding", ["ascii", "utf-8", "latin-1"])
def test_names_that_are_no_text_are_printed_on_any_console(
    folder: Path, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    consoles = {name: io.TextIOWrapper(io.BytesIO(), encoding=encoding) for name in ("stdout", "stderr")}
    for name, console in consoles.items():
        monkeypatch.setattr(sys, name, console)
    assert typed("data", "check", folder) == 0
    assert typed("data", "check", folder / "nowhere") == 2
    assert typed("data", "check", folder, "--json") == 0
    for console in consoles.values():
        console.flush()
    said = consoles["stdout"].buffer.getvalue().decode(encoding)
    assert r"1 of 3 images have no labels and are not used (but with --teacher): caf\udce9" in said
    assert json.loads(said.splitlines()[-1])["frames"] == 3
    assert r"\udcb5m" in consoles["stderr"].buffer.getvalue().decode(encoding)
