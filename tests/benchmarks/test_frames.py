"""What predicting takes: frames are timed one by one, and the page shows what was kept of it."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pages
import tifffile
from lab_engines import Bright, spots

from cellprune.lab.inputs import find


def test_all_frames_but_the_first_are_timed(benchmark: Callable[[str], ModuleType], tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "film.tif", np.stack([spots()] * 3), photometric="minisblack")
    images = find([str(tmp_path)])[0]
    took = benchmark("frames")._frames(Bright(), images, decoder="components", overlays=False)
    assert len(took) == 2
    assert min(took) > 0


def test_the_page_shows_what_is_kept() -> None:
    kept = json.loads((pages.DOCS / "measurements/frames.json").read_text(encoding="utf-8"))
    page = (pages.DOCS / "results/milliseconds.md").read_text(encoding="utf-8")
    for name in ("before", "after"):
        for row in kept[name]:
            assert (f"{row['fps']:.1f}" if "fps" in row else f"{row['ms']:.1f}") in page, row
    for row in kept["native"]:
        assert f"{row['ms']:.0f}" in page, row
    assert all(f"{kept['start_s'][name]:.2f}" in page for name in ("before", "after"))
