"""Scores of cells by target and decoder, for the tables of docs/results/cells.md, with and without tuning.

The runs are made by `cellprune train`, alike in all but data, crops, truth, target, network and seed. One file keeps
one line per run. Each run is scored on what it was scored on before: held-out frames, or with `data.select` those that
were set apart. RUN.score.json beside a run, made by `cellprune score --json` of its tracks, brings the scores of a
whole sequence: DET, OP_CSB, TRA and LNK. `benchmarks/results.py` writes the tables into the page.

    python benchmarks/cells.py docs/measurements/cells.json runs/*
    python benchmarks/results.py
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
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

SETS = {"DIC-C2DH-HeLa": "HeLa", "PhC-C2DH-U373": "U373"}
TUNED, USUAL, UNCUT = "tuned", "usual numbers", "without cuts"
WHOLE = "whole"
COMMON = ("network", "frames", "seeds", "commit")  # heads of columns that are left out where all rows have one value
NO_BREAK = "\N{NO-BREAK SPACE}"
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
        frames: what was learned from: "whole", "crops of 128 px", either of them with ", silver truth".
    """

    dataset: str
    tested: str
    set_apart: bool
    network: str
    target: str
    frames: str = WHOLE


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
    """Take in new runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kept", type=Path, help="JSON file, one line per run; new runs are added, known ones renewed")
    parser.add_argument("runs", type=Path, nargs="+", help="folders of finished runs; other paths are passed over")
    arguments = parser.parse_args()
    kept = {(run.arm, run.seed): run for run in load(arguments.kept)}
    for path in arguments.runs:
        if path.is_dir() and Folder(path).finished:
            run = of_folder(path)
            if (known := kept.get((run.arm, run.seed))) and not run.challenge:
                run = replace(run, challenge=known.challenge)  # of the same run, scored elsewhere
            kept[run.arm, run.seed] = run
            print(f"{path}: SEG {run.scores[TUNED]['seg']:.3f}", flush=True)
    keep(arguments.kept, (kept[key] for key in sorted(kept, key=lambda key: (str(key[0]), key[1]))))


def load(file: Path) -> list[Run]:
    """Read the runs that were kept."""
    if not file.exists():
        return []
    return [Run(**{**row, "arm": Arm(**row["arm"])}) for row in json.loads(file.read_text(encoding="utf-8"))]


def keep(file: Path, runs: Iterable[Run]) -> None:
    """Write the runs, one per line, so that a change shows which run it was."""
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
        frames=frames_of(config["data"]),
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


def frames_of(data: Mapping[str, object]) -> str:
    """Say in a few words what a run learned from."""
    frames = f"crops of {data['crop']} px" if data.get("crop") else WHOLE
    return f"{frames}, silver truth" if data["truth"] == "silver" else frames


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


def of_frames(runs: Iterable[Run], tested: str, *, set_apart: bool) -> Iterator[str]:
    """Give a table of the annotated frames of a sequence: means over seeds, one row per arm and decoder."""
    arms = by_arm(runs, tested, set_apart=set_apart)
    yield from table([row(arm, decoder, same) for arm, same in arms.items() for decoder in same[0].scores])


def of_sequence(runs: Iterable[Run], tested: str) -> Iterator[str]:
    """Give a table of a whole sequence, as tuned, of the runs that were scored so."""
    arms = by_arm([run for run in runs if run.challenge], tested, set_apart=False)
    yield from table([row_of_sequence(arm, same) for arm, same in arms.items()])


def by_arm(runs: Iterable[Run], tested: str, *, set_apart: bool) -> dict[Arm, list[Run]]:
    """Set the seeds together that were scored on the same frames; whole frames stand before crops."""
    arms: dict[Arm, list[Run]] = defaultdict(list)
    for run in runs:
        if (run.arm.tested, run.arm.set_apart) == (tested, set_apart):
            arms[run.arm].append(run)
    return dict(sorted(arms.items(), key=lambda item: order(item[0])))


def order(arm: Arm) -> tuple[str, str, str, bool, str]:
    """Give what rows are sorted by."""
    return arm.dataset, arm.network, arm.target, arm.frames != WHOLE, arm.frames


def table(rows: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """Give a Markdown table; what all rows have in common is said below it, and no column is empty."""
    if not rows:
        yield "*Not measured yet.*"
        return
    common = {head: rows[0][head] for head in COMMON if len({row.get(head) for row in rows}) == 1 and head in rows[0]}
    heads = [head for head in rows[0] if head not in common and any(row[head] for row in rows)]
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    for row in rows:
        yield f"| {' | '.join(row[head].replace(' ', NO_BREAK) for head in heads)} |"
    if common:
        yield ""
        yield f"All rows: {', '.join(f'{head} {value}' for head, value in common.items())}."


def row(arm: Arm, decoder: str, same: Sequence[Run]) -> dict[str, str]:
    """Give a row of the runs that are alike but for the seed: head -> cell."""
    scores = [run.scores[decoder] for run in same]
    shares = {head: [of[name] for of in scores if name in of] for name, head in SHARES.items()}  # none without cells
    return {
        **heading(arm),
        "decoder": decoder,
        "seeds": str(len(same)),
        **{head: spread([of[name] for of in scores], signed=name == "seg") for name, head in OF_RUN.items()},
        **{head: f"{100 * mean(values):.1f} %" if values else "" for head, values in shares.items()},
        "commit": commits(same),
    }


def row_of_sequence(arm: Arm, same: Sequence[Run]) -> dict[str, str]:
    """Give such a row of whole sequences."""
    scores = {head: spread([run.challenge[name] for run in same], signed=True) for name, head in OF_CHALLENGE.items()}
    return {**heading(arm), "seeds": str(len(same)), **scores, "commit": commits(same)}


def heading(arm: Arm) -> dict[str, str]:
    """Say what a row is about."""
    return {"set": SETS[arm.dataset], "network": arm.network, "frames": arm.frames, "target": arm.target}


def commits(same: Sequence[Run]) -> str:
    """Say what the runs were trained with."""
    return " ".join(sorted({run.commit for run in same}))


def spread(values: Sequence[float], *, signed: bool) -> str:
    """Give the mean, and with `signed` the deviation between seeds."""
    return f"{mean(values):.3f}" + (f" ± {stdev(values):.3f}" if signed and len(values) > 1 else "")


if __name__ == "__main__":
    main()
