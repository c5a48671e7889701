"""Files that are damaged or hostile: each is refused with a sentence, by this package and by the program alike."""

from __future__ import annotations

import json
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import engine
import pytest
import torch

from sigmoe.torch import TransformerXL
from sigmoe.torch.safetensors import LONGEST_HEADER, SafetensorsFile, write_tensors

CONFIG: dict[str, Any] = {
    "vocab_size": 6,
    "d_model": 4,
    "n_layers": 1,
    "n_heads": 1,
    "d_head": 4,
    "unroll": 4,
    "ff": {"type": "moe", "n_experts": 3, "expert_size": 2, "k": 2, "router": "hash", "regularizer": "none"},
}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    TransformerXL(**CONFIG).save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def refused(directory: Path, pattern: str) -> None:
    """Both refuse it; this package says why and where."""
    file = "config.json" if "config.json" in pattern else "model.safetensors"
    with pytest.raises(ValueError, match=pattern) as error:
        TransformerXL.from_pretrained(directory)
    assert str(error.value).startswith(f"{directory / file}: ") and "\n" not in str(error.value)
    engine.write_npy(directory.parent / "tokens.npy", torch.zeros(1, 3, dtype=torch.int64))
    done = subprocess.run(
        [
            engine.PROGRAM,
            "forward",
            "--model",
            str(directory),
            "--tokens",
            str(directory.parent / "tokens.npy"),
            "--out",
            str(directory.parent / "out"),
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0, "the program reads it"


# ---------------------------------------------------------------- model.safetensors


def split(path: Path) -> tuple[dict[str, Any], bytes]:
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    return json.loads(raw[8 : 8 + length]), raw[8 + length :]


def join(path: Path, header: Any, data: bytes) -> None:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


Header = dict[str, Any]
TABLE, BIAS = "layers.0.ff.router.table", "head.bias"


def change(**members: Any) -> Callable[[Header], None]:
    return lambda header: header[BIAS].update(members)


@pytest.mark.parametrize(
    "edit, pattern",
    [
        (change(dtype="F16"), "'head.bias': its dtype is 'F16'"),
        (change(dtype=3), "'head.bias': its dtype is 3"),
        (change(dtype="I32"), "'head.bias' is I32 where F32 or BF16 is needed"),
        (change(shape=[5]), "'head.bias': its data_offsets do not fit"),
        (change(shape=[2, 3]), r"'head.bias' has shape \[2, 3\] where \[6\] is needed"),
        (change(shape=[-6]), "'head.bias': its shape is not a list"),
        (change(shape=[6.0]), "'head.bias': its shape is not a list"),
        (change(shape=[True, 6]), "'head.bias': its shape is not a list"),
        (change(shape=[1 << 40, 1 << 40]), "'head.bias': its data_offsets do not fit"),
        (change(shape=[1] * 8 + [6]), "'head.bias': its shape is not a list"),
        (change(shape="6"), "'head.bias': its shape is not a list"),
        (change(data_offsets=[0]), "'head.bias': its data_offsets are not two sizes"),
        (change(data_offsets=[-24, 0]), "'head.bias': its data_offsets are not two sizes"),
        (change(data_offsets=[1 << 50, (1 << 50) + 24]), "'head.bias': its data_offsets lie outside"),
        (change(data_offsets=[24, 0]), "'head.bias': its data_offsets lie outside"),
        (change(data_offsets=[0, 24]), "overlap those of another"),
        (lambda header: header.pop(BIAS), "the file goes on behind its last tensor"),
        (lambda header: header.pop("embed.weight"), "follow bytes that belong to no tensor"),
        (lambda header: header.update({BIAS: 5}), "'head.bias': its description is not an object"),
        (lambda header: header.update(more=header.pop(BIAS)), "'head.bias' is missing"),
        (
            lambda header: header.update(more={"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}),
            "no place for the tensor 'more'",
        ),
        (lambda header: header[TABLE].update(dtype="F32"), "'layers.0.ff.router.table' is F32 where I32 is needed"),
    ],
)
def test_headers(model: Path, edit: Callable[[Header], None], pattern: str) -> None:
    path = model / "model.safetensors"
    header, data = split(path)
    edit(header)
    join(path, header, data)
    refused(model, pattern)


@pytest.mark.parametrize(
    "raw, pattern",
    [
        (b"", "with 0 bytes it is too short"),
        (b"1234567", "with 7 bytes it is too short"),
        (struct.pack("<Q", 1 << 63), "a header of 9223372036854775808 bytes"),
        (struct.pack("<Q", LONGEST_HEADER + 1), "a header of 100000001 bytes"),
        (struct.pack("<Q", 5) + b"{}", "the file ends inside its header"),
        (struct.pack("<Q", 0), "Expecting value"),
        (struct.pack("<Q", 2) + b"[]", "a JSON object is needed"),
        (struct.pack("<Q", 15) + b'{"a": 1,"a": 1}', "a key is given twice"),
        (struct.pack("<Q", 200000) + b'{"a":' * 40000, "Expecting|nested too deeply"),
        (struct.pack("<Q", 4) + b'{"\xff"', "codec can't decode|utf-8"),
    ],
)
def test_raw_files(model: Path, raw: bytes, pattern: str) -> None:
    (model / "model.safetensors").write_bytes(raw)
    refused(model, pattern)


@pytest.mark.parametrize("cut", [1, 24, 200])
def test_cut_files(model: Path, cut: int) -> None:
    path = model / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-cut])
    refused(model, "lie outside of the data .is the file cut short")


@pytest.mark.parametrize(
    "name, value, pattern",
    [
        (BIAS, float("nan"), "'head.bias' has values that are not finite"),
        (BIAS, float("-inf"), "'head.bias' has values that are not finite"),
        (TABLE, 3, "names an expert that does not exist; there are 3"),
        (TABLE, -1, "names an expert that does not exist; there are 3"),
    ],
)
def test_values(model: Path, name: str, value: float, pattern: str) -> None:
    path = model / "model.safetensors"
    file = SafetensorsFile(path)
    tensors = {key: file.tensor(key).clone() for key in file.entries}
    tensors[name].view(-1)[0] = value
    with open(path, "wb") as out:
        write_tensors(out, tensors)
    refused(model, pattern)


def test_an_expert_twice(model: Path) -> None:
    path = model / "model.safetensors"
    file = SafetensorsFile(path)
    tensors = {key: file.tensor(key).clone() for key in file.entries}
    tensors[TABLE][2] = 1
    with open(path, "wb") as out:
        write_tensors(out, tensors)
    refused(model, "names the same expert twice")


def test_bfloat16_and_unaligned_data(model: Path) -> None:
    """Both are read, and so is metadata."""
    path = model / "model.safetensors"
    expected = TransformerXL.from_pretrained(model).bfloat16().float()
    tensors = {
        name: value.bfloat16() if value.is_floating_point() else value for name, value in expected.state_dict().items()
    }
    with open(path, "wb") as out:
        write_tensors(out, tensors)
    header, data = split(path)
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    for spaces in range(4):
        join(path, text + b" " * spaces, data)
        got = TransformerXL.from_pretrained(model)
        for name, value in expected.state_dict().items():
            assert torch.equal(got.state_dict()[name], value), name


# ---------------------------------------------------------------- config.json


@pytest.mark.parametrize(
    "text, pattern",
    [
        ("", "config.json: Expecting value"),
        ("[]", "config.json: a JSON object is needed"),
        ('{"model_type": "gpt2"}', "config.json: 'model_type' must be 'sigmoe'"),
        ('{"model_type": "sigmoe", "version": true}', "config.json: 'version' is True"),
        ('{"model_type": "sigmoe", "version": 2}', "config.json: 'version' is 2; this program reads version 1"),
    ],
)
def test_other_files(model: Path, text: str, pattern: str) -> None:
    (model / "config.json").write_text(text)
    refused(model, pattern)


@pytest.mark.parametrize(
    "path, value, pattern",
    [
        ("n_layer", 1, "unknown key 'n_layer'; did you mean 'n_layers'"),
        ("ff.exprts", 1, "unknown key 'ff.exprts'; did you mean 'ff.n_experts'"),
        ("tokenizer.kind", 1, "unknown key 'tokenizer.kind'"),
        ("vocab_size", None, "vocab_size must be an integer, not None"),
        ("vocab_size", 6.0, "vocab_size must be an integer, not 6.0"),
        ("vocab_size", 1 << 40, "vocab_size is 1099511627776; it must lie between 1 and 1073741824"),
        ("dropout", "0", "dropout must be a number, not '0'"),
        ("dropout", float("nan"), "dropout is nan; it must lie between 0 and 0.999"),
        ("memory_segments", 4, "'memory_segments' must be an object"),
        ("memory_segments.eval", -1, "memory_segments.eval is -1; it must lie between 0 and 4096"),
        ("tokenizer", "bytes", "'tokenizer' must be an object"),
        ("tokenizer.type", "words", "'tokenizer.type' must be bytes, sentencepiece or none"),
        ("tokenizer", {"type": "bytes", "alphabet": [1, 1]}, "'tokenizer.alphabet' must be an ascending list"),
        ("tokenizer", {"type": "bytes", "alphabet": [256]}, "'tokenizer.alphabet' must be an ascending list"),
        ("tokenizer", {"type": "bytes"}, "'tokenizer.alphabet' must be an ascending list"),
        ("ff", [], "'ff' must be an object"),
        ("ff.type", 3, "'ff.type' must be a string"),
        ("ff.type", "mow", "there is no feedforward block 'mow'; did you mean 'moe'"),
        ("ff.router", ["hash"], "ff.router is .'hash'.; it must be one of"),
    ],
)
def test_configurations(model: Path, path: str, value: Any, pattern: str) -> None:
    config = json.loads((model / "config.json").read_text())
    *parents, last = path.split(".")
    member = config
    for parent in parents:
        member = member[parent]
    member[last] = value
    (model / "config.json").write_text(json.dumps(config))
    refused(model, "config.json: .*" + pattern)


@pytest.mark.parametrize("path", ["vocab_size", "dropout", "memory_segments", "tokenizer", "ff", "ff.type", "ff.k"])
def test_missing_keys(model: Path, path: str) -> None:
    config = json.loads((model / "config.json").read_text())
    *parents, last = path.split(".")
    del (config[parents[0]] if parents else config)[last]
    (model / "config.json").write_text(json.dumps(config))
    refused(model, f"config.json: '{path}' is missing")


def test_a_configuration_without_such_weights(model: Path) -> None:
    """Sizes that no memory holds are compared with the file before anything is allocated."""
    config = json.loads((model / "config.json").read_text())
    config.update(d_model=1 << 20, vocab_size=1 << 30)
    (model / "config.json").write_text(json.dumps(config))
    refused(model, r"'embed.weight' has shape \[6, 4\] where")


def test_foreign_keys_are_ignored(model: Path) -> None:
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps({**config, "architectures": ["x"], "torch_dtype": "float32"}))
    assert TransformerXL.from_pretrained(model).config["vocab_size"] == 6
