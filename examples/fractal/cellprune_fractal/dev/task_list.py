"""The tasks of this package; `fractal-manifest create` writes its manifest from them."""

from fractal_task_tools.task_models import ParallelTask

TASK_LIST = [
    ParallelTask(
        name="Find cells (cellprune)",
        executable="predict_cells.py",
        meta={"cpus_per_task": 4, "mem": 4000},
        input_types={"is_3D": False},
        category="Segmentation",
        tags=["Instance Segmentation", "CPU", "ONNX"],
    ),
]
