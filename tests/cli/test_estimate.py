"""How long a training takes is said once, after two steps."""

import pytest

from cellprune.cli import estimate
from cellprune.training.progress import Event


@pytest.mark.parametrize(
    ("first", "step_s", "said"), [(0, 3.0, "8 min 54 s: 180 steps of 3.0 s"), (60, 0.2, "24 s"), (0, 0.05, "")]
)
def test_the_second_step_says_how_long_all_take(
    first: int, step_s: float, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    monkeypatch.setattr(estimate, "monotonic", lambda: now[0])
    watcher = estimate.Estimate()
    watcher.started(Event("scoring", message="scoring"))
    watcher.advanced(Event("scoring", 1, 9))
    watcher.started(Event("training", first, 180, epochs=3))
    now[0] += 60  # the first step sets the memory up
    for done in range(first + 1, 181):
        watcher.advanced(Event("training", done, 180, 1, 3))
        now[0] += step_s
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == bool(said)
    assert said in "".join(lines)
