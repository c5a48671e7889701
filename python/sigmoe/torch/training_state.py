"""What a checkpoint holds beyond the model, as docs/formats/run.md describes it: enough to go on with a training."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from . import manifest
from .model_directory import locate
from .safetensors import SafetensorsFile, parse_json
from .transformer_xl import TransformerXL


@dataclass
class TrainingState:
    """Where a training stands after ``step`` steps."""

    step: int
    settings: dict[str, Any]  # of the run's train.json; empty if the checkpoint is alone
    moments: dict[str, tuple[Tensor, Tensor]]  # by parameter: Adam's first and second moment
    memory: Tensor | None  # [L, B, M, d]

    def apply(self, model: TransformerXL, optimizer: torch.optim.Optimizer) -> None:
        """Gives an Adam or AdamW of the model's parameters the moments."""
        for name, parameter in model.named_parameters():
            first, second = (moment.to(parameter.device, copy=True) for moment in self.moments[name])
            optimizer.state[parameter] = {
                "step": torch.tensor(float(self.step)),
                "exp_avg": first,
                "exp_avg_sq": second,
            }


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return parse_json(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


SUMMED = ("config.json", "model.safetensors", "trainer.json", "trainer.safetensors")


def _check_sums(directory: Path, sums: dict[str, str]) -> None:
    """Those of version 0.1.0, which wrote no manifest."""
    for name in set(SUMMED) & set(sums):
        if hashlib.sha256((directory / name).read_bytes()).hexdigest() != sums[name]:
            raise ValueError(f"{directory / name} is not as it was written with this checkpoint")


def _declared(model: TransformerXL, batch: int, rows: int) -> dict[str, tuple[int, ...]]:
    shapes = {f"moment{i}.{name}": tuple(p.shape) for i in (1, 2) for name, p in model.named_parameters()}
    if rows:
        shapes.update({f"memory.{i}": (batch, rows, model.config["d_model"]) for i in range(len(model.layers))})
    return shapes


def read_training_state(directory: str | os.PathLike[str], model: TransformerXL) -> TrainingState | None:
    """The state beside a model that was read from this run or checkpoint; None for a model directory that has none."""
    checkpoint = locate(directory)
    if not (checkpoint / "trainer.json").exists():
        return None
    counters = _read_json(checkpoint / "trainer.json")
    step, rows = counters.get("step"), counters.get("memory_rows")
    version = counters.get("version")
    if version not in (1, 2) or type(step) is not int or type(rows) is not int or min(step, rows) < 0:
        raise ValueError(f"{checkpoint / 'trainer.json'}: 'version', 'step' and 'memory_rows' must be 1 or 2 and two counts")
    if version == 1:
        _check_sums(checkpoint, counters.get("sha256", {}))
    elif not manifest.check(checkpoint, SUMMED):
        raise ValueError(f"{checkpoint / manifest.NAME} is missing: restore it, or use another checkpoint")
    file = SafetensorsFile(checkpoint / "trainer.safetensors")
    first = file.entries.get("memory.0")
    file.expect(_declared(model, first.shape[0] if first and first.shape else 0, rows), lambda name: (torch.float32,))
    moments = {
        name: (file.tensor(f"moment1.{name}"), file.tensor(f"moment2.{name}")) for name, _ in model.named_parameters()
    }
    memory = torch.stack([file.tensor(f"memory.{i}") for i in range(len(model.layers))]) if rows else None
    run = checkpoint.resolve().parent.parent / "train.json"
    return TrainingState(step, _read_json(run).get("settings", {}) if run.exists() else {}, moments, memory)
