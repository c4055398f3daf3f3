"""What an earlier call left of a run: its settings, whatever version wrote them."""

from collections.abc import Callable

import pytest

from cellprune.config.load import ConfigError
from cellprune.experiment import earlier
from cellprune.runs.folder import Folder


def test_the_settings_of_a_run_are_complete_or_refused_with_their_file(make_run: Callable[..., Folder]) -> None:
    run = make_run()
    content = run.read_config()
    content["data"].pop("normalization", None)  # as older runs do not say it
    run.write_config(content)
    assert earlier.settings_of(run).data.normalization == "standard"
    run.write_config({**content, "seed": "many"})
    with pytest.raises(ConfigError, match=r"config\.yaml: seed: .*whole number"):
        earlier.settings_of(run)
