"""`sigmoe export --format onnx`: what onnxruntime computes of the file."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import engine
import pytest
import torch
from random_models import ALPHABET, FEEDFORWARDS, save

from sigmoe.torch.safetensors import SafetensorsFile

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    **{name: (name, {}) for name in FEEDFORWARDS if name != "random"},
    "no-memory": ("dense", {"memory_segments": {"train": 0, "eval": 0}}),
    "odd-width": ("sigmoid", {"d_model": 7}),
    "all-channels": ("channels_kept", {}),
    "long": ("dense", {"unroll": 700, "n_layers": 1}),
}


@pytest.mark.parametrize("name", CASES)
def test_logits_are_the_programs(name: str, tmp_path: Path) -> None:
    ff, changes = CASES[name]
    model, file = save(tmp_path / "model", FEEDFORWARDS[ff], **changes), tmp_path / "model.onnx"
    engine.run("export", "--model", model, "--format", "onnx", "--out", file)
    onnx.checker.check_model(str(file), full_check=True)
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    torch.manual_seed(2)
    for batch, length in ((2, 27), (1, 1), (3, 5), (1, 1500 if name == "long" else 11)):
        tokens = torch.randint(0, len(ALPHABET), (batch, length))
        (logits,) = session.run(["logits"], {"input_ids": tokens.numpy()})
        engine.write_npy(tmp_path / "x.npy", torch.cat([tokens, tokens[:, :1]], dim=1))
        engine.run("forward", "--threads", 1, "--model", model, "--tokens", tmp_path / "x.npy", "--out", tmp_path / "y")
        expected = SafetensorsFile(tmp_path / "y").tensor("logits")
        torch.testing.assert_close(torch.from_numpy(logits), expected, rtol=2e-5, atol=2e-5)


def test_what_is_refused(tmp_path: Path) -> None:
    def refusal(model: Path, *more: Any) -> str:
        line = [engine.PROGRAM, "export", "--model", model, "--format", "onnx", "--out", tmp_path / "x.onnx", *more]
        done = subprocess.run(list(map(str, line)), capture_output=True, text=True, timeout=60)
        assert done.returncode in (1, 2) and done.stderr.count("\n") == 1
        return done.stderr

    assert "router random" in refusal(save(tmp_path / "random", FEEDFORWARDS["random"]))
    assert not (tmp_path / "x.onnx").exists()
    model = save(tmp_path / "model", FEEDFORWARDS["dense"])
    (tmp_path / "x.onnx").write_text("something")
    assert "exists already" in refusal(model) and (tmp_path / "x.onnx").read_text() == "something"
    engine.run("export", "--model", model, "--format", "onnx", "--out", tmp_path / "x.onnx", "--force")
    first = (tmp_path / "x.onnx").read_bytes()
    engine.run("export", "--model", model, "--format", "onnx", "--out", tmp_path / "x.onnx", "--force")
    assert (tmp_path / "x.onnx").read_bytes() == first
    assert "lies in the model's directory" in refusal(model, "--out", model / "config.json", "--force")
