"""Memory for gradients and for what a backward needs, used again in the next step.

A training step frees its gradients, and the next step asks for as much again. malloc returns large blocks to the system, so
that in each step the system would have to clear gigabytes of fresh pages, which takes a good part of the time of the products
that fill them. Here a block that was freed is kept for the next request of its size. Meanwhile the system may take its pages
back where memory becomes scarce (MADV_FREE), and what is kept and what is in use are together never more than was once in use.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import threading
import weakref
from collections import OrderedDict, deque
from math import prod
from typing import Sequence

import torch
from torch import Tensor

SMALLEST = 1 << 20  # bytes; malloc keeps smaller blocks itself


class Blocks:
    """Private memory that was asked for and freed, by size."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: OrderedDict[mmap.mmap, int] = OrderedDict()  # freed longest ago first
        self._bytes_idle = self._bytes_used = self._most_used = 0
        # A block may be freed at any point of any thread, in here too: it only joins this queue, without a lock.
        self._freed: deque[tuple[mmap.mmap, int]] = deque()

    def take(self, size: int) -> ctypes.Array[ctypes.c_char]:
        """`size` bytes of any content. They are free when nothing refers to the array."""
        with self._lock:
            self._collect_freed()
            block = self._take_idle(size)
            self._bytes_used += size
            self._most_used = max(self._most_used, self._bytes_used)
            while self._bytes_used + self._bytes_idle > self._most_used:
                self._bytes_idle -= self._idle.popitem(last=False)[1]
        block = block or mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        array = (ctypes.c_char * size).from_buffer(block)
        weakref.finalize(array, self._free, block, size).atexit = False
        return array

    def _collect_freed(self) -> None:
        while self._freed:
            block, size = self._freed.popleft()
            self._bytes_used -= size
            self._bytes_idle += size
            self._idle[block] = size

    def _take_idle(self, size: int) -> mmap.mmap | None:
        for block, its_size in reversed(self._idle.items()):
            if its_size == size:
                del self._idle[block]
                self._bytes_idle -= size
                return block
        return None

    def _free(self, block: mmap.mmap, size: int) -> None:
        with contextlib.suppress(OSError):  # a system that cannot: its pages stay with this process
            block.madvise(mmap.MADV_FREE)
        self._freed.append((block, size))


_blocks = Blocks()


def empty(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """A contiguous tensor of the processor, of any content."""
    size = prod(shape) * dtype.itemsize
    if size < SMALLEST:
        return torch.empty(shape, dtype=dtype)
    return torch.frombuffer(_blocks.take(size), dtype=dtype).view(shape)


def empty_like(tensor: Tensor, shape: Sequence[int]) -> Tensor:
    return empty(shape, tensor.dtype)
