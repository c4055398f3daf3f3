"""Numbers as a reader wants them: few digits, a unit, and a dash where there is none."""

from math import ceil, log10

DASH = "–"
_SPACE = "\u00a0"  # keeps a number and its unit on one line


def count(number: int | None) -> str:
    """Give "31.0 M" for 31031810."""
    if number is None:
        return DASH
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= 0.9995 * size:
            return f"{_three_digits(number / size)}{_SPACE}{unit}"
    return f"{number:g}"


def file_size(n_bytes: int | None) -> str:
    """Give "4.72 MB" for 4718592; a MB is 10^6 bytes."""
    return DASH if n_bytes is None else f"{count(n_bytes)}B" if n_bytes >= 1000 else f"{n_bytes}{_SPACE}B"


def score(value: float | None) -> str:
    """Give an IoU with the four digits that published tables have."""
    return DASH if value is None else f"{value:.4f}"


def difference(value: float | None) -> str:
    """Give a difference of two IoUs with its sign: "+0.0021", "−0.0300", "0.0000"."""
    if value is None:
        return DASH
    text = f"{value:+.4f}".replace("-", "−")
    return text if float(f"{value:.4f}") else "0.0000"


def share(value: float | None) -> str:
    """Give a share of 0..1 in percent, with three digits that count: "3 %", "0.812 %", "< 0.001 %", "99.97 %"."""
    if value is None:
        return DASH
    if 0 < value < 1e-5:
        return f"<{_SPACE}0.001{_SPACE}%"
    if 0.9995 <= value < 1:
        return _nearly_all(value)
    return f"{_three_digits(100 * value, trim=True)}{_SPACE}%"


def ratio(value: float) -> str:
    """Give a share that is removed with four digits, so that 99.80 % and 99.86 % stay apart: "96.88 %", "50 %"."""
    return _nearly_all(value) if 0.99995 <= value < 1 else f"{100 * value:.4g}{_SPACE}%"


def p_value(value: float | None) -> str:
    """Give a probability: "0.023", "< 0.001"."""
    return DASH if value is None else f"{value:.3f}" if value >= 0.001 else f"<{_SPACE}0.001"


def milliseconds(value: float | None) -> str:
    """Give "12.3 ms"."""
    return DASH if value is None else f"{_three_digits(value)}{_SPACE}ms"


def duration(seconds: float | None) -> str:
    """Give "41 s", "3 min 20 s", "2 h 5 min"."""
    if seconds is None:
        return DASH
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{rest} s"
    hours, minutes_left = divmod(minutes, 60)
    return f"{hours} h {minutes_left} min" if hours else f"{minutes} min {rest} s"


def dataset(name: str) -> str:
    """Name a data set for a title: a folder by its last part, for its path stands among the settings."""
    return name.rstrip("/\\").replace("\\", "/").rpartition("/")[2].lstrip(".") or name


def _nearly_all(share: float) -> str:
    """Give a share in just so many digits that nobody takes it for all: "99.97 %", "> 99.999 %"."""
    if share > 1 - 1e-5:
        return f">{_SPACE}99.999{_SPACE}%"
    missing = 100 * (1 - share)
    return f"{round(100 * share, ceil(-log10(missing))):.5g}{_SPACE}%"


def _three_digits(value: float, *, trim: bool = False) -> str:
    text = f"{value:.0f}" if abs(value) >= 999.5 else f"{value:#.3g}".rstrip(".")
    return text.rstrip("0").rstrip(".") if trim and "." in text and "e" not in text else text
