"""Token shards, as docs/formats/data.md describes them, and the segments that a training reads from them."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import torch
from torch import Tensor

HEADER_BYTES = 1024
# Magic number and version -> the type of the same width, and the mask that makes its values unsigned.
LAYOUTS = {(20240520, 1): (torch.int16, 0xFFFF), (20240801, 7): (torch.int32, 0xFFFFFFFF)}


class Shard:
    """One file of tokens, mapped into memory."""

    def __init__(self, path: Path) -> None:
        size = path.stat().st_size
        with open(path, "rb") as file:
            header = file.read(12)
        if size < HEADER_BYTES:
            raise ValueError(f"{path}: with {size} bytes it is too short for a token shard")
        magic, version, count = struct.unpack("<3i", header)
        if (magic, version) not in LAYOUTS:
            raise ValueError(f"{path}: magic {magic} and version {version} are not those of a token shard")
        dtype, self.mask = LAYOUTS[magic, version]
        if count < 0 or size != HEADER_BYTES + count * dtype.itemsize:
            raise ValueError(f"{path}: {size} bytes do not hold a header and {count} tokens")
        whole = torch.from_file(str(path), shared=False, size=size // dtype.itemsize, dtype=dtype)
        self.tokens = whole[HEADER_BYTES // dtype.itemsize :]

    def read(self, first: int, end: int) -> Tensor:
        return self.tokens[first:end].long() & self.mask


def _shard_paths(directory: Path, split: str) -> list[Path]:
    single = directory / f"{split}.bin"
    if single.exists():
        return [single]
    paths: list[Path] = []
    while (path := directory / f"{split}_{len(paths):06d}.bin").exists():
        paths.append(path)
    if not paths:
        raise FileNotFoundError(
            f"{directory} has neither {split}.bin nor {split}_000000.bin: name a directory that "
            "`sigmoe data prepare` made"
        )
    return paths


class TokenStreams:
    """A split cut into ``batch`` streams of equal length, which are read side by side, T = ``unroll`` tokens a step.

    ``streams`` are those that this process reads, by default all. A rest shorter than T is left out.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        split: str,
        *,
        batch: int,
        unroll: int,
        vocab_size: int,
        streams: range | None = None,
    ) -> None:
        self.shards = [Shard(path) for path in _shard_paths(Path(directory), split)]
        self.unroll, self.vocab_size = unroll, vocab_size
        self.streams = range(batch) if streams is None else streams
        tokens = sum(len(shard.tokens) for shard in self.shards)
        self.length = (tokens - 1) // batch
        self.steps_per_epoch = self.length // unroll
        if self.steps_per_epoch < 1:
            raise ValueError(
                f"{tokens} tokens in {batch} streams give fewer than {unroll} a stream: use a smaller batch "
                "or unroll, or more text"
            )

    def read(self, first: int, count: int) -> Tensor:
        """Tokens [count] of the whole split, across its shards."""
        parts = []
        for shard in self.shards:
            here = len(shard.tokens)
            parts.append(
                shard.read(max(first, 0), min(first + count, here))
                if first < here and first + count > 0
                else torch.empty(0, dtype=torch.int64)
            )
            first -= here
        tokens = torch.cat(parts)
        if int(tokens.max()) >= self.vocab_size:
            raise ValueError(
                f"the data has a token {int(tokens.max())}, the model knows {self.vocab_size}: use data "
                "prepared for this model"
            )
        return tokens

    def segment(self, step: int) -> tuple[Tensor, Tensor, bool]:
        """Inputs and targets [streams, T] of a step, counted from 0 through all epochs, and whether an epoch begins."""
        begin = step % self.steps_per_epoch * self.unroll
        rows = torch.stack([self.read(stream * self.length + begin, self.unroll + 1) for stream in self.streams])
        return rows[:, :-1], rows[:, 1:], begin == 0
