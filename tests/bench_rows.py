"""Rows of a bench as they are measured, without the measuring."""

from cellprune.bench.row import Row


def row(network: str, milliseconds: float, score: float | None, kind: str | None = "dense", **other: object) -> Row:
    usual = {
        "path": f"runs/{network}", "engine": "onnx", "precision": "fp32", "peak_bytes": 1, "trained_as": "{}",
        "bytes": 1, "parameters": 1, "macs": round(1000 * milliseconds), "comparable": score is not None, "seg": None,
    }  # fmt: skip
    return Row(**usual | {"network": network, "milliseconds": milliseconds, "score": score, "kind": kind} | other)
