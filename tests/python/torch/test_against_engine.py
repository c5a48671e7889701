"""The torch model against the C engine and the oracle's numbers, on every case of the oracle: logits, losses, gradients."""

from __future__ import annotations

import json
from pathlib import Path

import engine
import pytest
import torch
from torch import Tensor

from sigmoe.torch import TransformerXL
from sigmoe.torch.safetensors import SafetensorsFile

CASES = sorted((engine.CASES / "forward").iterdir())
TOLERANCE = 2e-5


def forward(directory: Path, case: dict[str, object], device: str = "cpu") -> dict[str, Tensor]:
    """What `sigmoe forward` writes."""
    model = TransformerXL.from_pretrained(directory).train(bool(case["training"]))
    rows = engine.read_npy(directory / "tokens.npy")
    unroll = case["unroll"] or model.config["unroll"]
    assert isinstance(unroll, int)
    segments = case["memory_segments"]
    length = model.memory_length // model.config["unroll"] * unroll if segments is None else int(str(segments)) * unroll
    memory, logits = None, []
    for begin in range(0, rows.shape[1] - 1, unroll):
        end = min(begin + unroll, rows.shape[1] - 1)
        out = model(rows[:, begin:end], memory, rows[:, begin + 1 : end + 1], memory_length=length)
        memory = out.memory
        logits.append(out.logits)
    result = {
        "logits": torch.cat(logits, 1).detach(),
        "loss.ce": out.loss.detach()[None],
        "loss.reg": out.reg_loss.detach()[None],
    }
    if case["grad"]:
        (out.loss + out.reg_loss).backward()
        for name, parameter in model.named_parameters():
            gradient = parameter.grad if parameter.grad is not None else torch.zeros_like(parameter)
            result["grad." + name] = gradient
    return result


def compare(got: dict[str, Tensor], path: Path) -> None:
    expected = SafetensorsFile(path)
    assert set(got) == set(expected.entries)
    for name, value in got.items():
        torch.testing.assert_close(
            value, expected.tensor(name), rtol=TOLERANCE, atol=TOLERANCE, msg=lambda m: f"{name}: {m}"
        )


@pytest.mark.parametrize("directory", CASES, ids=lambda path: path.name)
def test_case(directory: Path, tmp_path: Path) -> None:
    case = json.loads((directory / "case.json").read_text())
    got = forward(directory, case)
    compare(got, directory / "expected.safetensors")
    flags = [flag for flag in ("training", "grad") if case[flag]]
    options = [
        part
        for key in ("unroll", "memory_segments")
        if case[key] is not None
        for part in ("--" + key.replace("_", "-"), case[key])
    ]
    out = tmp_path / "out.safetensors"
    engine.run(
        "forward",
        "--model",
        directory,
        "--tokens",
        directory / "tokens.npy",
        "--out",
        out,
        *options,
        *("--" + flag for flag in flags),
    )
    compare(got, out)


def test_every_variant_has_a_case() -> None:
    ffs = [json.loads((path / "config.json").read_text())["ff"] for path in CASES]
    assert {ff["type"] for ff in ffs} == {"dense", "topk", "pkm", "moe"}
    assert len({(ff["router"], ff["regularizer"]) for ff in ffs if ff["type"] == "moe"}) == 5 * 5 + 2
