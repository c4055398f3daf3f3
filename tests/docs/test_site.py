"""The site builds without a warning, its pages need no network, and the tutorial does what it says."""

import os
import re
import shlex
import subprocess
import sys

import pages
import pytest
from command_line import typed

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("myst_parser", reason="pages are built with the extra docs: pip install 'cellprune[docs]'")
    folder = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", str(pages.DOCS), str(folder)]
    done = subprocess.run(build, capture_output=True, text=True, env=os.environ | {"NO_COLOR": "1"})
    assert done.returncode == 0, done.stderr
    return folder


def test_no_page_loads_anything_from_elsewhere(site):
    written = list(site.rglob("*.html"))
    assert len(written) > 20
    for page in written:
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r"<(?:script|link|img|iframe)\b[^>]*(?:src|href)=\"([^\"]+)", text)
        assert [address for address in loaded if "//" in address] == [], page


def test_formulas_are_drawn_by_the_browser(site):
    assert "<math" in (site / "methods/prospr.html").read_text(encoding="utf-8")


def test_the_tutorial_runs_as_written_but_shorter(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for line in pages.commands(pages.DOCS / "tutorial.md"):
        shorter = line.replace("--epochs 30", "--epochs 1").replace("--data.size 128 128", "--data.size 32 32")
        assert typed(*shlex.split(shorter)[1:]) == 0, (line, capsys.readouterr().err)
    assert (tmp_path / "runs/prospr-90/report.html").exists()
