"""Work in a thread beside the window: a button that starts it, one that cancels it, and how far it is."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Generic, Protocol, TypeVar

from magicgui.widgets import Container, Label, ProgressBar, PushButton
from napari.qt.threading import FunctionWorker, create_worker
from napari.utils.notifications import show_error
from qtpy.QtCore import QObject, Signal

from cellprune.errors import CellpruneError
from napari_cellprune.predicting import IsStopped, Stopped, Tell

_T = TypeVar("_T")
_Made = TypeVar("_Made", covariant=True)
_STEPS = 1000  # of the bar


class Task(Protocol[_Made]):
    """What is done in the thread."""

    def __call__(self, *, tell: Tell, is_stopped: IsStopped) -> _Made:
        """Do it; raises `Stopped` where that is asked for."""
        ...


@dataclass(frozen=True)
class _Refusal:
    """Why nothing comes of it; an error itself would be raised once more on its way into the window."""

    message: str


class _Teller(QObject):
    """Carries what a thread tells into the thread of the window."""

    told = Signal(float, str)


class Work(Container, Generic[_T]):
    """Starts one task at a time.

    Args:
        title: of the button.
        task: gives what is to be done, as the window stands; refuses by a CellpruneError.
        show: is given what comes of it. Of work that was cancelled or refused nothing comes.
    """

    def __init__(self, title: str, task: Callable[[], Task[_T]], show: Callable[[_T], None]) -> None:
        self.button = PushButton(text=title)
        self.cancel = PushButton(text="Cancel", enabled=False)
        self.bar = ProgressBar(min=0, max=_STEPS, value=0, label=" ")
        self.said = Label(value="")
        self.said.native.setWordWrap(True)
        buttons = Container(widgets=[self.button, self.cancel], layout="horizontal", labels=False)
        super().__init__(widgets=[buttons, self.bar, self.said], labels=False)
        self._task, self._show = task, show
        self._worker: FunctionWorker | None = None
        self._teller = _Teller()
        self._teller.told.connect(self._tell)
        self.button.clicked.connect(self.start)
        self.cancel.clicked.connect(self.stop)
        self.native.destroyed.connect(self._leave)

    def start(self) -> None:
        """Begin, unless something stands in the way: then that is told."""
        try:
            task = self._task()
        except CellpruneError as error:
            show_error(str(error))
            return
        worker = create_worker(_outcome, task, self._teller.told.emit, self._is_stopped, _start_thread=False)
        worker.returned.connect(self._take)
        worker.errored.connect(self._fail)
        worker.finished.connect(partial(self._end, worker))
        self._worker = worker
        self.button.enabled, self.cancel.enabled = False, True
        worker.start()

    def stop(self) -> None:
        """Ask the task to stop; it does after its next tile."""
        if self._worker is not None:
            self._worker.quit()
            self.said.value = "stopping ..."

    def _is_stopped(self) -> bool:
        """Tell it to the thread; napari, too, stops what is at work when it is closed."""
        worker = self._worker
        return worker is None or worker.abort_requested

    def _tell(self, share: float, message: str) -> None:
        if not self._is_stopped():
            self.bar.value, self.said.value = round(share * _STEPS), message

    def _take(self, outcome: "_T | _Refusal | None") -> None:
        """Show what came of it; of work that was told to stop nothing is returned."""
        if self._is_stopped():
            return
        self._rest("")
        if isinstance(outcome, _Refusal):
            show_error(outcome.message)
        elif outcome is not None:
            self._show(outcome)

    def _fail(self, error: Exception) -> None:
        """Begin anew after an error of the program's, which napari tells."""
        if self._worker is not None:
            self._rest("")

    def _end(self, worker: FunctionWorker) -> None:
        """Begin anew after work that was told to stop."""
        if self._worker is worker:
            self._rest("cancelled: the layers are as they were")

    def _rest(self, message: str) -> None:
        self._worker = None
        self.button.enabled, self.cancel.enabled = True, False
        self.bar.value, self.said.value = 0, message

    def _leave(self) -> None:
        """Stop for a window that is closed: there is nobody to show anything to."""
        if self._worker is not None:
            self._worker.quit()
            self._worker = None


def _outcome(task: Task[_T], tell: Tell, is_stopped: IsStopped) -> "_T | _Refusal | None":
    """Do it; give what a user did wrong for an answer, since napari would show where in the code it was found."""
    try:
        return task(tell=tell, is_stopped=is_stopped)
    except Stopped:
        return None
    except CellpruneError as error:
        return _Refusal(str(error))
