"""Numbers as the page shows them."""

import pytest

from cellprune.report import formatting


@pytest.mark.parametrize(
    ("format", "value", "text"),
    [
        ("count", 0, "0"),
        ("count", 999, "999"),
        ("count", 1000, "1.00 k"),
        ("count", 999_600, "1.00 M"),
        ("count", 31_031_810, "31.0 M"),
        ("count", 48_100_000_000, "48.1 G"),
        ("count", None, "–"),
        ("file_size", 512, "512 B"),
        ("file_size", 4_718_592, "4.72 MB"),
        ("score", 0.93713, "0.9371"),
        ("score", None, "–"),
        ("share", 0.97, "97 %"),
        ("share", 0.00812, "0.812 %"),
        ("share", 1, "100 %"),
        ("share", 0, "0 %"),
        ("share", 0.99949, "99.9 %"),
        ("share", 0.99962, "99.96 %"),
        ("share", 1 - 1e-7, "> 99.999 %"),
        ("ratio", 0.99994, "99.99 %"),
        ("ratio", 0.99996, "99.996 %"),
        ("ratio", 1, "100 %"),
        ("p_value", 0.0234, "0.023"),
        ("p_value", 0.0002, "< 0.001"),
        ("p_value", None, "–"),
        ("share", None, "–"),
        ("milliseconds", 1203.4, "1203 ms"),
        ("milliseconds", 0.1234, "0.123 ms"),
        ("milliseconds", None, "–"),
        ("duration", 9.34, "9.3 s"),
        ("duration", 59.7, "1 min 0 s"),
        ("duration", 200, "3 min 20 s"),
        ("duration", 7500, "2 h 5 min"),
        ("duration", None, "–"),
    ],
)
def test_few_digits_and_a_unit(format: str, value: float | None, text: str) -> None:
    assert getattr(formatting, format)(value).replace("\u00a0", " ") == text


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("PhC-C2DH-U373", "PhC-C2DH-U373"),
        ("./my-cells/", "my-cells"),
        ("/home/lab/set 3/", "set 3"),
        ("C:\\data\\cells\\", "cells"),
        ("./", "./"),
    ],
)
def test_a_folder_is_named_by_its_last_part(name: str, shown: str) -> None:
    assert formatting.dataset(name) == shown
