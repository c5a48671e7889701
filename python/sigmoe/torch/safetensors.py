"""Reads and writes safetensors files: the length of a JSON header, the header, the data. Nothing in a file is trusted."""

from __future__ import annotations

import ctypes
import json
import math
import os
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

DTYPES = {
    "F32": torch.float32,
    "BF16": torch.bfloat16,
    "I8": torch.int8,
    "I32": torch.int32,
    "I64": torch.int64,
    "F64": torch.float64,
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}
LONGEST_HEADER = 100_000_000
MOST_DIMENSIONS = 8


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key is given twice")
    return result


def parse_json(text: bytes) -> dict[str, Any]:
    """A JSON object without duplicate keys."""
    try:
        value = json.loads(text, object_pairs_hook=_refuse_duplicates)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("a JSON object is needed")
    return value


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 62


class _Entry:
    """A tensor's place in the file."""

    def __init__(self, name: str, entry: Any, data_size: int) -> None:
        self.name = name
        if not isinstance(entry, dict):
            raise ValueError(f"tensor {name!r}: its description is not an object")
        dtype, shape, offsets = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
        if not isinstance(dtype, str) or dtype not in DTYPES:
            raise ValueError(f"tensor {name!r}: its dtype is {dtype!r}; those known here are {', '.join(DTYPES)}")
        if not isinstance(shape, list) or len(shape) > MOST_DIMENSIONS or not all(map(_is_size, shape)):
            raise ValueError(f"tensor {name!r}: its shape is not a list of at most {MOST_DIMENSIONS} sizes")
        if not isinstance(offsets, list) or len(offsets) != 2 or not all(map(_is_size, offsets)):
            raise ValueError(f"tensor {name!r}: its data_offsets are not two sizes")
        self.dtype, self.shape = DTYPES[dtype], shape
        self.begin, self.end = offsets
        if not self.begin <= self.end <= data_size:
            raise ValueError(f"tensor {name!r}: its data_offsets lie outside of the data (is the file cut short?)")
        if self.end - self.begin != math.prod(shape) * self.dtype.itemsize:
            raise ValueError(f"tensor {name!r}: its data_offsets do not fit its shape and dtype")


class SafetensorsFile:
    """An open file; its tensors are views of a private mapping and are read when they are used."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        size = self.path.stat().st_size
        try:
            with open(self.path, "rb") as file:
                header, data = _read_header(file, size)
            header.pop("__metadata__", None)
            self.entries = {name: _Entry(name, entry, size - data) for name, entry in header.items()}
            self._check_cover(size - data)
        except ValueError as error:  # json's is one, too
            raise ValueError(f"{self.path}: {error}") from None
        self._bytes = torch.from_file(str(self.path), shared=False, size=size, dtype=torch.uint8)[data:]

    def _check_cover(self, data_size: int) -> None:
        covered = 0
        for entry in sorted(self.entries.values(), key=lambda e: (e.begin, e.end)):
            if entry.begin != covered:
                where = "overlap those of another" if entry.begin < covered else "follow bytes that belong to no tensor"
                raise ValueError(f"the bytes of tensor {entry.name!r} {where}")
            covered = entry.end
        if covered != data_size:
            raise ValueError(f"the file goes on behind its last tensor, for {data_size - covered} bytes")

    def tensor(self, name: str) -> Tensor:
        entry = self.entries[name]
        piece = self._bytes[entry.begin : entry.end]
        if piece.storage_offset() % entry.dtype.itemsize:
            piece = piece.clone()  # views must be aligned
        return piece.view(entry.dtype).view(entry.shape)

    def expect(self, shapes: Mapping[str, tuple[int, ...]], dtype: Callable[[str], tuple[torch.dtype, ...]]) -> None:
        """Refuses the file unless it has exactly these tensors, each of this shape and of one of these types."""
        for name, shape in shapes.items():
            entry = self.entries.get(name)
            if entry is None:
                raise ValueError(f"{self.path}: tensor {name!r} is missing")
            if tuple(entry.shape) != tuple(shape):
                raise ValueError(f"{self.path}: tensor {name!r} has shape {entry.shape} where {list(shape)} is needed")
            if entry.dtype not in dtype(name):
                needed = " or ".join(NAMES[known] for known in dtype(name))
                raise ValueError(f"{self.path}: tensor {name!r} is {NAMES[entry.dtype]} where {needed} is needed")
        for name in self.entries:
            if name not in shapes:
                raise ValueError(f"{self.path}: there is no place for the tensor {name!r}")


class ShardedSafetensors(SafetensorsFile):
    """Tensors in several files: an index, ``{"weight_map": {tensor: file name}}``, and beside it the files."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        try:
            places = parse_json(self.path.read_bytes()).get("weight_map")
            if not isinstance(places, dict):
                raise ValueError("'weight_map' is missing or not an object")
            for name, place in places.items():
                if not isinstance(place, str) or not _is_plain_name(place):
                    raise ValueError(f"tensor {name!r} is said to be in {place!r}, which is no .safetensors file beside it")
        except ValueError as error:
            raise ValueError(f"{self.path}: {error}") from None
        self._shards = {place: SafetensorsFile(self.path.with_name(place)) for place in dict.fromkeys(places.values())}
        self.entries = {}
        for place, shard in self._shards.items():
            for name in shard.entries:
                if name not in places:
                    raise ValueError(f"{self.path}: it does not name tensor {name!r}, which is in {place}")
                if places[name] != place:
                    raise ValueError(f"{self.path}: tensor {name!r} should be in {places[name]}, but {place} has one, too")
            self.entries.update(shard.entries)
        for name, place in places.items():
            if name not in self._shards[place].entries:
                raise ValueError(f"{self.path}: tensor {name!r} is not in {place}")
        self._places = places

    def tensor(self, name: str) -> Tensor:
        return self._shards[self._places[name]].tensor(name)


def _is_plain_name(name: str) -> bool:
    """Of a file beside the index, and nowhere else."""
    return "/" not in name and not name.startswith(".") and name.endswith(".safetensors") and name != ".safetensors"


def _read_header(file: BinaryIO, size: int) -> tuple[dict[str, Any], int]:
    """The header, and where the data begins."""
    if size < 8:
        raise ValueError(f"with {size} bytes it is too short for a safetensors file")
    (length,) = struct.unpack("<Q", file.read(8))
    if length > LONGEST_HEADER:
        raise ValueError(f"a header of {length} bytes: this is no safetensors file")
    if length > size - 8:
        raise ValueError("the file ends inside its header; it is cut short")
    return parse_json(file.read(length)), 8 + length


def write_tensors(file: BinaryIO, tensors: Mapping[str, Tensor]) -> None:
    """Writes tensors of the types in DTYPES, in this order."""
    header, offset = {}, 0
    for name, tensor in tensors.items():
        end = offset + tensor.numel() * tensor.itemsize
        header[name] = {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # aligns the data
    file.write(struct.pack("<Q", len(text)) + text)
    for tensor in tensors.values():
        tensor = tensor.detach().to("cpu").contiguous()
        size = tensor.numel() * tensor.itemsize
        if size:
            file.write((ctypes.c_char * size).from_address(tensor.data_ptr()))
