"""Worker processes on this machine: each at the other end of a pipe, which no other user can reach.

Nothing listens on a port, so nobody has to be kept out. A worker that dies is started again, and its job begins anew
with the next free one, from the state that it left. Workers end with the process that started them.
"""

import logging
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing import connection, get_context
from multiprocessing.connection import Connection

from cellprune.campaign.job import Job, Report
from cellprune.campaign.train import train
from cellprune.errors import CellpruneError, WorkError
from cellprune.machine.processes import deaf_to_interrupts, end_with_parent, environment

_LIVES = 3  # a job that ends so many workers is at fault itself


class Worker:
    """One process, which does one job after the other; started at once, and again when it has died."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._start()

    def _start(self) -> None:
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        with theirs, environment(self._variables):
            self._process = context.Process(target=_work, args=(theirs,))
            self._process.start()

    def _start_again(self) -> None:
        self.stop()
        with deaf_to_interrupts():
            self._start()

    def give(self, job: Job) -> None:
        """Let it do a job; one that died while it was idle is replaced first."""
        try:
            self._pipe.send(job)
        except OSError:
            self._start_again()
            self._pipe.send(job)

    @property
    def pipe(self) -> Connection:
        """Ready for `connection.wait` when there is an answer, or never will be one."""
        return self._pipe

    def answer(self) -> Report | CellpruneError | None:
        """Give what came of the job; None when the process died over it, and a new one was started."""
        try:
            answer: Report | CellpruneError = self._pipe.recv()
        except (EOFError, OSError):
            self._start_again()
            return None
        return answer

    def stop(self) -> None:
        """End the process: what it trains is kept up to the last epoch, whenever it ends."""
        self._pipe.close()
        self._process.kill()
        self._process.join()


@contextmanager
def opened(environments: Sequence[Mapping[str, str]]) -> Iterator[list[Worker]]:
    """Start a worker for each environment, what it sees beside this process's; end them all at the end."""
    with ExitStack() as ended:
        workers = []
        with deaf_to_interrupts():
            for variables in environments:
                workers.append(Worker(variables))
                ended.callback(workers[-1].stop)
        yield workers


def spread(workers: Sequence[Worker], jobs: Iterable[Job]) -> Iterator[tuple[Job, Report]]:
    """Keep every worker busy; a job is taken only when a worker is free for it.

    Raises:
        CellpruneError: a worker was refused what every other would be refused, too.
    """
    waiting, lost, deaths = iter(jobs), deque[Job](), Counter[str]()
    busy: dict[Worker, Job] = {}
    try:
        while True:
            for worker in [worker for worker in workers if worker not in busy]:
                job = lost.popleft() if lost else next(waiting, None)
                if job is None:
                    break
                worker.give(job)
                busy[worker] = job
            if not busy:
                return
            [ready, *_] = connection.wait([worker.pipe for worker in busy])
            [worker] = [worker for worker in busy if worker.pipe is ready]
            answer, job = worker.answer(), busy.pop(worker)
            if isinstance(answer, CellpruneError):
                raise answer
            if answer is not None:
                yield job, answer
                continue
            deaths[job.key] += 1
            if deaths[job.key] < _LIVES:
                lost.append(job)
            else:
                yield job, Report("crashed", reason=f"its worker was lost {_LIVES} times; was memory short?")
    finally:
        for worker in busy:
            worker.stop()  # nobody asks any more; it is started again with its next job


def _work(pipe: Connection) -> None:
    """Do the jobs that come through the pipe, in a process of its own."""
    end_with_parent()
    logging.basicConfig(format="%(message)s")
    logging.root.handlers[0].setLevel(logging.ERROR)  # the rest stands in the logs of the runs
    while True:
        try:
            job = pipe.recv()
        except EOFError:
            return
        try:
            answer: Report | CellpruneError = train(job)
        except WorkError as error:
            answer = WorkError(str(error))  # of the kinds below some need more than their message to be made again
        except CellpruneError as error:
            answer = CellpruneError(str(error))
        pipe.send(answer)
