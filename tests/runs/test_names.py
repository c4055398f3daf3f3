"""Run names say what a run was made of and are safe on any file system."""

from pathlib import PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellprune.runs.names import file_safe, portable, run_name


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (("PhC-C2DH-U373", "unet", "prospr", "0.97", 0), "PhC-C2DH-U373_unet_prospr-0.97_s0_01234567"),
        (("simulated", "unet", "dense", "0", 3), "simulated_unet_dense-0_s3_01234567"),
        (("simulated", "unet", "snip", "0.1-macs-kept", 0), "simulated_unet_snip-0.1-macs-kept_s0_01234567"),
        (("./my cells/day 1/", "unet", "snip", "0.9", 0), "day-1_unet_snip-0.9_s0_01234567"),
        (("C:\\cells\\żółw*?", "unet", "snip", "0.9", 0), "żółw_unet_snip-0.9_s0_01234567"),
        (("..", "smp:Unet/resnet18", "snip", "0.9", 0), "unnamed_smp-Unet-resnet18_snip-0.9_s0_01234567"),
    ],
)
def test_names_as_documented(parts: tuple[str, str, str, str, int], name: str) -> None:
    assert run_name(*parts, digest="0123456789abcdef") == name


@given(st.text(max_size=80))
def test_any_text_becomes_a_plain_file_name(text: str) -> None:
    safe = file_safe(text)
    assert safe
    assert len(safe) <= 40
    assert not set(safe) & set('/\\:*?"<>| \n\t\0')
    assert not safe.startswith((".", "-"))


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("well A_żółw 7.b", "well A_żółw 7.b"), ("2026-11-30 12:30", "2026-11-30 12-30"), ("a/b\\c", "a-b-c"),
        ("day 1. ", "day 1"), ("...", "unnamed"), ("Con", "Con_"), ("aux.b", "aux_.b"), ("LPT¹", "LPT¹_"),
        ("console", "console"), ("com10", "com10"),
    ],
)  # fmt: skip
def test_a_name_stays_as_it_is_where_every_system_can_have_it(words: str, name: str) -> None:
    assert portable(words) == name


@given(st.text(max_size=80))
def test_any_text_becomes_a_name_that_windows_takes(text: str) -> None:
    name = portable(text)
    assert portable(name) == name
    assert name == name.rstrip(". ")
    assert name
    assert not PureWindowsPath(f"{name}.geff").is_reserved()
    assert PureWindowsPath(name).name == name
