"""The journal and the story around it: cut at every point and continued, the same answer, and no trial twice."""

import itertools
import json
import re
import shutil
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from simulated_worlds import world

from cellprune.campaign.job import Job, Report
from cellprune.cli.search_progress import Table as Progress
from cellprune.config.schema import Settings
from cellprune.config.search import Search
from cellprune.errors import CellpruneError, WorkError
from cellprune.report.formatting import count
from cellprune.report.formatting import ratio as as_ratio
from cellprune.search.frames import Frames
from cellprune.search.journal import JOURNAL, RESULT, Journal
from cellprune.search.judge.grid import grid
from cellprune.search.judge.trial import Trial
from cellprune.search.question import Question, Workspace
from cellprune.search.run import Known, known, search_max_ratio
from cellprune.search.tell import sentences
from cellprune.search.tell.page import costs
from cellprune.search.tell.page import write as draw
from cellprune.training.progress import Event

ASKED = Search(low=0.6, high=0.97, seeds=2, confirm_seeds=3, margin=0.02)
FACTS = {
    "run": "run", "seconds": 1.0, "parameters": {"left": 10, "total": 100}, "macs": {"dense": 9, "masked": 1},
    "bytes": 5, "curve": {"1": 0.9}, "trained_here": True, "machine": "a processor; cpu, threads: 2",
}  # fmt: skip
SMALL = ASKED.model_copy(update={"low": 0.8, "high": 0.95, "seeds": 1})
SCORES = world(lambda ratio: 0.0 if ratio < 0.9 else 0.1, seed=7, n_select=4, n_report=6)


class Cut(BaseException):
    """The planner is killed."""


def question(output: Path, search: Search = ASKED) -> Question:
    frames = Frames(6, 4, ("01",), (("01/007", "no gold mask"),), "f" * 64)
    return Question(Settings(), search, grid(search.low, search.high), frames, output)


class Bench:
    """Trains nothing: gives simulated scores, counts, and crashes or dies as told."""

    def __init__(
        self,
        *,
        dies_after: int | None = None,
        crashes: dict[str, list[str]] | None = None,
        hopeless: tuple[str, ...] = (),
        there: tuple[str, ...] = (),
        nothing: tuple[str, ...] = (),
    ) -> None:
        self.trained: Counter[str] = Counter()
        self._left, self._crashes, self._hopeless, self._there = dies_after, crashes or {}, hopeless, there
        self._nothing = {key: {"nothing": "its IoU of cell is 0"} for key in nothing}
        self.jobs: dict[str, Job] = {}

    @contextmanager
    def __call__(self) -> Iterator:
        def execute(jobs: Iterable[Job]) -> Iterator[tuple[Job, Report]]:
            for job in jobs:
                if self._left is not None:
                    self._left -= 1
                    if self._left < 0:
                        raise Cut
                trial, key = trial_of(job), job.key
                self.trained[key] += 1
                self.jobs[key] = job
                if self._crashes.get(key):
                    yield job, Report("crashed", {}, self._crashes[key].pop(0), {"seconds": 1.0})
                elif key in self._hopeless:
                    yield job, Report("hopeless", {}, "far below", {"seconds": 1.0})
                else:
                    facts = FACTS | {"run": key, "trained_here": key not in self._there} | self._nothing.get(key, {})
                    facts |= {"of_budget": 0.81} if trial.control == "flat-macs" else {}
                    yield job, Report("done", SCORES(trial), "", facts)

        yield execute


def trial_of(job: Job) -> Trial:
    """Read a job's key, "confirm shuffle 0.5 seed 1002 fold 0"."""
    phase, *control, ratio, _, seed, _, fold = job.key.split()
    return Trial(phase, float(ratio), int(seed), int(fold), " ".join(control))  # type: ignore[arg-type]


def searched(output: Path, bench: Bench, search: Search = ASKED, **workspace: object) -> dict:
    where = Workspace(runs=output.parent / "runs", output=output, resume=True, **workspace)  # type: ignore[arg-type]
    return search_max_ratio(question(output, search), where, execute=bench())


@pytest.fixture(autouse=True)
def _undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes longer than all the rest."""
    monkeypatch.setattr("cellprune.search.tell.page.write", lambda path, answer: path.write_text("drawn"))


def told(answer: dict) -> str:
    """What must not depend on cuts: all but times and versions."""
    kept = {key: value for key, value in answer.items() if key not in ("made", "looks")}
    return json.dumps(kept, sort_keys=True)


def test_all_that_decides_stands_in_the_journal_before_the_first_training(tmp_path: Path) -> None:
    with pytest.raises(Cut):
        searched(tmp_path / "search", Bench(dies_after=0))
    content = json.loads((tmp_path / "search" / JOURNAL).read_text())
    (look,) = content["looks"]
    assert not content["trials"]
    assert look["grid"] == list(grid(ASKED.low, ASKED.high))
    assert look["alpha"] == pytest.approx(0.05)
    assert {"margin": 0.02, "seeds": 2, "confirm_seeds": 3, "cv": 0}.items() <= look["question"].items()


def test_a_search_that_is_cut_anywhere_gives_the_same_answer_and_trains_nothing_twice(tmp_path: Path) -> None:
    whole = Bench()
    expected = told(searched(tmp_path / "whole", whole, SMALL))
    assert set(whole.trained.values()) == {1}
    for n in range(whole.trained.total()):
        output, first, second = tmp_path / f"cut {n}", Bench(dies_after=n), Bench()
        with pytest.raises(Cut):
            searched(output, first, SMALL)
        assert told(searched(output, second, SMALL)) == expected
        assert first.trained + second.trained == whole.trained


def test_a_search_that_is_cut_at_any_write_of_the_journal_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Bench()
    expected = told(searched(tmp_path / "whole", whole, SMALL))
    write = Journal._write
    n_writes = whole.trained.total() + 2  # the question, every outcome, the proposal
    for n in range(n_writes):
        left = [n]

        def dies(journal: Journal, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise Cut
            write(journal)

        output = tmp_path / f"cut {n}"
        monkeypatch.setattr(Journal, "_write", dies)
        first, second = Bench(), Bench()
        with pytest.raises(Cut):
            searched(output, first, SMALL)
        monkeypatch.setattr(Journal, "_write", write)
        assert told(searched(output, second, SMALL)) == expected
        twice = {key: n for key, n in (first.trained + second.trained).items() if n > 1}
        assert len(twice) <= 1, "the one whose end was not written; its run folder is finished, so it is only read"


def test_a_finished_search_trains_nothing_and_writes_its_page_again(tmp_path: Path) -> None:
    output = tmp_path / "search"
    expected = told(searched(output, Bench()))
    (output / "search.html").unlink()
    again = Bench()
    assert told(searched(output, again)) == expected
    assert not again.trained
    assert {path.name for path in output.iterdir()} == {"journal.json", "search.json", "search.html"}


def test_a_resumed_search_counts_what_is_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "search"
    searched(output, Bench(), max_trials=5)
    asked = question(output)
    with Progress(asked) as watch:
        search_max_ratio(asked, Workspace(tmp_path / "runs", output, resume=True), execute=Bench()(), watch=watch)
    said = capsys.readouterr().err
    assert "6 of at most 26 trainings done" in said
    assert " 1 of at most" not in said


def test_no_more_are_counted_as_done_than_there_can_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "search"

    def counted(search: Search, bench: Bench) -> tuple[list[int], int]:
        asked, workspace = question(output, search), Workspace(output=output, resume=True)
        before = known(asked, workspace)
        assert not before.at_the_end
        with Progress(asked) as watch:
            search_max_ratio(asked, workspace, execute=bench(), watch=watch)
        n_done = before.done + len(bench.trained)
        assert known(asked, workspace) == Known(n_done, there=0, at_the_end=True, look=before.look)
        said = capsys.readouterr().err
        assert ("test round 2 on these held-out images" in said) == (before.look == 2)
        told = re.findall(r"(\d+) of at most (\d+) trainings done", said)
        done = [int(n) for n, _ in told]
        assert done[-1] == n_done
        assert done == sorted(done)
        return done, int(told[0][1])

    lost = {"search 0 seed 0 fold 0": ["no memory"], "search 0 seed 1 fold 0": ["no memory"]}
    done, most = counted(ASKED, Bench(crashes=lost))
    assert done[:4] == [0, 0, 1, 2], "a crash is tried again"
    assert done[-1] <= most
    later = ASKED.model_copy(update={"margin": 0.015})
    for search in (later, later.model_copy(update={"controls": True})):
        done, most = counted(search, Bench())
        assert done[-1] <= most


def test_what_another_search_trained_tells_nothing_of_the_time_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = itertools.chain([0, 1, 1, 1], itertools.repeat(101))
    monkeypatch.setattr("cellprune.cli.search_progress.monotonic", lambda: next(clock))
    asked, bench = question(tmp_path / "search"), Bench(there=("search 0 seed 0 fold 0",))
    with Progress(asked) as watch:
        search_max_ratio(asked, Workspace(tmp_path / "runs", max_trials=2), execute=bench(), watch=watch)
    begun, first, then, second = capsys.readouterr().err.splitlines()
    assert (begun, then) == ("search, unpruned, seed 0: begins", "search, unpruned, seed 1: begins")
    assert first.startswith("search, unpruned, seed 0: there already, ")
    assert first.endswith("1 of at most 26 trainings done"), "no training has told yet how long one takes"
    assert second.startswith("search, unpruned, seed 1: done, 1 min 40 s, ")
    assert second.endswith("at most 40 min 0 s left"), "24 trainings as long as the one that was trained"


def test_a_long_training_is_told_of_now_and_then_in_a_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cellprune.cli.heartbeat.EVERY_S", 0.02)
    with Progress(question(tmp_path / "search")) as watch:
        watch.began(Trial("confirm", 0.875, 1002, control="random"))
        watch.listener.started(Event("scoring", message="scoring the weights (force)"))
        watch.listener.advanced(Event("scoring", 7, 60, message="scoring the weights (force)"))
        time.sleep(0.1)
    begun, *rest = capsys.readouterr().err.replace("\u00a0", " ").splitlines()
    assert begun == "confirmation, random, 87.5 % removed, seed 1002: begins"
    assert rest[-1].startswith(f"{begun.removesuffix('begins')}scoring the weights (force), 7 of 60 done, for 0.")


def test_limits_stop_and_a_later_call_goes_on(tmp_path: Path) -> None:
    output, first, second = tmp_path / "search", Bench(), Bench()
    cut = searched(output, first, max_trials=5)
    assert (cut["verdict"], first.trained.total()) == ("unfinished", 5)
    assert searched(tmp_path / "one", Bench(), max_trials=1)["stopped"].startswith("stopped after 1 training and ")
    assert "after 5 trainings" in cut["sentences"]["answer"]
    assert searched(output, Bench(), max_hours=1e-9)["verdict"] == "unfinished"
    found = searched(output, second)
    assert not first.trained & second.trained
    assert told(found) == told(searched(tmp_path / "whole", Bench()))


def test_a_ratio_that_was_found_is_told_when_the_search_is_cut_later(tmp_path: Path) -> None:
    whole = Bench()
    expected = searched(tmp_path / "whole", whole)
    controlled = ASKED.model_copy(update={"controls": True})
    cut = searched(tmp_path / "late", Bench(), controlled, max_trials=whole.trained.total() + 1)
    assert (cut["verdict"], cut["ratio"]) == ("found", expected["ratio"])
    said = cut["sentences"]["answer"]
    assert said.startswith(expected["sentences"]["answer"])
    assert f"The controls are not complete: stopped after {whole.trained.total() + 1} trainings" in said
    early = searched(tmp_path / "early", Bench(), max_trials=whole.trained.total() - 1)
    assert (early["verdict"], early["ratio"]) == ("unfinished", expected["confirmation"][-2]["ratio"])
    assert "So far: With " in early["sentences"]["answer"]
    for found in (cut, early):
        draw(tmp_path / "page.html", found)
        answer = re.sub(r"`(.+?)`", r"<code>\1</code>", found["sentences"]["answer"])
        assert answer in unescape((tmp_path / "page.html").read_text())


def test_controls_are_told_in_words(tmp_path: Path) -> None:
    found = searched(tmp_path / "search", Bench(), ASKED.model_copy(update={"controls": True, "margin": 0.04}))
    own = found["controls"][0]
    assert own["adjusted_by"] == own["pruned_minus_control"]["adjusted_by"] == "Holm"
    assert own["adjusted_p_value"] >= own["p_value"]
    near = "Of what the pruned network keeps, flat-macs has 81 %: that is how near"
    assert near in found["sentences"]["controls"].replace("\u00a0", " ")
    draw(tmp_path / "page.html", found)
    page = unescape((tmp_path / "page.html").read_text())
    assert found["sentences"]["controls"] in page
    assert "the pruned network itself" in page
    told = sentences.controls(found | {"controls_missing": {"shuffle": "it has none", "flat-macs": "nobody knows"}})
    assert "There is no control shuffle: it has none. There is no control flat-macs: nobody knows." in told

    def said(**verdicts: str) -> str:
        against = [
            control | {"name": name, "pruned_is": verdict, "does_as_well": verdict == "worse"}
            for control, (name, verdict) in zip(found["controls"], verdicts.items(), strict=False)
        ]
        return sentences.controls(found | {"controls": against})

    assert (
        said(random="better", flat="better")
        == "The pruned network is better than each of its controls, random and flat."
    )
    assert "random does as well as the pruned network or better, so the method is not" in said(random="worse")
    assert "better than random is undecided" in said(random="undecided", flat="better")
    assert said(random="undecided", flat="better").endswith("The pruned network is better than flat.")


def test_the_picture_of_costs_names_what_was_found_and_leaves_out_what_flatters(tmp_path: Path) -> None:
    asked = ASKED.model_copy(update={"controls": True})
    whole = searched(tmp_path / "whole", Bench(), asked)
    found, higher = whole["ratio"], whole["confirmation"][-1]["ratio"]
    assert found < higher, "a higher one was tested, too"
    drawn = costs(whole)
    assert f">{as_ratio(found)}<" in drawn
    assert f">{as_ratio(higher)}<" not in drawn
    assert ">random<" in drawn
    lost = f"confirm random {found:g} seed 1001 fold 0"
    flattered = searched(tmp_path / "flattered", Bench(hopeless=(lost,)), asked)
    assert ">random<" not in costs(flattered)
    sizes = [network | {"parameters": 16_000 if network["ratio"] else 122_000} for network in whole["networks"]]
    far_apart = costs(whole | {"networks": sizes})
    assert [tick for tick in (20_000, 50_000, 100_000) if f">{count(tick)}<" not in far_apart] == []
    draw(tmp_path / "page.html", flattered)
    assert flattered["sentences"]["controls"].startswith("Of random a training was hopeless, so nothing is decided.")
    assert "without 1 hopeless training, so its IoU flatters" in (tmp_path / "page.html").read_text()


def test_two_planners_on_one_journal_are_refused(tmp_path: Path) -> None:
    asked = question(tmp_path / "search")
    with (
        Journal.locked(asked.output, asked.identity, asked.search, resume=False, runs=tmp_path / "runs"),
        pytest.raises(CellpruneError, match="another process is at work"),
    ):
        searched(asked.output, Bench())


def test_a_trial_that_crashes_is_tried_once_more_then_left_out_in_the_open(tmp_path: Path) -> None:
    expected = searched(tmp_path / "whole", Bench())
    lost = f"confirm {expected['confirmation'][0]['ratio']:g} seed 1001 fold 0"
    asked = ASKED.model_copy(update={"confirm_seeds": 4})
    once = Bench(crashes={lost: ["out of memory"]})
    found = searched(tmp_path / "once", once, asked)
    assert once.trained[lost] == 2
    assert not found["confirmation"][0]["left_out"]
    assert found["crashes"] == {lost: ["out of memory"]}
    twice = Bench(crashes={lost: ["NaN", "NaN again"]})
    found = searched(tmp_path / "twice", twice, asked)
    assert twice.trained[lost] == 2
    assert found["confirmation"][0]["left_out"] == {"1001": "excluded: NaN again"}
    assert found["confirmation"][0]["n_seeds"] == 3
    draw(tmp_path / "page.html", found)
    page = (tmp_path / "page.html").read_text()
    assert "NaN again" in page
    assert found["compute"] == {
        "trainings": (n := twice.trained.total() - 1), "trained_before": 0, "crashed_tries": 2,
        "seconds": pytest.approx(n + 1), "machines": {FACTS["machine"]: n - 1},
    }  # fmt: skip
    assert "; with 2 that crashed" in page
    assert f"{FACTS['machine']}: {n - 1} trainings" in page


def test_a_reference_that_fails_ends_the_search(tmp_path: Path) -> None:
    lost = "search 0 seed 1 fold 0"
    bench = Bench(crashes={lost: ["the loss became nan", "the loss became nan"]})
    with pytest.raises(WorkError, match=r"reference failed \(search, unpruned, seed 1: the loss became nan\)"):
        searched(tmp_path / "search", bench)
    assert bench.trained == {"search 0 seed 0 fold 0": 1, lost: 2}
    content = json.loads((tmp_path / "search" / JOURNAL).read_text())
    assert content["trials"].keys() == {"search 0 seed 0 fold 0"}, "a passing cause does not block the journal"
    assert searched(tmp_path / "search", again := Bench())["verdict"] == "found"
    assert again.trained[lost] == 1


def test_a_reference_that_learned_nothing_ends_the_search_before_anything_is_compared_with_it(tmp_path: Path) -> None:
    blind = Bench(nothing=("search 0 seed 1 fold 0",))
    said = r"learned nothing \(search, unpruned, seed 1: its IoU of cell is 0\), .* train longer \(--epochs\)"
    for bench, n in ((blind, 2), (Bench(), 0)):  # and again, without a training
        with pytest.raises(WorkError, match=said):
            searched(tmp_path / "search", bench)
        assert bench.trained.total() == n
    assert not (tmp_path / "search" / RESULT).exists()
    late = Bench(nothing=("confirm 0 seed 1002 fold 0",))
    with pytest.raises(WorkError, match=r"learned nothing \(confirmation, unpruned, seed 1002: "):
        searched(tmp_path / "late", late)
    pruned = Bench(nothing=("search 0.823223 seed 0 fold 0", "search 0.875 seed 0 fold 0"))
    assert searched(tmp_path / "pruned", pruned)["verdict"] == "found", "of a pruned network its score tells enough"


def test_crashes_alone_are_no_evidence_and_a_resumed_search_tries_them_again(tmp_path: Path) -> None:
    expected = searched(tmp_path / "whole", Bench())
    first = expected["search"][0]["ratio"]
    lost = {f"search {first:g} seed {seed} fold 0": ["no memory"] * 2 for seed in (0, 1)}
    with pytest.raises(WorkError, match=rf"no network with a ratio of {first:g} came through \(excluded: no memory\)"):
        searched(tmp_path / "search", Bench(crashes=lost))
    again = Bench()
    found = searched(tmp_path / "search", again)
    assert {key: again.trained[key] for key in lost} == dict.fromkeys(lost, 1)
    assert found["confirmation"] == expected["confirmation"]
    assert found["crashes"] == dict.fromkeys(lost, ["no memory"] * 2)

    lowest = expected["confirmation"][0]["ratio"]
    lost = {f"confirm {lowest:g} seed {1000 + seed} fold 0": ["no memory"] * 2 for seed in range(3)}
    with pytest.raises(WorkError, match=f"ratio of {lowest:g} came through"):
        searched(tmp_path / "late", Bench(crashes=lost))
    assert searched(tmp_path / "late", Bench())["confirmation"] == expected["confirmation"]


def test_a_verdict_that_was_given_without_a_lost_seed_stays(tmp_path: Path) -> None:
    asked, expected = ASKED.model_copy(update={"confirm_seeds": 4}), searched(tmp_path / "whole", Bench())
    lost = f"confirm {expected['confirmation'][0]['ratio']:g} seed 1001 fold 0"
    found = searched(tmp_path / "search", Bench(crashes={lost: ["no memory"] * 2}), asked)
    again = Bench()
    assert told(searched(tmp_path / "search", again, asked)) == told(found)
    assert not again.trained

    asked = ASKED  # of three seeds two decide nothing, so nothing was judged
    open_ = searched(tmp_path / "open", Bench(crashes={lost: ["no memory"] * 2}), asked)
    assert open_["verdict"] == "not shown"
    assert searched(tmp_path / "open", again := Bench(), asked)["confirmation"] == expected["confirmation"]
    assert again.trained[lost] == 1


def test_a_second_look_does_not_fall_over_the_crashes_of_the_first(tmp_path: Path) -> None:
    lowest = searched(tmp_path / "whole", Bench())["confirmation"][0]["ratio"]
    lost = {f"confirm {lowest:g} seed {1000 + seed} fold 0": ["no memory"] * 2 for seed in range(3)}
    with pytest.raises(WorkError, match=f"ratio of {lowest:g} came through"):
        searched(tmp_path / "search", Bench(crashes=lost))
    found = searched(tmp_path / "search", Bench(), ASKED.model_copy(update={"margin": 0.015}))
    assert (found["look"], found["verdict"]) == (2, "found")
    assert found["looks"][0]["tested"] == []


def test_what_a_confirmation_rests_on_is_not_tried_again_and_a_search_that_proposed_nothing_is(tmp_path: Path) -> None:
    expected = searched(tmp_path / "whole", Bench())
    lost = f"search {expected['search'][0]['ratio']:g} seed 1 fold 0"
    found = searched(tmp_path / "search", Bench(crashes={lost: ["NaN"] * 2}))
    again = Bench()
    assert told(searched(tmp_path / "search", again)) == told(found)
    assert not again.trained

    asked = ASKED.model_copy(update={"low": 0.92})
    lost = "search 0.9375 seed 0 fold 0"
    none = searched(tmp_path / "none", Bench(crashes={lost: ["NaN"] * 2}), asked)
    assert none["verdict"] == "none found"
    again = Bench()
    assert searched(tmp_path / "none", again, asked)["verdict"] == "none found"
    assert again.trained == {lost: 1}


def test_hopeless_trials_are_compared_with_their_own_reference(tmp_path: Path) -> None:
    bench = Bench()
    searched(tmp_path / "search", bench)
    for job in bench.jobs.values():
        pruned_in_search = trial_of(job).phase == "search" and trial_of(job).ratio > 0
        assert job.curve == ({1: 0.9} if pruned_in_search else {})
        assert job.drop == pytest.approx(10 * ASKED.margin)


def test_another_question_opens_the_search_again_and_a_second_look_has_half_the_error(tmp_path: Path) -> None:
    output, first, second = tmp_path / "search", Bench(), Bench()
    before = searched(output, first)
    assert before["look"] == 1
    found = searched(output, second, ASKED.model_copy(update={"margin": 0.015, "seeds": 3, "high": 0.99}))
    assert (found["look"], found["alpha"]) == (2, pytest.approx(0.025))
    confirmed = {trial_of(job).seed for job in second.jobs.values() if trial_of(job).phase == "confirm"}
    assert confirmed == {2000, 2001, 2002}, "fresh seeds"
    assert not first.trained & second.trained
    assert [look["question"]["margin"] for look in found["looks"]] == [0.02, 0.015]
    assert "test round 2" in found["sentences"]["scope"]
    assert "false with probability 0.075 at most" in found["sentences"]["scope"], "both looks together"
    assert found["looks"][0] == before["looks"][0], "what look 1 found is not taken back"
    assert found["looks"][0]["ratio"] == before["ratio"] is not None
    assert [tested["lower"] for tested in found["looks"][0]["tested"]] == [c["lower"] for c in before["confirmation"]]
    draw(tmp_path / "page.html", found)
    page = (tmp_path / "page.html").read_text()
    for look in found["looks"]:
        assert f"at an error of {look['alpha']:g}, frozen {look['frozen']}: " in page
    assert f"{before['confirmation'][0]['lower']:+.4f}".replace("-", "−") in page


def test_what_an_earlier_look_showed_stands_at_the_same_margin(tmp_path: Path) -> None:
    output = tmp_path / "search"
    before = searched(output, Bench())
    hopeless = {f"confirm {ratio:g} seed 2000 fold 0" for ratio in before["grid"]}
    wider = ASKED.model_copy(update={"high": 0.99})
    found = searched(output, Bench(hopeless=hopeless), wider)
    assert (found["verdict"], found["ratio"]) == ("not shown", None)
    assert found["claimed"] == {"ratio": before["ratio"], "look": 1}
    assert found["sentences"]["answer"].startswith("Not shown")
    much = f"{as_ratio(before['ratio'])} of the weights removed"
    stands = f"What test round 1 showed stands: with {much} the network is not worse"
    assert stands in found["sentences"]["answer"]
    assert "A claim is false with probability 0.05 at most" in found["sentences"]["scope"]
    draw(tmp_path / "page.html", found)
    assert "shown by test round 1" in (tmp_path / "page.html").read_text()
    stricter = searched(output, Bench(), wider.model_copy(update={"margin": 1e-6}))
    assert (stricter["look"], stricter["claimed"]) == (3, None)


def test_before_the_confirmation_a_new_question_is_no_second_look(tmp_path: Path) -> None:
    output = tmp_path / "search"
    searched(output, Bench(), max_trials=3)
    found = searched(output, Bench(), ASKED.model_copy(update={"margin": 0.015}))
    assert (found["look"], len(found["looks"])) == (1, 1)
    assert [earlier["margin"] for earlier in found["looks"][0]["asked_before"]] == [0.02]
    draw(tmp_path / "page.html", found)
    assert "asked with margin 0.02 before anything was proposed, frozen" in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize(
    ("change", "said"),
    [({"margin": 0.03}, "margin: 0.02 -> 0.03"), ({"seeds": 1}, "seeds: 2 -> 1"), ({"low": 0.7}, "low: 0.6 -> 0.7")],
)
def test_a_laxer_question_needs_another_search(tmp_path: Path, change: dict, said: str) -> None:
    output = tmp_path / "search"
    searched(output, Bench())
    before = (output / JOURNAL).read_bytes()
    with pytest.raises(CellpruneError, match=said):
        searched(output, Bench(), ASKED.model_copy(update=change))
    assert (output / JOURNAL).read_bytes() == before


def test_the_journal_of_another_search_is_refused(tmp_path: Path) -> None:
    output = tmp_path / "search"
    searched(output, Bench())
    asked = question(output)
    workspace = Workspace(tmp_path / "runs", output, resume=True)
    others = {
        "(data: other files)": replace(asked, frames=replace(asked.frames, sha256="e" * 64)),
        "settings.training.epochs: 50 -> 3": replace(
            asked, settings=Settings.model_validate({"training": {"epochs": 3}})
        ),
        "settings.data.normalization: robust -> standard": replace(
            asked, settings=Settings.model_validate({"data": {"normalization": "standard"}})
        ),
        "search.confidence: 0.95 -> 0.9": replace(asked, search=ASKED.model_copy(update={"confidence": 0.9})),
    }
    for said, other in others.items():
        with pytest.raises(CellpruneError, match=re.escape(said)):
            search_max_ratio(other, workspace, execute=Bench()())
    content = json.loads((output / JOURNAL).read_text())
    older = content["identity"]["settings"]["data"].pop("normalization")
    (output / JOURNAL).write_text(json.dumps(content))  # as before there was a choice
    with pytest.raises(CellpruneError, match=f"settings.data.normalization: standard -> {older}"):
        search_max_ratio(asked, workspace, execute=Bench()())
    content["identity"]["cellprune"] = "0.0.1"
    (output / JOURNAL).write_text(json.dumps(content))
    with pytest.raises(CellpruneError, match=r"is of cellprune 0\.0\.1, this is .*: install that"):
        search_max_ratio(asked, workspace, execute=Bench()())
    (output / JOURNAL).write_text("{}")
    with pytest.raises(CellpruneError, match="no journal of this version"):
        search_max_ratio(asked, workspace, execute=Bench()())


@pytest.mark.parametrize(
    "damage",
    [
        {"trials": []}, {"trials": {"confirm 0.5": {"trial": {}}}}, {"identity": 3}, {"looks": [{"alpha": 0.05}]},
        {"trials": {"confirm 0.5": {"trial": {"phase": "search", "ratio": 0.5, "seed": 0}, "outcome": {"facts": 3}}}},
    ],
)  # fmt: skip
def test_a_journal_that_was_damaged_is_refused(tmp_path: Path, damage: dict) -> None:
    output = tmp_path / "search"
    searched(output, Bench())
    content = json.loads((output / JOURNAL).read_text()) | damage
    (output / JOURNAL).write_text(json.dumps(content))
    with pytest.raises(CellpruneError, match=r"journal\.json is damaged \(.*\): restore it, or give another --output"):
        searched(output, Bench())


def test_the_result_of_a_search_whose_journal_is_gone_is_not_written_over(tmp_path: Path) -> None:
    output = tmp_path / "search"
    searched(output, Bench())
    (output / JOURNAL).unlink()
    before = (output / RESULT).read_bytes()
    with pytest.raises(CellpruneError, match=r"of a search whose journal\.json is gone: give another --output"):
        searched(output, Bench())
    assert (output / RESULT).read_bytes() == before


def test_another_folder_of_runs_is_refused_where_it_has_none_of_the_search(tmp_path: Path) -> None:
    asked, elsewhere = question(tmp_path / "search"), tmp_path / "elsewhere"
    found = searched(asked.output, Bench())
    before = (asked.output / JOURNAL).read_bytes()
    workspace = Workspace(runs=elsewhere, output=asked.output, resume=True)
    with pytest.raises(CellpruneError, match=f"are in {tmp_path / 'runs'}, and {elsewhere} has none of them: give --r"):
        search_max_ratio(asked, workspace, execute=Bench()())
    assert (asked.output / JOURNAL).read_bytes() == before
    (elsewhere / found["networks"][0]["run"]).mkdir(parents=True)  # moved there
    search_max_ratio(asked, workspace, execute=Bench()())
    shutil.rmtree(elsewhere)  # thrown away, but the folder is the one that was given before
    search_max_ratio(asked, workspace, execute=Bench()())


def test_folders_that_cannot_be_a_search(tmp_path: Path) -> None:
    asked = question(tmp_path / "search")
    searched(asked.output, Bench())
    with pytest.raises(CellpruneError, match="go on with it by --resume"):
        search_max_ratio(asked, Workspace(), execute=Bench()())
    foreign = tmp_path / "foreign"
    shutil.copytree(asked.output, foreign)
    (foreign / "thesis.tex").write_text("")
    with pytest.raises(CellpruneError, match=r"holds 'thesis\.tex'"):
        search_max_ratio(question(foreign), Workspace(resume=True), execute=Bench()())
    with pytest.raises(CellpruneError, match="is a file"):
        search_max_ratio(question(foreign / "thesis.tex"), Workspace(), execute=Bench()())


def test_every_ending_is_told_and_drawn(tmp_path: Path) -> None:
    answer = searched(tmp_path / "search", Bench(), ASKED.model_copy(update={"margin": 0.006}))
    assert (answer["verdict"], answer["ratio"]) == ("not shown", None)
    assert "would have passed" in answer["sentences"]["answer"]
    wide = searched(tmp_path / "wide", Bench(), ASKED.model_copy(update={"margin": 0.04}))
    assert wide["verdict"] == "found"
    assert wide["model"] is None, "nothing was trained in truth"
    assert "is gone or lacks its model" in wide["sentences"]["model"]
    folds = {"model": "runs/it/model.safetensors", "question": {"cv": 5}}
    assert "one of fold 0, which did not learn from that fold's frames" in sentences.model(folds, "runs/it")
    n = len(wide["confirmation"]) * 3 + 3 + 2 * (len(wide["search"]) + 1)
    assert wide["compute"] == {"trainings": n, "trained_before": 0, "crashed_tries": 0, "seconds": pytest.approx(n),
                               "machines": {FACTS["machine"]: n}}  # fmt: skip
    none = searched(tmp_path / "none", Bench(), ASKED.model_copy(update={"low": 0.92}))
    assert none["verdict"] == "none found"
    assert not none["confirmation"]
    for found in (answer, wide, none):
        draw(tmp_path / "page.html", found)
        html = unescape((tmp_path / "page.html").read_text())
        assert re.sub(r"`(.+?)`", r"<code>\1</code>", found["sentences"]["scope"]) in html
        assert (
            "near copies of each other, so scores on random held-out frames are too good: `--split sequence`"
            in found["sentences"]["scope"]
        )
        assert "<script" not in html
        assert "http" not in html.replace("http-equiv", "")


def test_not_shown_names_what_was_tested_and_the_command_that_asks_on(tmp_path: Path) -> None:
    output, typed = tmp_path / "search", ["cellprune", "search-max-ratio", "--high=0.97", "-o", "my search", "--resume"]

    def asked(**changes: float) -> dict:
        search = ASKED.model_copy(update={"margin": 0.006, "controls": True, **changes})
        workspace = Workspace(runs=tmp_path / "runs", output=output, resume=True)
        return search_max_ratio(question(output, search), workspace, execute=Bench()(), command=typed)

    found = asked()
    tested = found["confirmation"][0]["ratio"]
    lower = max(ratio for ratio in found["grid"] if ratio < tested)
    said = found["sentences"]["answer"]
    assert said.startswith(
        f"Not shown. Only {as_ratio(tested)} of the weights removed was tested, with 6 frames and 3 s"
    )
    on = f"`cellprune search-max-ratio -o 'my search' --high {lower:g} --resume` (a second test, with half the error)."
    assert said.endswith(f"To ask lower ratios: {on}")
    assert found["sentences"]["controls"].startswith("No control was trained: ")
    draw(tmp_path / "page.html", found)
    page = unescape((tmp_path / "page.html").read_text())
    assert re.search(r"What it must beat</h2>\s*<p class=\"scope\">No control was trained", page)
    assert "<th><code>--controls</code></th><td>yes</td>" in page
    assert "<td>True<" not in page.partition("All settings of a training")[0]
    again = asked(high=lower)
    assert (again["look"], again["alpha"]) == (2, pytest.approx(0.025))
    assert {claim["ratio"] for claim in again["confirmation"]} <= set(grid(ASKED.low, lower))


def test_what_would_help_is_said_with_its_command(tmp_path: Path) -> None:
    found = searched(tmp_path / "search", Bench(), ASKED.model_copy(update={"margin": 0.006}))

    def said(**changes: object) -> str:
        return sentences.answer(found | {"confirmation": [found["confirmation"][0] | changes]})

    more = said(verdict="undecided", seeds_needed=7, seeds_needed_next_look=9)
    assert "7 seeds would have shown it in 4 of 5 searches. To ask with more seeds: `cellprune search-max-ratio" in more
    assert "--confirm-seeds 9 --resume` (a second test, with half the error)." in more
    assert "A second test, with half the error takes more frames." in said(
        verdict="undecided", seeds_needed=7, seeds_needed_next_look=None
    )
    alike = said(verdict="undecided", seeds_needed=3, seeds_needed_next_look=4)
    assert "Random variation is not the reason. If pruning truly cost nothing, 3 seeds would show it in 4 of 5" in alike
    assert "it takes more frames, not more seeds: `--cv` counts" in said(verdict="undecided", seeds_needed=None)
    assert "seeds would" not in said(verdict="worse", seeds_needed=7, seeds_needed_next_look=9)
    lowest = said(ratio=0.292893)
    assert lowest.endswith("There is no lower ratio to ask for.")
    assert "--low 0.292893 --high 0.5 --resume` (a" in said(ratio=found["grid"][0]), "below the range"


def test_other_ends_have_their_command(tmp_path: Path) -> None:
    none = searched(tmp_path / "none", Bench(), ASKED.model_copy(update={"low": 0.92}))
    assert (
        "To ask lower ratios: `cellprune search-max-ratio ... --low 0.823223 --resume`." in none["sentences"]["answer"]
    )
    top = searched(tmp_path / "top", Bench(), ASKED.model_copy(update={"high": 0.83, "margin": 0.04}))
    assert (
        "To ask higher ratios: `cellprune search-max-ratio ... --high 0.9375 --resume` (a" in top["sentences"]["answer"]
    )
    cut = searched(tmp_path / "cut", Bench(), max_trials=1)
    assert cut["sentences"]["answer"].endswith("To go on: `cellprune search-max-ratio ... --resume`.")


def test_a_claim_over_folds_says_what_they_have_in_common(tmp_path: Path) -> None:
    found = searched(tmp_path / "search", Bench(), ASKED.model_copy(update={"cv": 2}))
    assert "Every fold chose on frames that other folds hold out" in found["sentences"]["scope"]
    asked = question(tmp_path / "folder")
    asked = replace(asked, frames=replace(asked.frames, in_folder=True))
    found = search_max_ratio(asked, Workspace(output=asked.output), execute=Bench()())
    assert "`--split block`, with names in the order of time" in found["sentences"]["scope"]
    assert "folds" not in found["sentences"]["scope"]


def test_a_hopeless_lowest_ratio_is_told_as_that(tmp_path: Path) -> None:
    lost = tuple(f"search {ratio:g} seed {seed} fold 0" for ratio in grid(ASKED.low, ASKED.high) for seed in (0, 1))
    found = searched(tmp_path / "search", Bench(hopeless=lost))
    assert found["verdict"] == "none found"
    assert "the search saw a hopeless training (far below). Nothing was tested" in found["sentences"]["answer"]


def test_names_hold_no_trial_of_another_phase() -> None:
    assert Trial("search", 0.5, 1).key != Trial("confirm", 0.5, 1).key
    assert Trial("confirm", 0.96875, 1002, 2, "random").key == "confirm random 0.96875 seed 1002 fold 2"
