"""The Python blocks of the guide run, one after the other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import engine
import pytest

from sigmoe.torch import TransformerXL

GUIDE = engine.ROOT / "docs" / "guide" / "pytorch.md"


def test_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ff = {"type": "dense", "d_ff": 8}
    small = TransformerXL(vocab_size=11, d_model=8, n_layers=1, n_heads=1, d_head=4, unroll=64, ff=ff)
    small.save_pretrained("out/run")
    blocks = re.findall(r"^```python\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, str(GUIDE), "exec"), names)  # noqa: S102
    assert len(blocks) >= 3
    assert engine.run("info", "--model", "out/topk")
