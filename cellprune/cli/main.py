"""`cellprune COMMAND`: finds the command, and turns errors into one line and an exit code.

0 done, 1 failed during the work, 2 refused before any work, 130 Ctrl-C. Nothing heavy is imported here.
"""

import logging
import shlex
import sys
from collections.abc import Sequence
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter
from docstring_parser.attrdoc import AttributeDocstrings
from pydantic import ValidationError

from cellprune.cli import compare_masks, data, evaluate, predict, prune, report, search, train
from cellprune.cli.streams import speak_plainly
from cellprune.config.load import faults
from cellprune.errors import CellpruneError


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
app.command(train.train)
app.command(prune.prune)
app.command(compare_masks.compare_masks)
app.command(evaluate.evaluate)
app.command(predict.predict)
app.command(report.report)
app.command(search.search_max_ratio, name="search-max-ratio")
app.command(data.app)


@app.meta.default
def _launch(
    *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    debug: Annotated[bool, Parameter(negative="", help="show the traceback of an error")] = False,
) -> int:
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.root.handlers[0].setLevel(logging.WARNING)  # what is less goes to the run's own log
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # of a damaged file our own line tells
    try:
        result = app(tokens, exit_on_error=False, print_error=False, result_action="return_value")
    except Exception as error:
        if debug:
            raise
        message, code = _explained(error)
        print(f"cellprune: {message}", file=sys.stderr)
        return code
    return result if isinstance(result, int) else 0


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave the process with its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    speak_plainly()
    try:
        sys.exit(app.meta(words, result_action="return_value") or 0)
    except KeyboardInterrupt:
        print(f"\ncellprune: interrupted; {_resumption(words)}", file=sys.stderr)
        sys.exit(130)


def _explained(error: Exception) -> tuple[str, int]:
    """Give the one line (two with nearest names) and the exit code for an error."""
    if isinstance(error, CellpruneError):
        return str(error), error.exit_code
    if isinstance(error, CycloptsError):
        if isinstance(error.__cause__, ValidationError):
            return faults(error.__cause__), 2
        return " ".join(str(error).split()), 2
    if isinstance(error, ModuleNotFoundError) and not str(error.name).startswith("cellprune"):
        return f"this command needs {error.name}, which is not installed: pip install 'cellprune[train]'", 2
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename or 'no file named'}; what was complete stays", 1
    reason = " ".join(str(error).split()) or type(error).__name__
    return f"unexpected {type(error).__name__}: {reason} (run it again with --debug for the traceback)", 1


def _resumption(words: Sequence[str]) -> str:
    if words[:1] == ["predict"]:
        return "images that are done are kept, go on with the same command"
    if words[:1] not in (["train"], ["search-max-ratio"]):
        return "nothing is half-written"
    again = [*words, *([] if "--resume" in words else ["--resume"])]
    return f"the last complete epoch is kept, go on with: cellprune {shlex.join(again)}"


if __name__ == "__main__":
    main()
