"""Text made fit to be shown: nothing from outside breaks a line or is obeyed by a terminal, and it ends."""

from reprlib import Repr

MESSAGE_LIMIT = 1500  # characters of a message; the longest of ours, which lists names, has half of it
VALUE_LIMIT = 120  # characters of one value in it

_SHORT = Repr()
_SHORT.maxstring = _SHORT.maxother = VALUE_LIMIT
_SHORT.maxlevel, _SHORT.maxdict = 2, 6


def printable(text: str) -> str:
    """Write what would break a line, steers a terminal or the direction of writing, or is no text, as an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def spoken(line: str) -> str:
    """Write a line for people: `printable`, and the spaces that a page does not break at as plain ones."""
    return printable(line.replace("\u00a0", " "))  # those are no letters of ASCII consoles


def shortened(text: str, limit: int = MESSAGE_LIMIT) -> str:
    """Cut what is longer than `limit` out of a text's middle: what it begins and what it ends with stay."""
    tail = limit // 3
    return text if len(text) <= limit else f"{text[: limit - tail - 3]} … {text[-tail:]}"


def many(n: int, noun: str) -> str:
    """Give "1 epoch", "2 epochs"."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def quoted(value: object) -> str:
    """Give a value as Python writes it, but short, however large, nested or odd it is."""
    if isinstance(value, int) and value.bit_length() > 8 * VALUE_LIMIT:
        return f"a number of {value.bit_length():,} bits"  # Python refuses to write one of more than 4,300 digits
    return shortened(printable(_SHORT.repr(value)), VALUE_LIMIT)


def reason(error: BaseException) -> str:
    """Give what an error of a library says, on one line; its kind where it says nothing."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    said = " ".join(shortened(text).split()) or type(error).__name__
    return shortened(printable(said), 2 * VALUE_LIMIT)
