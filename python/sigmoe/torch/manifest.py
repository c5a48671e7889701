"""manifest.json: the sums of a directory's files, as docs/formats/model.md describes it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .safetensors import parse_json

NAME = "manifest.json"


def _sum(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def _read(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    lines = data.splitlines(keepends=True)
    seal = f'  "sha256": "{hashlib.sha256(b"".join(lines[:-2])).hexdigest()}"\n}}\n'
    if not data.endswith(seal.encode()) or not lines:
        raise ValueError(f"{path} was changed since it was written, as its own sum tells: restore it")
    root = parse_json(data)
    if root.get("version") != 1 or not isinstance(root.get("files"), dict):
        raise ValueError(f"{path}: 'version' must be 1, and 'files' an object")
    files: dict[str, Any] = root["files"]
    return files


def check(directory: Path, names: Iterable[str]) -> bool:
    """Compares these files with the directory's manifest; a ValueError names one that changed. False: there is no manifest."""
    path = directory / NAME
    if not path.exists():
        return False
    files = _read(path)
    for name in names:
        entry = files.get(name)
        if not isinstance(entry, dict) or entry.get("sha256") != _sum(directory / name):
            raise ValueError(f"{directory / name} is not as it was written, as {NAME} tells: restore it, or use another model")
    return True
