"""Scores of cells by target and decoder, as tables for docs/results: what was learned, decoded with and without tuning.

The runs are made by `cellprune train`, alike in all but data, target, network and seed. One file keeps a line a run.
Each run is scored on what it was scored on before: held-out frames, or with `data.select` those that were set apart.
RUN.score.json beside a run, made by `cellprune score --json` of its tracks, brings the scores of a whole sequence.

    python benchmarks/cells.py docs/measurements/cells.json runs/*
    python benchmarks/cells.py docs/measurements/cells.json
"""

import argparse
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import mean, stdev

from cellprune.config.decoding import Decoding
from cellprune.experiment.evaluate import evaluate
from cellprune.runs.folder import Folder
from cellprune.runs.modelcard import read_card
from cellprune.runs.scores import SegmentationScores
from cellprune.runs.split import FrameSplit
from cellprune.targets.decoders import BorderSeeds, Components, Decoder, DistanceSeeds

TUNED, USUAL, UNCUT = "tuned", "usual numbers", "without cuts"
OF_RUN = {"seg": "SEG", "ap_50": "AP .5", "ap_75": ".75", "ap_90": ".9", "iou": "IoU"}
SHARES = {"merged_share": "merged", "split_share": "split", "missed_share": "missed", "extra_share": "extra"}
OF_CHALLENGE = {"det": "DET", "op_csb": "OP_CSB", "tra": "TRA", "lnk": "LNK"}


@dataclass(frozen=True)
class Arm:
    """What is alike in several seeds.

    Attributes:
        tested: the sequences that were scored, or "images" of a plain folder.
        set_apart: whether these frames were set apart of the training part, to choose by.
        network: "dense 32", "prospr 10 %".
    """

    dataset: str
    tested: str
    set_apart: bool
    network: str
    target: str


@dataclass(frozen=True)
class Run:
    """What is kept of a run.

    Attributes:
        decoder: the tuned one.
        scores: decoder -> name of a score -> value.
        challenge: scores of the whole sequence, as tuned; empty where it was not scored.
    """

    arm: Arm
    seed: int
    macs: int
    commit: str
    n_learned: int
    n_tested: int
    decoder: Mapping[str, float | str]
    scores: Mapping[str, Mapping[str, float]]
    challenge: Mapping[str, float]


def main() -> None:
    """Take in new runs and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kept", type=Path, help="JSON file with a line a run; new runs are added, known ones renewed")
    parser.add_argument("runs", type=Path, nargs="*", help="folders of finished runs")
    arguments = parser.parse_args()
    kept = {(run.arm, run.seed): run for run in load(arguments.kept)}
    for path in arguments.runs:
        if path.is_dir() and Folder(path).finished:
            run = of_folder(path)
            kept[run.arm, run.seed] = run
            print(f"{path}: SEG {run.scores[TUNED]['seg']:.3f}", flush=True)
    if arguments.runs:
        keep(arguments.kept, (kept[key] for key in sorted(kept, key=lambda key: (str(key[0]), key[1]))))
    print(f"\n{arguments.kept}, sha256 {hashlib.sha256(arguments.kept.read_bytes()).hexdigest()[:12]}")
    for (dataset, tested, set_apart), runs in by_test(kept.values()).items():
        print(f"\n{dataset}, {'set apart of' if set_apart else 'held out:'} {tested}\n")
        print(*table(runs), sep="\n")


def load(file: Path) -> list[Run]:
    """Read the runs that were kept."""
    if not file.exists():
        return []
    return [Run(**{**row, "arm": Arm(**row["arm"])}) for row in json.loads(file.read_text(encoding="utf-8"))]


def keep(file: Path, runs: Iterable[Run]) -> None:
    """Write the runs, one a line, so that a change shows which run it was."""
    lines = ",\n".join(json.dumps(asdict(run)) for run in runs)
    file.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def of_folder(path: Path) -> Run:
    """Score a run by each decoder, and give what is kept of it."""
    folder = Folder(path)
    config, split, scores = folder.read_config(), folder.read_split(), folder.read_scores()
    assert isinstance(split, FrameSplit)
    tuned = folder.read_tuning().after.decoder
    frames = split.parts[scores.part]
    plain = frames[0].name is not None
    arm = Arm(
        dataset=config["data"]["dataset"],
        tested="images" if plain else ", ".join(sorted({frame.sequence for frame in frames})),
        set_apart=scores.part == "select",
        network=network(config["pruning"], config["model"]),
        target=config["data"].get("target", "classes"),
    )
    return Run(
        arm=arm,
        seed=config["seed"],
        macs=folder.read_cost().macs.masked,
        commit=(folder.read_provenance().commit or "")[:7],
        n_learned=len(split.parts["train"]),
        n_tested=len(frames),
        decoder=asdict(tuned),
        scores={name: scored(path, decoder, by_run=name == TUNED) for name, decoder in decoders(folder, tuned).items()},
        challenge=challenge(path.with_name(f"{path.name}.score.json")),
    )


def decoders(folder: Folder, tuned: Decoder) -> dict[str, Decoder]:
    """Name the decoders of a run: as tuned, with this version's usual numbers, and without cuts if these have any."""
    card = read_card(folder.read_model()[0], folder.path)
    usual = card.with_cells(card.cells).usual_decoder
    if isinstance(usual, DistanceSeeds):
        return {TUNED: tuned, USUAL: usual}
    uncut = replace(usual, depth=0.0) if isinstance(usual, BorderSeeds) else Components()
    return {TUNED: tuned, USUAL: usual, UNCUT: uncut}


def network(pruning: Mapping[str, str], model: Mapping[str, float]) -> str:
    """Say in a few words what a run's network is."""
    budget = pruning.get("budget")
    if not budget:
        return f"dense {model['width']}"
    control = pruning.get("control", "none")
    method = pruning["method"] if control == "none" else control.removesuffix("-macs")
    return f"{method} {100 * float(budget.partition('=')[2]):g} %"


def scored(path: Path, decoder: Decoder, *, by_run: bool) -> dict[str, float]:
    """Score a run's cells as a decoder finds them.

    Args:
        by_run: whether it is the run's own, so that its scores are there.
    """
    numbers = {key: value for key, value in asdict(decoder).items() if key != "name"}
    scores = evaluate(path, decoder=Decoding() if by_run else Decoding(name=decoder.name, **numbers))
    assert isinstance(scores, SegmentationScores)
    assert scores.cells is not None
    given = {"iou": scores.summary["iou_image_mean"]["native"], **scores.cells.summary}
    return {name: round(value, 6) for name, value in given.items() if value is not None}


def challenge(file: Path) -> dict[str, float]:
    """Read the scores of a whole sequence that `cellprune score --json` gave; nothing where the file is not there."""
    if not file.exists():
        return {}
    scores = json.loads(file.read_text(encoding="utf-8"))["scores"]
    return {name: round(scores[name], 6) for name in OF_CHALLENGE}


def by_test(runs: Iterable[Run]) -> dict[tuple[str, str, bool], list[Run]]:
    """Set together what was scored on the same frames."""
    tests: dict[tuple[str, str, bool], list[Run]] = defaultdict(list)
    for run in runs:
        tests[run.arm.dataset, run.arm.tested, run.arm.set_apart].append(run)
    return dict(sorted(tests.items()))


def table(runs: Sequence[Run]) -> list[str]:
    """Give a Markdown table: a row for each network, target and decoder, means over seeds."""
    arms: dict[Arm, list[Run]] = defaultdict(list)
    for run in runs:
        arms[run.arm].append(run)
    heads = ["network", "target", "decoder", "seeds", *OF_RUN.values(), *SHARES.values(), *OF_CHALLENGE.values()]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for arm, same in sorted(arms.items(), key=lambda item: (item[0].network, item[0].target)):
        for decoder in same[0].scores:
            rows = [run.scores[decoder] for run in same]
            cells = [arm.network, arm.target, decoder, str(len(same))]
            cells += [spread([row[name] for row in rows], signed=name == "seg") for name in OF_RUN]
            of_shares = ([row[name] for row in rows if name in row] for name in SHARES)  # undefined without cells
            cells += [f"{100 * mean(shares):.1f} %" if shares else "" for shares in of_shares]
            told = [run.challenge for run in same if run.challenge] if decoder == TUNED else []
            cells += [spread([row[name] for row in told], signed=False) if told else "" for name in OF_CHALLENGE]
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def spread(values: Sequence[float], *, signed: bool) -> str:
    """Give the mean, and with `signed` the deviation between seeds."""
    return f"{mean(values):.3f}" + (f" ± {stdev(values):.3f}" if signed and len(values) > 1 else "")


if __name__ == "__main__":
    main()
