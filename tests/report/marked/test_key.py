"""The key draws every error as the pictures do: a colour, a line and a shape of its own."""

import re
import xml.etree.ElementTree as ET

from cellprune.report.marked.key import error_swatch, hatch_swatch, line_swatch
from cellprune.report.marked.looks import LOOKS, TRUE


def test_no_two_errors_look_alike_in_colour_line_or_shape() -> None:
    for of in ("colour", "dash_px", "shape"):
        assert len({getattr(look, of) for look in LOOKS.values()}) == len(LOOKS)


def test_swatches_are_svg_with_the_colours_and_lines_of_the_pictures() -> None:
    for look in LOOKS.values():
        svg = error_swatch(look)
        ET.fromstring(svg)
        assert "#{:02x}{:02x}{:02x}".format(*look.colour) in svg
        dashes = re.findall('stroke-dasharray="([^"]+)"', svg)
        assert dashes == ([] if look.dash_px is None else ["{} {}".format(*look.dash_px)])
    assert len({error_swatch(look) for look in LOOKS.values()} | {line_swatch(TRUE, 1), hatch_swatch()}) == 6
