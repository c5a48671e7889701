"""The examples run, and they and the package pass mypy --strict."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from conftest import make_text_model

ROOT = Path(__file__).resolve().parents[3]


def run(*command: str) -> str:
    out = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False, cwd=ROOT)
    assert out.returncode == 0, out.stdout + out.stderr
    return out.stdout


def test_moe_layer() -> None:
    out = run("examples/moe_layer.py", "--steps", "101", "--tokens", "256")
    losses = [float(number) for number in re.findall(r"step \d+: loss (\S+)", out)]
    assert len(losses) == 3 and losses[-1] < 0.7 * losses[0]
    difference = re.search(r"torch: (\S+) of (\S+)", out)
    assert difference is not None and float(difference[1]) < 1e-5 * float(difference[2])


def test_finetune_moe() -> None:
    pytest.importorskip("transformers")
    out = run("examples/finetune_moe.py", "--steps", "4")
    losses = re.findall(r"(\w+): loss (\S+) to (\S+),", out)
    assert [name for name, _, _ in losses] == ["sigmoe", "grouped_mm", "eager"]
    assert all(float(last) < float(first) for _, first, last in losses)
    assert len({first for _, first, _ in losses}) == 1


def test_guide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("transformers")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    make_text_model(tmp_path / "out" / "run", b"\n .abcdefghijklmnopqrstuvwxyz")
    guide = ROOT / "docs" / "guide" / "python.md"
    blocks = re.findall(r"^```python\n(.*?)^```$", guide.read_text(), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, str(guide), "exec"), names)  # noqa: S102
    assert len(blocks) == 6
    assert all(names[name].grad is not None for name in ("up", "down"))


def test_types(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    environment = {**os.environ, "MYPYPATH": "python", "MYPY_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "mypy", "--strict", "python/sigmoe", "examples/moe_layer.py"]
    out = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)
    assert out.returncode == 0, out.stdout
