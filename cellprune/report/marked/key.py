"""What lines and marks mean, as small drawings for the key beside the pictures."""

from cellprune.report.marked.looks import HALO, TRUE, UNKNOWN, Colour, Look

_WIDTH, _HEIGHT = 46, 18
_BACK: Colour = (66, 72, 80)
_SHAPES = {
    "circle": '<circle cx="23" cy="9" r="5.5" {}/>',
    "diamond": '<path d="M23 2.5 29.5 9 23 15.5 16.5 9Z" {}/>',
    "cross": '<path d="M17 5 19 3 23 7 27 3 29 5 25 9 29 13 27 15 23 11 19 15 17 13 21 9Z" {}/>',
    "triangle": '<path d="M23 2.5 29.5 15 16.5 15Z" {}/>',
}


def error_swatch(look: Look) -> str:
    """Draw the line and the mark of an error, as SVG."""
    filled = f'fill="{_css(look.colour)}" stroke="{_css(TRUE)}" stroke-width="1.4"'
    return _svg(_line(HALO, 5), _line(look.colour, 3, look.dash_px), _SHAPES[look.shape].format(filled))


def line_swatch(colour: Colour, width_px: int) -> str:
    """Draw a plain line, as SVG."""
    return _svg(_line(colour, width_px))


def hatch_swatch() -> str:
    """Draw a hatched region, as SVG."""
    lines = (f"M{start} {_HEIGHT} {start + _HEIGHT} 0" for start in range(-_HEIGHT, _WIDTH, 10))
    return _svg(f'<path d="{"".join(lines)}" stroke="{_css(UNKNOWN)}" stroke-width="2.5"/>')


def _line(colour: Colour, width_px: int, dash_px: tuple[int, int] | None = None) -> str:
    dashed = f' stroke-dasharray="{dash_px[0]} {dash_px[1]}"' if dash_px else ""
    return f'<path d="M3 9H43" stroke="{_css(colour)}" stroke-width="{width_px}"{dashed} shape-rendering="crispEdges"/>'


def _svg(*parts: str) -> str:
    size = f'width="{_WIDTH}" height="{_HEIGHT}"'
    back = f'<rect {size} rx="4" fill="{_css(_BACK)}"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{back}{"".join(parts)}</svg>'


def _css(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
