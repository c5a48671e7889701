"""Memory for gradients and for what a backward needs, used again in the next step.

A training step frees its gradients, and the next step asks for as much again. malloc returns large blocks to the system, so
that in each step the system would have to clear gigabytes of fresh pages, which takes a good part of the time of the products
that fill them. Here a block that was freed is kept for the next request of its size. What is kept and what is in use are
together never more than was once in use, and of large blocks the system may take the pages back meanwhile where memory
becomes scarce (MADV_FREE).
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
HUGE_PAGE = 2 << 20  # bytes
# Telling the system takes 0.06 ms a block, because every core must hear of it: 2 % of the time of a layer of 4 MiB.
LET_GO_FROM = 16 << 20  # bytes


class _Block:
    """`size` bytes of memory. Large ones are in huge pages where the system has them: to give thousands of small pages back and
    take them again costs more than a good part of a layer's products."""

    def __init__(self, size: int) -> None:
        large = size >= HUGE_PAGE
        self.size = size
        self._map = mmap.mmap(-1, size + large * HUGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self._start = 0
        if large:
            self._start = -ctypes.addressof(ctypes.c_char.from_buffer(self._map)) % HUGE_PAGE
            self._advise(mmap.MADV_HUGEPAGE)

    def array(self) -> ctypes.Array[ctypes.c_char]:
        return (ctypes.c_char * self.size).from_buffer(self._map, self._start)

    def let_go(self) -> None:
        """What it held is lost."""
        if self.size >= LET_GO_FROM:
            self._advise(mmap.MADV_FREE)

    def _advise(self, advice: int) -> None:
        with contextlib.suppress(OSError):  # a system that cannot: its pages stay as they are
            self._map.madvise(advice, self._start, self.size)


class Blocks:
    """Private memory that was asked for and freed, by size."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: OrderedDict[_Block, None] = OrderedDict()  # freed longest ago first
        self._bytes_idle = self._bytes_used = self._most_used = 0
        # A block may be freed at any point of any thread, in here too: it only joins this queue, without a lock.
        self._freed: deque[_Block] = deque()

    def take(self, size: int) -> ctypes.Array[ctypes.c_char]:
        """`size` bytes of any content. They are free when nothing refers to the array."""
        with self._lock:
            self._collect_freed()
            block = self._take_idle(size)
            self._bytes_used += size
            self._most_used = max(self._most_used, self._bytes_used)
            while self._bytes_used + self._bytes_idle > self._most_used:
                self._bytes_idle -= self._idle.popitem(last=False)[0].size
        block = block or _Block(size)
        array = block.array()
        weakref.finalize(array, self._free, block).atexit = False
        return array

    def _collect_freed(self) -> None:
        while self._freed:
            block = self._freed.popleft()
            self._bytes_used -= block.size
            self._bytes_idle += block.size
            self._idle[block] = None

    def _take_idle(self, size: int) -> _Block | None:
        for block in reversed(self._idle):
            if block.size == size:
                del self._idle[block]
                self._bytes_idle -= size
                return block
        return None

    def _free(self, block: _Block) -> None:
        block.let_go()
        self._freed.append(block)


_blocks = Blocks()


def empty(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """A contiguous tensor of the processor, of any content."""
    size = prod(shape) * dtype.itemsize
    if size < SMALLEST:
        return torch.empty(shape, dtype=dtype)
    return torch.frombuffer(_blocks.take(size), dtype=dtype).view(shape)


def empty_like(tensor: Tensor, shape: Sequence[int]) -> Tensor:
    return empty(shape, tensor.dtype)
