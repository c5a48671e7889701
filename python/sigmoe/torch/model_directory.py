"""Model directories, as docs/formats/model.md describes them: config.json, model.safetensors, tokenizer.model."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from . import manifest
from .options import MEMORY_SEGMENTS, MODEL, did_you_mean, read_feedforward, read_options, refuse_unknown
from .safetensors import SafetensorsFile, ShardedSafetensors, parse_json, write_tensors

VERSION = 1
FOREIGN = ("auto_map", "architectures", "dtype", "torch_dtype", "transformers_version")  # added by other programs
TOKENIZERS = ("bytes", "sentencepiece", "none")


# ---------------------------------------------------------------- finding


def locate(path: str | os.PathLike[str]) -> Path:
    """The model directory itself, or the newest checkpoint of a run directory."""
    directory = Path(path)
    if (directory / "config.json").exists():
        return directory
    checkpoints = directory / "checkpoints"
    if not checkpoints.is_dir():
        raise FileNotFoundError(
            f"{directory} is neither a model directory (with config.json) nor a training run (with checkpoints)"
        )
    # Only a whole checkpoint has a number for a name.
    steps = [entry for entry in checkpoints.iterdir() if entry.name.isascii() and entry.name.isdigit()]
    if not steps:
        raise FileNotFoundError(f"{directory} has no finished checkpoint yet")
    return max(steps, key=lambda entry: int(entry.name))


# ---------------------------------------------------------------- config.json


def _check_tokenizer(tokenizer: Mapping[str, Any]) -> dict[str, Any]:
    kind = tokenizer.get("type")
    if kind not in TOKENIZERS:
        raise ValueError(f"'tokenizer.type' must be bytes, sentencepiece or none, not {kind!r}")
    refuse_unknown(tokenizer, ["type", "alphabet"] if kind == "bytes" else ["type"], "tokenizer.")
    if kind != "bytes":
        return {"type": kind}
    alphabet = tokenizer.get("alphabet")
    bytes_ascending = (
        isinstance(alphabet, (list, tuple))
        and 1 <= len(alphabet) <= 256
        and all(type(value) is int and low < value <= 255 for low, value in zip([-1, *alphabet], alphabet))
    )
    if not bytes_ascending:
        raise ValueError("'tokenizer.alphabet' must be an ascending list of 1 to 256 byte values")
    return {"type": kind, "alphabet": list(alphabet or ())}


def _member(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    if not isinstance(config.get(name), Mapping):
        raise ValueError(f"{name!r} must be an object" if name in config else f"{name!r} is missing")
    member: Mapping[str, Any] = config[name]
    return member


def check_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """A model's configuration, without model_type and version: checked, complete, in the order of config.json."""
    objects = ("memory_segments", "tokenizer", "ff")
    refuse_unknown(config, [*MODEL, *objects])
    checked = read_options({name: config[name] for name in config if name not in objects}, MODEL)
    checked["memory_segments"] = read_options(_member(config, "memory_segments"), MEMORY_SEGMENTS, "memory_segments.")
    checked["tokenizer"] = _check_tokenizer(_member(config, "tokenizer"))
    ff = dict(_member(config, "ff"))
    kind = ff.pop("type", None)
    if not isinstance(kind, str):
        raise ValueError("'ff.type' is missing" if kind is None else "'ff.type' must be a string")
    checked["ff"] = {"type": kind, **read_feedforward(kind, checked["d_model"], ff)}
    if checked["n_heads"] * checked["d_head"] > 1 << 30:
        raise ValueError(f"n_heads x d_head is {checked['n_heads'] * checked['d_head']}; at most {1 << 30} is possible")
    return checked


def read_config(directory: Path) -> dict[str, Any]:
    """The checked configuration of a model directory; a ValueError names the file and the key."""
    path = directory / "config.json"
    manifest.check(directory, [path.name])
    try:
        root = parse_json(path.read_bytes())
        for key in FOREIGN:
            root.pop(key, None)
        if root.pop("model_type", None) != "sigmoe":
            raise ValueError("'model_type' must be 'sigmoe'")
        version = root.pop("version", None)
        if type(version) is not int or version != VERSION:
            raise ValueError(f"'version' is {version!r}; this program reads version {VERSION}")
        return check_config(root)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


# ---------------------------------------------------------------- weights


SCALES = ".scale"  # what the name of a matrix's scales adds to its own


def _readable(tensor: Tensor) -> tuple[torch.dtype, ...]:
    if not tensor.is_floating_point():
        return (torch.int32,)
    return (torch.float32, torch.bfloat16, *([torch.int8] if tensor.dim() > 1 else []))


def _quantized(file: SafetensorsFile, declared: Mapping[str, Tensor]) -> list[str]:
    """Those that lie in the file as I8, with a scale for each row."""
    return [
        name
        for name, tensor in declared.items()
        if torch.int8 in _readable(tensor) and name in file.entries and file.entries[name].dtype == torch.int8
    ]


def _tensors(file: SafetensorsFile, declared: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The file's tensors, of which those in 8 bits are widened."""
    quantized = _quantized(file, declared)
    shapes = {name: tuple(tensor.shape) for name, tensor in declared.items()}
    shapes.update({name + SCALES: shapes[name][:-1] for name in quantized})
    file.expect(shapes, lambda name: _readable(declared[name]) if name in declared else (torch.float32, torch.bfloat16))
    for name in quantized:
        if not bool(torch.isfinite(file.tensor(name + SCALES)).all()):
            raise ValueError(f"{file.path}: tensor {name + SCALES!r} has values that are not finite")
    return {
        name: file.tensor(name).float() * file.tensor(name + SCALES).float()[..., None]
        if name in quantized
        else file.tensor(name)
        for name in declared
    }


def _check_table(name: str, table: Tensor, experts: int) -> None:
    """Each row of a hash table consists of distinct experts that exist."""
    if table.numel() and (int(table.min()) < 0 or int(table.max()) >= experts):
        raise ValueError(f"tensor {name!r} names an expert that does not exist; there are {experts}")
    ordered = table.sort(dim=1).values
    if bool((ordered[:, 1:] == ordered[:, :-1]).any()):
        raise ValueError(f"tensor {name!r} names the same expert twice for one token")


def _open_weights(directory: Path) -> SafetensorsFile:
    """model.safetensors or, where there is none, the files that its index names."""
    whole, index = directory / "model.safetensors", directory / "model.safetensors.index.json"
    return ShardedSafetensors(index) if index.exists() and not whole.exists() else SafetensorsFile(whole)


def read_weights(directory: Path, declared: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of model.safetensors, which must be those ``declared`` (perhaps without storage) by name and shape."""
    file = _open_weights(directory)
    manifest.check(directory, [file.path.name])
    tensors = _tensors(file, declared)
    experts = {
        name: declared[name.removesuffix("router.table") + "experts.up"].shape[0]
        for name in declared
        if name.endswith(".router.table")
    }
    for name, tensor in tensors.items():
        try:
            if name in experts:
                _check_table(name, tensor, experts[name])
            elif not bool(torch.isfinite(tensor).all()):
                raise ValueError(f"tensor {name!r} has values that are not finite")
        except ValueError as error:
            raise ValueError(f"{file.path}: {error}") from None
    return tensors


def read_tokenizer_model(directory: Path, config: Mapping[str, Any]) -> bytes | None:
    path = directory / "tokenizer.model"
    if config["tokenizer"]["type"] != "sentencepiece" or not path.exists():
        return None
    manifest.check(directory, [path.name])
    return path.read_bytes()


# ---------------------------------------------------------------- writing


def _replace(path: Path, write: Callable[[BinaryIO], Any]) -> None:
    """Writes a file in one piece: readers see the old contents or the new."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with open(partial, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write(
    directory: str | os.PathLike[str],
    config: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    tokenizer_model: bytes | None,
) -> None:
    """Writes a model directory; what is in it under these names is replaced."""
    path = Path(directory)
    if (path / "trainer.json").exists():
        raise ValueError(
            f"{path} is a checkpoint of a training run, which its new weights would not fit: choose another directory"
        )
    stored = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
    for name, tensor in stored.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise ValueError(f"tensor {name!r} has values that are not finite: {path} was not written")
    text = json.dumps({"model_type": "sigmoe", "version": VERSION, **config}, indent=2) + "\n"
    path.mkdir(parents=True, exist_ok=True)
    (path / manifest.NAME).unlink(missing_ok=True)  # it is of the files that are replaced
    if tokenizer_model is not None:
        _replace(path / "tokenizer.model", lambda file: file.write(tokenizer_model))
    _replace(path / "model.safetensors", lambda file: write_tensors(file, stored))
    _replace(path / "config.json", lambda file: file.write(text.encode()))
