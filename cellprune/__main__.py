"""The program `cellprune`, also as `python -m cellprune`: small, so that Ctrl-C is answered from its first moment."""

from __future__ import annotations

import signal
import sys

TYPE_CHECKING = False  # as `typing.TYPE_CHECKING`, which takes a moment to load
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn


def main() -> None:
    """Run the command line and leave the process with its exit code."""
    heard: list[int] = []

    def hear(number: int, frame: FrameType | None) -> NoReturn:
        heard.append(number)  # a library that is just being loaded may make another error of what follows
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a job in the background is deaf to it
        signal.signal(signal.SIGINT, hear)
    try:
        from cellprune.cli.main import main as run

        run(heard=heard)
    except KeyboardInterrupt:  # while that was imported, or a second one while the first was answered
        _leave("interrupted; nothing is half-written", 130)
    except (ImportError, MemoryError, OSError) as error:  # of the import: what comes later is answered there
        _leave(f"cannot start ({' '.join(str(error).split()) or 'no memory'}): free memory, or install it again", 1)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # nothing is left that Ctrl-C could interrupt with a traceback


def _leave(message: str, code: int) -> NoReturn:
    try:
        print(f"cellprune: {message}", file=sys.stderr, flush=True)
    finally:
        sys.exit(code)


if __name__ == "__main__":
    main()
