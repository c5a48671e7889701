"""Weights in several files, model.safetensors.index.json: what the package and the program say of them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Callable

import engine
import pytest
import torch
from random_models import FEEDFORWARDS, save
from torch import Tensor

from sigmoe.torch import TransformerXL
from sigmoe.torch.safetensors import SafetensorsFile, write_tensors

FIRST, SECOND = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"


def write_file(path: Path, tensors: dict[str, Tensor]) -> None:
    with open(path, "wb") as file:
        write_tensors(file, tensors)


def split(directory: Path) -> dict[str, str]:
    """Replaces model.safetensors by two files and their index; returns its map."""
    whole = SafetensorsFile(directory / "model.safetensors")
    tensors = {name: whole.tensor(name).clone() for name in whole.entries}
    places = {name: FIRST if i % 3 else SECOND for i, name in enumerate(tensors)}
    for place in (FIRST, SECOND):
        write_file(directory / place, {name: tensors[name] for name in tensors if places[name] == place})
    (directory / "model.safetensors").unlink()
    write_index(directory, places)
    return places


def write_index(directory: Path, places: dict[str, Any]) -> None:
    text = json.dumps({"metadata": {"total_size": 1}, "weight_map": places})
    (directory / "model.safetensors.index.json").write_text(text)


def test_shards_are_read(tmp_path: Path) -> None:
    whole, parts = save(tmp_path / "whole", FEEDFORWARDS["hash"]), save(tmp_path / "parts", FEEDFORWARDS["hash"])
    split(parts)
    tokens = torch.arange(24).view(2, 12) % 11
    engine.write_npy(tmp_path / "x.npy", tokens)
    for model in (whole, parts):
        engine.run("forward", "--threads", 1, "--model", model, "--tokens", tmp_path / "x.npy", "--out", tmp_path / f"{model.name}.y")
    assert (tmp_path / "whole.y").read_bytes() == (tmp_path / "parts.y").read_bytes()
    pair = zip(TransformerXL.from_pretrained(whole).state_dict().values(), TransformerXL.from_pretrained(parts).state_dict().values())
    assert all(torch.equal(a, b) for a, b in pair)


def drop(directory: Path, places: dict[str, str]) -> None:
    (directory / SECOND).unlink()


def up(directory: Path, places: dict[str, str]) -> None:
    (directory.parent / "w.safetensors").write_bytes((directory / FIRST).read_bytes())
    write_index(directory, {name: "../w.safetensors" if place == FIRST else place for name, place in places.items()})


def absolute(directory: Path, places: dict[str, str]) -> None:
    file = str(directory / FIRST)
    write_index(directory, {name: file if place == FIRST else place for name, place in places.items()})


def hidden(directory: Path, places: dict[str, str]) -> None:
    write_index(directory, {**places, "head.bias": "..safetensors"})


def elsewhere(directory: Path, places: dict[str, str]) -> None:
    write_index(directory, {**places, "head.bias": FIRST if places["head.bias"] == SECOND else SECOND})


def twice(directory: Path, places: dict[str, str]) -> None:
    file = SafetensorsFile(directory / FIRST)
    tensors = {name: file.tensor(name).clone() for name in file.entries}
    stranger = next(name for name, place in places.items() if place == SECOND)
    write_file(directory / FIRST, {**tensors, stranger: torch.zeros(1)})


def unnamed(directory: Path, places: dict[str, str]) -> None:
    write_index(directory, {name: place for name, place in places.items() if name != "head.bias"})


def missing(directory: Path, places: dict[str, str]) -> None:
    write_index(directory, {**places, "more": FIRST})


def number(directory: Path, places: dict[str, str]) -> None:
    write_index(directory, {**places, "head.bias": 1})


def no_map(directory: Path, places: dict[str, str]) -> None:
    (directory / "model.safetensors.index.json").write_text('{"metadata": {}}')


MISTAKES: list[tuple[Callable[[Path, dict[str, str]], None], str]] = [
    (drop, SECOND),
    (up, "../w.safetensors"),
    (absolute, "which is n"),
    (hidden, "..safetensors"),
    (elsewhere, "head.bias"),
    (twice, "too"),
    (unnamed, "head.bias"),
    (missing, "more"),
    (number, "head.bias"),
    (no_map, "weight_map"),
]


@pytest.mark.parametrize(("mistake", "part"), MISTAKES)
def test_mistakes(mistake: Callable[[Path, dict[str, str]], None], part: str, tmp_path: Path) -> None:
    model = save(tmp_path / "model", FEEDFORWARDS["dense"])
    mistake(model, split(model))
    engine.write_npy(tmp_path / "x.npy", torch.zeros(1, 3, dtype=torch.long))
    line = [engine.PROGRAM, "forward", "--threads", 1, "--model", model, "--tokens", tmp_path / "x.npy", "--out", tmp_path / "y"]
    done = subprocess.run(list(map(str, line)), capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and part in done.stderr and done.stderr.count("\n") == 1, done.stderr
    with pytest.raises((ValueError, OSError), match=part.replace(".", "[.]")):
        TransformerXL.from_pretrained(model)
