"""The spread of differences that finished runs show."""

from collections.abc import Callable

import numpy as np
from finished_run import edited

from cellprune.config.load import recorded
from cellprune.config.names import resolve
from cellprune.runs.folder import Folder
from cellprune.search.tell.measured import spread_in

METRIC = resolve("results", "segmentation").metric


def test_pairs_of_runs_tell_the_spread(make_run: Callable[..., Folder]) -> None:
    rng = np.random.default_rng(0)
    folders = []
    for seed in range(3):
        for ratio in (0.0, 0.9, 0.97):
            folder = make_run(f"{seed} {ratio}", ratio=ratio, n_images=4, seed=seed)
            with edited(folder, "scores") as scores:
                for counted in (counted for image in scores["images"] for counted in image["classes"]):
                    counted["intersection"] = int(counted["union"] * rng.uniform(0.8, 0.9))
            folders.append(folder)
    runs, config = folders[0].path.parent, folders[0].read_config()
    settings = recorded(config)
    found = spread_in(runs, settings, METRIC)
    assert found is not None
    assert (found.n_frames, found.n_seeds) == (4, 3)
    assert 0.005 < found.spread.rest < 0.1
    other = settings.model_copy(update={"model": settings.model.model_copy(update={"width": 8})})
    assert spread_in(runs, other, METRIC) is None
    assert spread_in(runs / "none", settings, METRIC) is None
    folders[0].file("scores").write_text("{")
    assert spread_in(runs, settings, METRIC) is None, "a damaged run tells nothing, and is no reason to stop"
