"""Models in 8 bits, as ``sigmoe quantize`` writes them: the same here as in the program, and refused alike if they are wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import engine
import pytest
import torch
from torch import Tensor

from sigmoe.torch import TransformerXL
from sigmoe.torch.safetensors import SafetensorsFile, write_tensors

UP, DOWN = "layers.0.ff.experts.up", "layers.0.ff.experts.down"
KINDS: dict[str, dict[str, Any]] = {
    "dense": {"type": "dense", "d_ff": 24},
    "topk": {"type": "topk", "d_ff": 24, "k": 5},
    "pkm": {"type": "pkm", "n_subkeys": 4, "knn": 3, "activation": "relu"},
    "moe": {"type": "moe", "n_experts": 4, "expert_size": 6, "k": 2, "router": "sigmoid", "regularizer": "none"},
    "hash": {"type": "moe", "n_experts": 4, "expert_size": 6, "k": 2, "router": "hash", "regularizer": "none"},
}


def quantize(directory: Path, kind: str) -> tuple[Path, TransformerXL]:
    torch.manual_seed(1)
    sizes = {"vocab_size": 13, "d_model": 16, "n_layers": 2, "n_heads": 2, "d_head": 8, "unroll": 7}
    model = TransformerXL(**sizes, ff=KINDS[kind])
    model.save_pretrained(directory / "model")
    engine.run("quantize", "--model", directory / "model", "--out", directory / "small")
    return directory / "small", model


def tensors(directory: Path) -> dict[str, Tensor]:
    file = SafetensorsFile(directory / "model.safetensors")
    return {name: file.tensor(name).clone() for name in file.entries}


@pytest.mark.parametrize("kind", KINDS)
def test_it_loads_and_computes_as_the_program(tmp_path: Path, kind: str) -> None:
    directory, before = quantize(tmp_path, kind)
    model = TransformerXL.from_pretrained(directory).eval()
    stored, changed = tensors(directory), 0
    original = {name: tensor for name, tensor in before.state_dict().items()}
    for name, tensor in model.state_dict().items():
        if name + ".scale" in stored:
            scale = stored[name + ".scale"][..., None]
            assert torch.equal(tensor, stored[name].float() * scale)
            assert bool(((tensor - original[name]).abs() <= 0.5001 * scale).all())
            changed += 1
        else:
            assert torch.equal(tensor, original[name])
    assert changed >= 12
    tokens = torch.randint(0, 13, (2, 20))
    engine.write_npy(tmp_path / "tokens.npy", tokens)
    engine.run("forward", "--model", directory, "--tokens", tmp_path / "tokens.npy", "--out", tmp_path / "out")
    expected, memory = SafetensorsFile(tmp_path / "out").tensor("logits"), None
    for first in range(0, 19, 7):
        part = tokens[:, first : min(first + 7, 19)]
        with torch.no_grad():
            output = model(part, memory=memory)
        memory = output.memory
        torch.testing.assert_close(output.logits, expected[:, first : first + 7], atol=2e-5, rtol=0)


def test_what_is_saved_again_is_wide(tmp_path: Path) -> None:
    directory, _ = quantize(tmp_path, "moe")
    TransformerXL.from_pretrained(directory).save_pretrained(tmp_path / "wide")
    wide, small = tensors(tmp_path / "wide"), tensors(directory)
    assert set(wide) == {name for name in small if name[:-6] not in small or not name.endswith(".scale")}
    assert wide[UP].dtype == torch.float32
    engine.run("quantize", "--model", tmp_path / "wide", "--out", tmp_path / "again")
    again = tensors(tmp_path / "again")
    assert all(torch.equal(again[name], small[name]) for name in small if small[name].dtype == torch.int8)


Change = Callable[[dict[str, Tensor]], None]


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda t: t.pop(UP + ".scale"), f"tensor '{UP}.scale' is missing"),
        (lambda t: t.update({UP + ".scale": torch.ones(4, 15)}), r"shape \[4, 15\] where \[4, 16\] is needed"),
        (lambda t: t.update({UP + ".scale": torch.ones(4, 16, dtype=torch.int32)}), "is I32 where F32 or BF16"),
        (lambda t: t[UP + ".scale"][0].fill_(float("nan")), f"tensor '{UP}.scale' has values that are not finite"),
        (lambda t: t[DOWN + ".scale"].fill_(3e38), f"tensor '{DOWN}' has values that are not finite"),
        (lambda t: t.update({UP: t[UP].float()}), f"no place for the tensor '{UP}.scale'"),
        (lambda t: t.update({"head.bias": t["head.bias"].to(torch.int8)}), "'head.bias' is I8 where F32 or BF16"),
    ],
)
def test_wrong_files(tmp_path: Path, change: Change, words: str) -> None:
    directory, _ = quantize(tmp_path, "moe")
    stored = tensors(directory)
    change(stored)
    with open(directory / "model.safetensors", "wb") as file:
        write_tensors(file, stored)
    (directory / "manifest.json").unlink()  # which would tell
    with pytest.raises(ValueError, match=words) as error:
        TransformerXL.from_pretrained(directory)
    assert str(error.value).startswith(f"{directory / 'model.safetensors'}: ")
