"""What the operands of experts must look like, and how gradients of weights lie in memory."""

from __future__ import annotations

from typing import Callable, NamedTuple, Sequence

import torch
from torch import Tensor

from .._abi import ACTIVATIONS, GATES, LAYOUTS


class Sizes(NamedTuple):
    """E, d, G and v."""

    experts: int
    width: int
    expert_size: int
    out_width: int


def _need(holds: bool, sentence: str) -> None:
    if not holds:
        raise ValueError("sigmoe.experts: " + sentence)


def _check_choices(activation: str, gate: str, layout: str) -> None:
    for name, value, known in (
        ("activation", activation, ACTIVATIONS),
        ("gate", gate, GATES),
        ("layout", layout, LAYOUTS),
    ):
        if value not in known:
            raise ValueError(f"sigmoe.experts: {name} is one of {', '.join(known)}, not {value!r}")


def _check_alike(x: Tensor, operands: tuple[tuple[str, Tensor | None], ...]) -> None:
    for name, tensor in operands:
        if tensor is not None and (tensor.dtype != x.dtype or tensor.device != x.device):
            raise TypeError(
                f"sigmoe.experts: {name} is {tensor.dtype} on {tensor.device}, x is {x.dtype} on {x.device}: they must be "
                "the same (torch.autocast casts them)"
            )


def check(
    x: Tensor,
    up: Tensor,
    down: Tensor,
    index: Tensor,
    weight: Tensor | None,
    up_bias: Tensor | None,
    down_bias: Tensor | None,
    activation: str,
    gate: str,
    layout: str,
) -> Sizes:
    """The sizes, if all operands fit each other."""
    _check_choices(activation, gate, layout)
    _check_alike(x, (("up", up), ("down", down), ("up_bias", up_bias), ("down_bias", down_bias)))
    _need(x.dtype.is_floating_point, f"x is {x.dtype}, and must be floating point")
    _need(x.dim() == 2 and up.dim() == 3 and down.dim() == 3, "x must be [T, d], up and down [E, ., .]")
    experts, width, channels = up.shape if layout == "edg" else (up.shape[0], up.shape[2], up.shape[1])
    expert_size, out_width = down.shape[1:] if layout == "edg" else (down.shape[2], down.shape[1])
    form = "up [E, d, H], down [E, G, v]" if layout == "edg" else "up [E, H, d], down [E, v, G]"
    _need(
        x.shape[1] == width and down.shape[0] == experts and channels == (1 if gate == "none" else 2) * expert_size,
        f"x {list(x.shape)}, up {list(up.shape)} and down {list(down.shape)} do not fit: layout {layout} is {form}, "
        f"x [T, d], H = {'G' if gate == 'none' else '2G'}",
    )
    _need(experts > 0 and width > 0 and expert_size > 0 and out_width > 0, "a size of the experts is 0")
    _need(index.dim() == 2 and index.shape[0] == x.shape[0], f"index {list(index.shape)} must be [T, K], T = {x.shape[0]}")
    _need(index.shape[1] > 0, "index has no slots: a token needs at least one")
    _need(index.dtype in (torch.int64, torch.int32), f"index is {index.dtype}, and must be int64 or int32")
    _need(index.device == x.device, "index is on another device than x")
    if weight is not None:
        _need(weight.shape == index.shape, f"weight {list(weight.shape)} must have index's shape {list(index.shape)}")
        _need(weight.device == x.device and weight.dtype.is_floating_point, "weight must be floating point, where x is")
    if up_bias is not None:
        _need(up_bias.shape == (experts, channels), f"up_bias {list(up_bias.shape)} is not [{experts}, {channels}]")
    if down_bias is not None:
        _need(down_bias.shape == (experts, out_width), f"down_bias {list(down_bias.shape)} is not [{experts}, {out_width}]")
    return Sizes(experts, width, expert_size, out_width)


class Memory(NamedTuple):
    """How weights lie in memory: their layout there, and whether the tensors are transposed views of it."""

    layout: str
    turned: bool

    def as_kept(self, weights: Tensor) -> Tensor:
        """The contiguous tensor that `weights` are a view of; a copy only where up and down are kept differently."""
        return (weights.mT if self.turned else weights).contiguous()

    def as_given(self, kept: Tensor) -> Tensor:
        return kept.mT if self.turned else kept


def memory(up: Tensor, down: Tensor, layout: str) -> Memory:
    """Transposed views of contiguous weights of one layout are weights of the other one."""
    if not (up.is_contiguous() and down.is_contiguous()) and up.mT.is_contiguous() and down.mT.is_contiguous():
        return Memory("egd" if layout == "edg" else "edg", True)
    return Memory(layout, False)


class Gradients(NamedTuple):
    """Of each input, None where it is not wanted. Those of weights lie as the weights do, the others are contiguous."""

    x: Tensor | None
    up: Tensor | None
    down: Tensor | None
    weight: Tensor | None
    up_bias: Tensor | None
    down_bias: Tensor | None


def empty_gradients(
    x: Tensor,
    up: Tensor,
    down: Tensor,
    weight: Tensor | None,
    up_bias: Tensor | None,
    down_bias: Tensor | None,
    kept: Memory,
    wanted: list[bool],
    empty: Callable[[Tensor, Sequence[int]], Tensor] = Tensor.new_empty,
) -> Gradients:
    """Memory for those that `wanted` names, in the order of Gradients: `empty(tensor, shape)`, of the tensor's type."""

    def like(tensor: Tensor | None, is_wanted: bool) -> Tensor | None:
        return empty(tensor, tensor.shape) if tensor is not None and is_wanted else None

    def like_kept(weights: Tensor, is_wanted: bool) -> Tensor | None:
        if not is_wanted:
            return None
        shape = weights.mT.shape if kept.turned else weights.shape
        return kept.as_given(empty(weights, shape))

    return Gradients(
        like(x, wanted[0]),
        like_kept(up, wanted[1]),
        like_kept(down, wanted[2]),
        like(weight, wanted[3]),
        like(up_bias, wanted[4]),
        like(down_bias, wanted[5]),
    )
