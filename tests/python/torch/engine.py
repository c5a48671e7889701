"""The sigmoe program, and what it says about a model: the tests' other implementation."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = os.environ.get("SIGMOE_PROGRAM", str(ROOT / "build" / "sigmoe"))
CASES = ROOT / "tests" / "oracle" / "cases"
# Processes started by a test import the package from where the test does.
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "OMP_NUM_THREADS": "1"}


def run(*arguments: Any) -> str:
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def read_npy(path: Path) -> Tensor:
    """Tokens [B, n + 1] of a .npy of int32."""
    raw = path.read_bytes()
    (length,) = struct.unpack("<H", raw[8:10])
    header = raw[10 : 10 + length].decode()
    shape = [int(n) for n in header[header.index("'shape': (") + 10 :].split(")")[0].split(",") if n.strip()]
    values = struct.unpack(f"<{(len(raw) - 10 - length) // 4}i", raw[10 + length :])
    return torch.tensor(values).view(shape)


def write_npy(path: Path, rows: Tensor) -> None:
    header = f"{{'descr': '<i4', 'fortran_order': False, 'shape': {tuple(rows.shape)}, }}"
    header += " " * (-(10 + len(header) + 1) % 64) + "\n"
    data = struct.pack(f"<{rows.numel()}i", *rows.flatten().tolist())
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data)


def write_shard(path: Path, tokens: list[int]) -> None:
    path.write_bytes(
        struct.pack("<256i", 20240520, 1, len(tokens), *[0] * 253) + struct.pack(f"<{len(tokens)}H", *tokens)
    )


def write_data(directory: Path, vocab_size: int, tokens: list[int]) -> None:
    directory.mkdir()
    for split in ("train", "valid", "test"):
        write_shard(directory / f"{split}.bin", tokens)
    (directory / "meta.json").write_text(json.dumps({"vocab_size": vocab_size, "tokenizer": {"type": "none"}}))
