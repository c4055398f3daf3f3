"""What a watcher of a run hears: the beginning, how far it is, and the end."""

import pytest

from cellprune.training.progress import Event, phase, unheard


class Heard:
    def __init__(self) -> None:
        self.events: list[tuple[str, Event]] = []

    def started(self, event: Event) -> None:
        self.events.append(("started", event))

    def advanced(self, event: Event) -> None:
        self.events.append(("advanced", event))

    def finished(self, event: Event) -> None:
        self.events.append(("finished", event))


def test_every_listener_hears_all_of_a_phase_in_order() -> None:
    first, second = Heard(), Heard()
    event = Event("data", total=7, message="reading", after_s=2.0)
    with phase([first, second], event) as tell:
        tell(1, 3)
        tell(3, 3)
    assert first.events == second.events
    assert [what for what, _ in first.events] == ["started", "advanced", "advanced", "finished"]
    assert [(e.done, e.total) for _, e in first.events] == [(0, 7), (1, 3), (3, 3), (0, 7)]
    assert {(e.phase, e.message, e.after_s) for _, e in first.events} == {("data", "reading", 2.0)}


def test_a_phase_that_fails_is_not_said_to_have_finished() -> None:
    heard = Heard()
    with pytest.raises(KeyError), phase([heard], Event("data")):
        raise KeyError
    assert [what for what, _ in heard.events] == ["started"]


def test_nobody_need_listen() -> None:
    with phase([], Event("data")) as tell:
        assert tell(1, 2) is None
    assert unheard(1, 2) is None
