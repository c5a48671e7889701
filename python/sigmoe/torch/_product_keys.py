"""The two operators of a product-key memory: ``torch.ops.sigmoe.product_key_top_k`` finds values, ``weighted_rows`` sums them.

They are the library's, for float32 on the processor; the functions below compute everything else with torch's own operators.
Autocast leaves both as they are: which values are found depends on small differences between sums, so mixed precision
searches and sums in float32.
"""

from __future__ import annotations

import ctypes
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .. import _abi
from .._library import check, library
from ._native import match_threads
from ._reuse import empty_like
from .selection import largest


# Written out, because PyTorch 2.4 reads no annotations that are texts.
_TOP_K = "(Tensor a, Tensor b, int count) -> (Tensor, Tensor)"
_ROWS = "(Tensor rows, Tensor index, Tensor weight) -> Tensor"
_ROWS_BACKWARD = "(Tensor dy, Tensor rows, Tensor index, Tensor weight) -> (Tensor, Tensor)"


def _serves(*tensors: Tensor) -> bool:
    return all(t.dtype == torch.float32 and t.device.type == "cpu" for t in tensors)


# ---------------------------------------------------------------- search


def _check_halves(a: Tensor, b: Tensor, count: int) -> None:
    if a.shape != b.shape or a.dtype != b.dtype or not 1 <= count < a.shape[-1]:
        raise ValueError(
            f"sigmoe.product_key_top_k: a is {a.dtype} {list(a.shape)}, b {b.dtype} {list(b.shape)} and count {count}: "
            "a and b must be alike, and count between 1 and n - 1"
        )


@torch.library.custom_op("sigmoe::product_key_top_k", mutates_args=(), device_types="cpu", schema=_TOP_K)
def _top_k(a: Tensor, b: Tensor, count: int) -> tuple[Tensor, Tensor]:
    _check_halves(a, b, count)
    n = a.shape[-1]
    a, b = a.contiguous(), b.contiguous()
    scores = a.new_empty(*a.shape[:-1], count)
    index = torch.empty(scores.shape, dtype=torch.int64)
    match_threads()
    rows = scores.numel() // count
    operands = (a.data_ptr(), b.data_ptr(), rows, n, count, scores.data_ptr(), index.data_ptr())
    check(library().sigmoe_product_key_top_k(*operands))
    return scores, index


def _top_k_by_torch(a: Tensor, b: Tensor, count: int) -> tuple[Tensor, Tensor]:
    _check_halves(a, b, count)
    # In order of their indices, so that among equal sums the lower index comes first.
    i, j = (largest(half, count).sort(dim=-1).values for half in (a, b))
    sums = (a.gather(-1, i)[..., :, None] + b.gather(-1, j)[..., None, :]).flatten(-2)
    values = (i[..., :, None] * a.shape[-1] + j[..., None, :]).flatten(-2)
    chosen = largest(sums, count).sort(dim=-1).values
    scores, order = sums.gather(-1, chosen).sort(dim=-1, descending=True, stable=True)
    return scores, values.gather(-1, chosen.gather(-1, order))


@_top_k.register_fake
def _(a: Tensor, b: Tensor, count: int) -> tuple[Tensor, Tensor]:
    scores = a.new_empty(*a.shape[:-1], count)
    return scores, scores.new_empty(scores.shape, dtype=torch.int64)


def _keep_top_k(ctx: Any, inputs: tuple[Tensor, Tensor, int], output: tuple[Tensor, Tensor]) -> None:
    ctx.n = inputs[0].shape[-1]
    ctx.save_for_backward(output[1])
    ctx.mark_non_differentiable(output[1])


def _top_k_gradient(ctx: Any, dscores: Tensor, _: Any) -> tuple[Tensor, Tensor, None]:
    (index,) = ctx.saved_tensors
    zeros = dscores.new_zeros(*index.shape[:-1], ctx.n)
    i = index.div(ctx.n, rounding_mode="floor")
    return zeros.scatter_add(-1, i, dscores), zeros.scatter_add(-1, index - i * ctx.n, dscores), None


_top_k.register_autograd(_top_k_gradient, setup_context=_keep_top_k)


def product_key_top_k(a: Tensor, b: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` largest sums ``a[..., i] + b[..., j]``, in descending order.

    Args:
        a, b: ``[..., n]``, with ``1 <= count < n``.

    Returns:
        The sums ``[..., count]`` and ``i * n + j`` of each, int64. Among equal sums the lower index comes first.
    """
    scores, index = _top_k(a, b, count) if _serves(a, b) else _top_k_by_torch(a, b, count)
    return scores, index


# ---------------------------------------------------------------- sums


def _call(rows: Tensor, index: Tensor, weight: Tensor) -> _abi.WeightedRowsCall:
    match_threads()
    return _abi.WeightedRowsCall(
        tokens=index.shape[0],
        slots=index.shape[1],
        count=rows.shape[0],
        width=rows.shape[1],
        rows=rows.data_ptr(),
        index=index.data_ptr(),
        weight=weight.data_ptr(),
    )


def _check_rows(rows: Tensor, index: Tensor, weight: Tensor) -> None:
    if rows.dim() != 2 or index.dim() != 2 or index.shape != weight.shape or rows.dtype != weight.dtype:
        raise ValueError(
            f"sigmoe.weighted_rows: rows is {rows.dtype} {list(rows.shape)}, index {list(index.shape)} and weight "
            f"{weight.dtype} {list(weight.shape)}: they must be [N, d], [T, S] and [T, S], rows and weight of one type"
        )


@torch.library.custom_op("sigmoe::weighted_rows", mutates_args=(), device_types="cpu", schema=_ROWS)
def _weighted_rows(rows: Tensor, index: Tensor, weight: Tensor) -> Tensor:
    _check_rows(rows, index, weight)
    rows, index, weight = rows.contiguous(), index.contiguous(), weight.contiguous()
    y = rows.new_empty(index.shape[0], rows.shape[1])
    check(library().sigmoe_weighted_rows(ctypes.byref(_call(rows, index, weight)), y.data_ptr()))
    return y


@_weighted_rows.register_fake
def _(rows: Tensor, index: Tensor, weight: Tensor) -> Tensor:
    return rows.new_empty(index.shape[0], rows.shape[1])


@torch.library.custom_op("sigmoe::weighted_rows_backward", mutates_args=(), device_types="cpu", schema=_ROWS_BACKWARD)
def _weighted_rows_backward(dy: Tensor, rows: Tensor, index: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    dy, rows, index, weight = dy.contiguous(), rows.contiguous(), index.contiguous(), weight.contiguous()
    drows, dweight = empty_like(rows, rows.shape), torch.empty_like(weight)
    pointers = (dy.data_ptr(), drows.data_ptr(), dweight.data_ptr())
    check(library().sigmoe_weighted_rows_backward(ctypes.byref(_call(rows, index, weight)), *pointers, False))
    return drows, dweight


@_weighted_rows_backward.register_fake
def _(dy: Tensor, rows: Tensor, index: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    return rows.new_empty(rows.shape), weight.new_empty(weight.shape)


def _keep_operands(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
    ctx.save_for_backward(*inputs)


def _rows_gradient(ctx: Any, dy: Tensor) -> tuple[Tensor, None, Tensor]:
    drows, dweight = _weighted_rows_backward(dy, *ctx.saved_tensors)
    return drows, None, dweight


_weighted_rows.register_autograd(_rows_gradient, setup_context=_keep_operands)


def _keep_nothing(ctx: Any, inputs: Any, output: Any) -> None:
    pass


def _refuse_second(ctx: Any, *gradients: Any) -> Any:
    raise NotImplementedError(
        "sigmoe.weighted_rows has no second derivative: compute what needs one with torch's own operators"
    )


_weighted_rows_backward.register_autograd(_refuse_second, setup_context=_keep_nothing)


def weighted_rows(rows: Tensor, index: Tensor, weight: Tensor) -> Tensor:
    """``y[t] = sum over s of weight[t, s] * rows[index[t, s]]``, as an embedding bag with weights.

    Args:
        rows: ``[N, d]``.
        index: ``[T, S]``, int64.
        weight: ``[T, S]``, cast to the type of the rows.

    Returns:
        ``[T, d]``. A slot with weight 0 is left out.
    """
    weight = weight.to(rows.dtype)
    if not _serves(rows):
        _check_rows(rows, index, weight)
        return F.embedding_bag(index, rows, per_sample_weights=weight, mode="sum")
    y: Tensor = _weighted_rows(rows, index, weight)
    return y
