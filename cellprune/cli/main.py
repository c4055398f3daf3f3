"""`cellprune COMMAND`: finds the command, and turns errors into one line and an exit code.

0 done, 1 failed during the work, 2 refused before any work, 130 Ctrl-C, 141 the reader of the output went away. Nothing
heavy is imported here.
"""

import logging
import os
import shlex
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter
from docstring_parser.attrdoc import AttributeDocstrings
from pydantic import ValidationError

from cellprune.cli.terminal import listening, speak_plainly, tell
from cellprune.errors import CellpruneError
from cellprune.machine import environment
from cellprune.wording import printable, reason

# what libraries say where the system gives no more memory, no more threads, or has no room for one more library
_SCARCE = ("can't start new thread", "can't allocate memory", "cannot allocate memory", "out of memory",
           "failed to map segment", "resource temporarily unavailable")  # fmt: skip


def _version() -> str:
    from importlib.metadata import version

    return version("cellprune")


# cyclopts would also look for the help of settings in the source of their classes, which takes longer than all the rest
# of a help page; ours stands in their fields
AttributeDocstrings.get_attr_docs = lambda self, component: {}  # type: ignore[method-assign]

app = App(
    name="cellprune",
    help="Cell segmentation with networks pruned once, at random initialization.",
    version=_version,
    help_format="plaintext",
    default_parameter=Parameter(negative_iterable=""),
    suppress_keyboard_interrupt=False,  # `main` says how to go on
)
app.meta.suppress_keyboard_interrupt = False
# by name: a command is loaded when it is the one, so that predicting need not wait for what training reads; the page
# that lists them has this order: a run and its cells, a run as a file, what compares, and data
_COMMANDS = {
    "train": "train:train", "pretrain": "pretrain:pretrain", "evaluate": "evaluate:evaluate", "tune": "tune:tune",
    "predict": "predict:predict", "merge": "merge:merge", "track": "track:track", "score": "score:score",
    "compact": "compact:compact", "export": "export:export", "bench": "bench:bench",
    "report": "report:report", "prune": "prune:prune", "compare-masks": "compare_masks:compare_masks",
    "search-max-ratio": "search:search_max_ratio", "sweep": "sweep:sweep", "reproduce": "reproduce:reproduce",
    "data": "data:app",
}  # fmt: skip
for _order, (_name, _command) in enumerate(_COMMANDS.items()):
    app.command(f"cellprune.cli.{_command}", name=_name, sort_key=_order)


@app.meta.default
def _launch(
    *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    debug: Annotated[bool, Parameter(negative="", help="show the traceback of an error")] = False,
) -> int:
    for reader in ("tifffile", "imagecodecs"):  # of a damaged file our own line tells
        logging.getLogger(reader).setLevel(logging.CRITICAL)
    with listening():
        said = [*environment.settle(), *environment.strangers()]
        for line in said if os.environ.get("RANK", "0") == "0" else ():  # one of several processes speaks for all
            logging.getLogger("cellprune").warning(line)
        result = app(tokens, exit_on_error=False, print_error=False, result_action="return_value")
    return result if isinstance(result, int) else 0


def main(arguments: Sequence[str] | None = None, *, heard: Sequence[int] = ()) -> None:
    """Run the command line and leave the process with its exit code.

    Args:
        arguments: the words after the program's name; None for those of this process.
        heard: signals that came so far. A library that is just being loaded may make any error of an interrupt.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    speak_plainly()
    try:
        if not words or words[0] in app.help_flags:
            _load_commands()
        elif not words[0].startswith("-") and words[0] not in [*app]:
            words = words[:1]  # no command: the line that says so is of more help than the page of all commands
        code = app.meta(words, exit_on_error=False, print_error=False, result_action="return_value") or 0
        if sys.stdout is not None:  # as where the shell closed it
            sys.stdout.flush()
    except SystemExit as leaving:  # as rich does where nobody reads its output any more
        code = 141 if isinstance(leaving.__context__, BrokenPipeError) else leaving.code
    except (Exception, KeyboardInterrupt) as error:
        interrupted = bool(heard) or isinstance(error, KeyboardInterrupt)
        if "--debug" in words and not interrupted:
            raise
        message, code = (f"interrupted; {_resumption(words)}", 130) if interrupted else _explained(error)
        with suppress(OSError):  # where nobody can be told, the code still says it
            if interrupted and sys.stderr is not None and sys.stderr.isatty():
                print(file=sys.stderr)  # which shows ^C in the line that was begun
            tell(*f"cellprune: {message}".split("\n") if message else ())
    _abandon_output()
    sys.exit(code)


def _load_commands() -> None:
    """Load every command: the page that lists them says what each is for."""
    for name in [name for name in app if not name.startswith("-")]:
        app[name]


def _abandon_output() -> None:
    """Send to nowhere what could not be written: Python would try once more, and complain, as it ends."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            with suppress(OSError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, stream.fileno())


def _explained(error: BaseException) -> tuple[str, int]:
    """Give the one line (two with nearest names, none where nobody reads) and the exit code for an error."""
    if isinstance(error, BrokenPipeError):  # `| head` has read enough: all tools end there without a word
        return "", 141
    if isinstance(error, CellpruneError):
        return str(error), error.exit_code
    if isinstance(error, CycloptsError):
        if isinstance(error.__cause__, ValidationError):
            from cellprune.config.load import faults

            return faults(error.__cause__), 2
        from cellprune.cli.grammar import said

        return said(error), 2
    if isinstance(error, ModuleNotFoundError) and not str(error.name).startswith("cellprune"):
        return f"this command needs {error.name}, which is not installed: pip install 'cellprune[train]'", 2
    if isinstance(error, MemoryError) or any(said in str(error).lower() for said in _SCARCE):
        return (
            f"the system gives no more memory or threads ({reason(error)}): free some, raise the limit ('ulimit -a' "
            "shows it), or ask for less; what was complete stays"
        ), 1
    if isinstance(error, OSError) and error.strerror:
        where = printable(str(error.filename)) if error.filename else "the output"
        return f"{error.strerror}: {where}; what was complete stays", 1
    return f"unexpected {type(error).__name__}: {reason(error)} (run it again with --debug for the traceback)", 1


def _resumption(words: Sequence[str]) -> str:
    if words[:1] == ["predict"]:
        return "images that are done are kept, go on with the same command"
    trains = words[:1] in (["train"], ["pretrain"], ["search-max-ratio"], ["sweep"], ["reproduce"])
    if not trains or "--dry-run" in words:
        return "nothing is half-written"
    again = [*words, *([] if "--resume" in words else ["--resume"])]
    return f"the last complete epoch is kept, go on with: cellprune {shlex.join(again)}"


if __name__ == "__main__":
    main()
