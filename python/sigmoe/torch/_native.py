"""Experts by the library: tensors of the processor in float32 and bfloat16, read and written where they lie."""

from __future__ import annotations

import ctypes
import functools
import threading
import weakref
from typing import Any

import torch
from torch import Tensor

from .. import _abi
from .._library import check, library
from ._reuse import empty_like
from ._shapes import Gradients, Memory, Sizes, empty_gradients, memory

_DTYPES = {torch.float32: _abi.F32, torch.bfloat16: _abi.BF16}


def serves(x: Tensor) -> bool:
    """Whether the library computes with tensors like this one."""
    return x.dtype in _DTYPES and x.device.type == "cpu"


class _Handle:
    """A ``sigmoe_experts`` with the structs of its calls. One thread at a time uses it."""

    def __init__(self, sizes: Sizes, activation: str, gate: str, layout: str, dtype: torch.dtype) -> None:
        options = _abi.ExpertsOptions(
            experts=sizes.experts,
            width=sizes.width,
            expert_size=sizes.expert_size,
            out_width=sizes.out_width,
            activation=_abi.ACTIVATIONS[activation],
            gate=_abi.GATES[gate],
            layout=_abi.LAYOUTS[layout],
            dtype=_DTYPES[dtype],
            gradients=_DTYPES[dtype],
        )
        pointer = ctypes.c_void_p()
        check(library().sigmoe_experts_create(ctypes.byref(options), ctypes.byref(pointer)))
        weakref.finalize(self, library().sigmoe_experts_free, pointer.value)
        self.pointer = pointer.value
        self.call = _abi.ExpertsCall()
        self.gradients = _abi.ExpertsGradients()
        self.call_address = ctypes.addressof(self.call)
        self.gradients_address = ctypes.addressof(self.gradients)


_KINDS_KEPT = 32
_idle: dict[Any, list[_Handle]] = {}
_adding = threading.Lock()


def _borrow(key: Any) -> _Handle:
    """A handle that no other thread has; `_give_back` keeps it, with its scratch memory, for the next call of its kind."""
    try:
        return _idle[key].pop()
    except (KeyError, IndexError):
        return _Handle(*key)


def _give_back(key: Any, handle: _Handle) -> None:
    idle = _idle.get(key)
    if idle is None:
        with _adding:
            while len(_idle) >= _KINDS_KEPT:
                del _idle[next(iter(_idle))]
            idle = _idle.setdefault(key, [])
    idle.append(handle)


# From torch 2.10 on, the library computes with torch's threads. Before, it has as many of its own as torch.
_torch_threads = library().sigmoe_layer_torch_threads()
_own_threads = 0


def match_threads() -> None:
    """Before each call of the library."""
    global _own_threads
    if _torch_threads:
        return
    threads = torch.get_num_threads()
    if threads != _own_threads:
        check(library().sigmoe_layer_threads(threads))
        _own_threads = threads


def _address(tensor: Tensor | None) -> int | None:
    return None if tensor is None else tensor.data_ptr()


def _rows(matrix: Tensor) -> tuple[Tensor, int]:
    """The same matrix, copied only if its rows are not contiguous or overlap; and its stride, 0 if that is its width."""
    step, inner = matrix.stride()
    rows, columns = matrix.shape
    if inner == 1 and step >= columns and rows > 1:
        return matrix, step
    return matrix.contiguous(), 0


def _contiguous(tensor: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    return None if tensor is None else tensor.to(dtype).contiguous()


class _Call:
    """A borrowed handle, its call filled in, and the tensors that the call points to."""

    def __init__(
        self,
        x: Tensor,
        up: Tensor,
        down: Tensor,
        index: Tensor,
        weight: Tensor | None,
        up_bias: Tensor | None,
        down_bias: Tensor | None,
        saved: Tensor | None,
        sizes: Sizes,
        activation: str,
        gate: str,
        kept: Memory,
    ) -> None:
        match_threads()
        self._key = (sizes, activation, gate, kept.layout, x.dtype)
        self.handle = _borrow(self._key)
        call = self.handle.call
        x, call.x_stride = _rows(x)
        up, down = kept.as_kept(up), kept.as_kept(down)
        index = index.to(torch.int64).contiguous()
        weight = _contiguous(weight, torch.float32)
        up_bias, down_bias = _contiguous(up_bias, x.dtype), _contiguous(down_bias, x.dtype)
        self._read = (x, up, down, index, weight, up_bias, down_bias, saved)
        call.tokens, call.slots = index.shape
        call.index = index.data_ptr()
        call.weight = _address(weight)
        call.x = x.data_ptr()
        call.up = up.data_ptr()
        call.down = down.data_ptr()
        call.up_bias = _address(up_bias)
        call.down_bias = _address(down_bias)
        call.saved = _address(saved)

    def finish(self, status: int) -> None:
        _give_back(self._key, self.handle)
        check(status)


@functools.lru_cache(maxsize=None)
def _saved_unit(activation: str, gate: str, layout: str, dtype: torch.dtype) -> int:
    handle = _Handle(Sizes(1, 1, 1, 1), activation, gate, layout, dtype)
    unit: int = library().sigmoe_experts_saved_bytes(handle.pointer, 1, 1)
    return unit


def saved_size(pairs: int, expert_size: int, activation: str, gate: str, layout: str, dtype: torch.dtype) -> int:
    """Bytes that the backward needs. Of fake tensors the numbers may be symbolic, and then the library cannot read them; its
    answer is in proportion to both."""
    return pairs * expert_size * _saved_unit(activation, gate, layout, dtype)


def forward(
    x: Tensor,
    up: Tensor,
    down: Tensor,
    index: Tensor,
    weight: Tensor | None,
    up_bias: Tensor | None,
    down_bias: Tensor | None,
    saved: Tensor | None,
    sizes: Sizes,
    activation: str,
    gate: str,
    layout: str,
) -> Tensor:
    """``y [T, v]``; fills `saved` for the backward unless it is None."""
    kept = memory(up, down, layout)
    call = _Call(x, up, down, index, weight, up_bias, down_bias, saved, sizes, activation, gate, kept)
    y = x.new_empty(x.shape[0], sizes.out_width)
    handle = call.handle
    call.finish(library().sigmoe_experts_forward(handle.pointer, handle.call_address, y.data_ptr(), 0))
    return y


def backward(
    dy: Tensor,
    x: Tensor,
    up: Tensor,
    down: Tensor,
    index: Tensor,
    weight: Tensor | None,
    up_bias: Tensor | None,
    down_bias: Tensor | None,
    saved: Tensor,
    sizes: Sizes,
    activation: str,
    gate: str,
    layout: str,
    wanted: list[bool],
) -> Gradients:
    """Of the inputs that `wanted` names in the order of Gradients."""
    kept = memory(up, down, layout)
    call = _Call(x, up, down, index, weight, up_bias, down_bias, saved, sizes, activation, gate, kept)
    dy, dy_stride = _rows(dy)
    out = empty_gradients(x, up, down, weight, up_bias, down_bias, kept, wanted, empty_like)
    # The library's are f32, and T·K numbers.
    dweight = None if out.weight is None else torch.empty(index.shape, dtype=torch.float32)
    gradients, handle = call.handle.gradients, call.handle
    gradients.dy, gradients.dy_stride = dy.data_ptr(), dy_stride
    gradients.dx, gradients.dup, gradients.ddown = _address(out.x), _address(out.up), _address(out.down)
    gradients.dup_bias, gradients.ddown_bias = _address(out.up_bias), _address(out.down_bias)
    gradients.dweight = _address(dweight)
    call.finish(library().sigmoe_experts_backward(handle.pointer, handle.call_address, handle.gradients_address))
    return out._replace(weight=dweight if dweight is None or weight is None else dweight.to(weight.dtype))
