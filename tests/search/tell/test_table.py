"""The page of several searches, by its command."""

import json
from pathlib import Path

import pytest
from told_searches import search

from cellprune.cli.main import main
from cellprune.search.opening import JOURNAL


def test_the_command_writes_their_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    both = [str(search(tmp_path / "snip", 0.6, [0.001, 0.02])), str(search(tmp_path / "random", None, [0.3]))]
    page = tmp_path / "searches.html"
    with pytest.raises(SystemExit) as leaving:
        main(["report", *both, "-o", str(page)])
    assert leaving.value.code == 0
    assert "60 % of the weights, adjusted p 0.040, holds" in capsys.readouterr().out
    assert "1 of 2 claims hold together" in page.read_text()
    assert "<code>--split sequence</code>, which holds out" in page.read_text()
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main(["report", *both, f"{both[0]}/", "-o", str(page), "--json"])
    assert len(json.loads(capsys.readouterr().out)["searches"]) == 2, "a search that is named twice is one claim"
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / JOURNAL).write_text("{}")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "search.json").write_text("{}")
    with pytest.raises(SystemExit) as leaving:
        main(["report", *both, str(tmp_path / "begun"), "-o", str(page)])
    assert leaving.value.code == 0
    assert f"left out: {tmp_path / 'begun'}, without a result yet" in capsys.readouterr().err
    assert f"Left out, because they have no result yet: {tmp_path / 'begun'}." in page.read_text()
    with pytest.raises(SystemExit) as leaving:
        main(["report", str(tmp_path / "begun"), "-o", str(page)])
    assert leaving.value.code == 2
    assert f"no search with a result: {tmp_path / 'begun'}: go on" in capsys.readouterr().err
    for more, said in (
        ([str(tmp_path / "gone"), "-o", str(page)], "gone is no search, as others here are"),
        ([str(tmp_path / "old"), "-o", str(page)], "search.json is no result of this version of cellprune"),
        ([], "name it, such as -o searches.html"),
        (["-o", f"{both[0]}/search.json"], "is no name of a page"),
    ):
        with pytest.raises(SystemExit) as leaving:
            main(["report", *both, *more])
        assert leaving.value.code == 2
        assert said in capsys.readouterr().err
