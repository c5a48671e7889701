"""The operator ``torch.ops.sigmoe.experts``: its kernels, its gradient, and what else torch wants to know of it.

``experts`` is what people call. Where a gradient will be asked for, it becomes ``experts_forward``, which keeps what
``experts_backward`` reads in a buffer of bytes; torch.compile sees these two. The kernels are written out instead of made
by ``torch.library.custom_op``, whose wrappers take longer than a small layer.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from . import _native, _reference
from ._reuse import empty
from ._shapes import Gradients, check, empty_gradients, memory

_OPERANDS = "Tensor x, Tensor up, Tensor down, Tensor index, Tensor? weight, Tensor? up_bias, Tensor? down_bias"
_OPTIONS = "str activation, str gate, str layout"
_TAGS = (torch.Tag.needs_fixed_stride_order, torch.Tag.pt2_compliant_tag)

_library: Any = torch.library.Library("sigmoe", "FRAGMENT")  # type: ignore[no-untyped-call]
_library.define(
    "experts(Tensor x, Tensor up, Tensor down, Tensor index, Tensor? weight=None, Tensor? up_bias=None, "
    'Tensor? down_bias=None, str activation="relu", str gate="none", str layout="edg") -> Tensor',
    tags=_TAGS,
)
_library.define(f"experts_forward({_OPERANDS}, {_OPTIONS}) -> (Tensor y, Tensor saved)", tags=_TAGS)
_library.define(
    f"experts_backward(Tensor dy, {_OPERANDS}, Tensor saved, {_OPTIONS}, bool[] wanted) -> Tensor[]",
    tags=_TAGS,
)
_experts_op = torch.ops.sigmoe.experts.default
_forward_op = torch.ops.sigmoe.experts_forward.default
_backward_op = torch.ops.sigmoe.experts_backward.default


# ---------------------------------------------------------------- kernels


def _by_torch(
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
) -> tuple[Tensor, Tensor]:
    if layout == "egd":
        up, down = up.mT, down.mT
    return _reference.forward(x, up, down, index, weight, up_bias, down_bias, activation, gate)


def _experts(
    x: Tensor,
    up: Tensor,
    down: Tensor,
    index: Tensor,
    weight: Tensor | None = None,
    up_bias: Tensor | None = None,
    down_bias: Tensor | None = None,
    activation: str = "relu",
    gate: str = "none",
    layout: str = "edg",
) -> Tensor:
    sizes = check(x, up, down, index, weight, up_bias, down_bias, activation, gate, layout)
    if not _native.serves(x):
        return _by_torch(x, up, down, index, weight, up_bias, down_bias, activation, gate, layout)[0]
    return _native.forward(x, up, down, index, weight, up_bias, down_bias, None, sizes, activation, gate, layout)


def _forward(
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
) -> tuple[Tensor, Tensor]:
    sizes = check(x, up, down, index, weight, up_bias, down_bias, activation, gate, layout)
    if not _native.serves(x):
        y, channels = _by_torch(x, up, down, index, weight, up_bias, down_bias, activation, gate, layout)
        return y, channels.contiguous().view(torch.uint8).view(-1)
    pairs = index.shape[0] * index.shape[1]
    size = _native.saved_size(pairs, sizes.expert_size, activation, gate, memory(up, down, layout).layout, x.dtype)
    saved = empty([size], torch.uint8)
    y = _native.forward(x, up, down, index, weight, up_bias, down_bias, saved, sizes, activation, gate, layout)
    return y, saved


def _backward(
    dy: Tensor,
    x: Tensor,
    up: Tensor,
    down: Tensor,
    index: Tensor,
    weight: Tensor | None,
    up_bias: Tensor | None,
    down_bias: Tensor | None,
    saved: Tensor,
    activation: str,
    gate: str,
    layout: str,
    wanted: list[bool],
) -> list[Tensor]:
    sizes = check(x, up, down, index, weight, up_bias, down_bias, activation, gate, layout)
    if dy.shape != (x.shape[0], sizes.out_width) or dy.dtype != x.dtype:
        raise ValueError(f"sigmoe.experts: dy is {dy.dtype} {list(dy.shape)}, not the gradient of the output")
    kept = memory(up, down, layout)
    if _native.serves(x):
        operands = (dy, x, up, down, index, weight, up_bias, down_bias, saved, sizes, activation, gate, layout, wanted)
        gradients = _native.backward(*operands)
    else:
        channels = saved.view(x.dtype).view(index.numel(), up.shape[2 if layout == "edg" else 1])
        if layout == "egd":
            up, down = up.mT, down.mT
        gradients = _reference.backward(
            dy, x, up, down, index, weight, up_bias, down_bias, channels, activation, gate, kept, wanted
        )
    return _returned(x, gradients)


def _returned(x: Tensor, gradients: Gradients) -> list[Tensor]:
    """An empty tensor stands for what was not wanted: operators return no None."""
    return [x.new_empty(0) if gradient is None else gradient for gradient in gradients]


for _device in ("CPU", "CUDA", "XPU", "MPS"):
    _library.impl("experts", _experts, _device)
    _library.impl("experts_forward", _forward, _device)
    _library.impl("experts_backward", _backward, _device)


# ---------------------------------------------------------------- shapes, for torch.compile and meta tensors


def _experts_fake(
    x: Tensor,
    up: Tensor,
    down: Tensor,
    index: Tensor,
    weight: Tensor | None = None,
    up_bias: Tensor | None = None,
    down_bias: Tensor | None = None,
    activation: str = "relu",
    gate: str = "none",
    layout: str = "edg",
) -> Tensor:
    sizes = check(x, up, down, index, weight, up_bias, down_bias, activation, gate, layout)
    return x.new_empty(x.shape[0], sizes.out_width)


def _forward_fake(
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
) -> tuple[Tensor, Tensor]:
    sizes = check(x, up, down, index, weight, up_bias, down_bias, activation, gate, layout)
    pairs = index.shape[0] * index.shape[1]
    if _native.serves(x):
        size = _native.saved_size(pairs, sizes.expert_size, activation, gate, memory(up, down, layout).layout, x.dtype)
    else:
        size = pairs * (sizes.expert_size if gate == "none" else 2 * sizes.expert_size) * x.dtype.itemsize
    return x.new_empty(x.shape[0], sizes.out_width), x.new_empty(size, dtype=torch.uint8)


def _backward_fake(
    dy: Tensor,
    x: Tensor,
    up: Tensor,
    down: Tensor,
    index: Tensor,
    weight: Tensor | None,
    up_bias: Tensor | None,
    down_bias: Tensor | None,
    saved: Tensor,
    activation: str,
    gate: str,
    layout: str,
    wanted: list[bool],
) -> list[Tensor]:
    kept = memory(up, down, layout)
    return _returned(x, empty_gradients(x, up, down, weight, up_bias, down_bias, kept, wanted))


torch.library.register_fake("sigmoe::experts", _experts_fake, lib=_library)
torch.library.register_fake("sigmoe::experts_forward", _forward_fake, lib=_library)
torch.library.register_fake("sigmoe::experts_backward", _backward_fake, lib=_library)


# ---------------------------------------------------------------- autograd


def _asks_for_gradients(*operands: Tensor | None) -> bool:
    return torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in operands)


class _Experts(torch.autograd.Function):
    """The operator where a gradient will be asked for."""

    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> Tensor:
        tensors, options = arguments[:7], arguments[7:]
        with torch._C._AutoDispatchBelowAutograd():
            y, saved = _forward_op(*tensors, *options)
        ctx.save_for_backward(*tensors, saved)
        ctx.options = options
        return y  # type: ignore[no-any-return]

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        needed = ctx.needs_input_grad
        wanted = [needed[0], needed[1], needed[2], needed[4], needed[5], needed[6]]
        gradients = _backward_op(dy, *ctx.saved_tensors, *ctx.options, wanted)
        dx, dup, ddown, dweight, dup_bias, ddown_bias = (g if w else None for g, w in zip(gradients, wanted))
        return dx, dup, ddown, None, dweight, dup_bias, ddown_bias, None, None, None


def _experts_autograd(
    x: Tensor,
    up: Tensor,
    down: Tensor,
    index: Tensor,
    weight: Tensor | None = None,
    up_bias: Tensor | None = None,
    down_bias: Tensor | None = None,
    activation: str = "relu",
    gate: str = "none",
    layout: str = "edg",
) -> Tensor:
    y: Tensor
    if _asks_for_gradients(x, up, down, weight, up_bias, down_bias):
        y = _Experts.apply(x, up, down, index, weight, up_bias, down_bias, activation, gate, layout)
        return y
    with torch._C._AutoDispatchBelowAutograd():
        y = _experts_op(x, up, down, index, weight, up_bias, down_bias, activation, gate, layout)
    return y


class _Gradients(torch.autograd.Function):
    """The gradient with a graph of its own, whose use is refused."""

    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> tuple[Tensor, ...]:
        with torch._C._AutoDispatchBelowAutograd():
            return tuple(_backward_op(*arguments))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        raise NotImplementedError(
            "sigmoe.experts has no second derivative: compute what needs one with torch's own operators"
        )


def _backward_autograd(*arguments: Any) -> list[Tensor]:
    if _asks_for_gradients(*arguments[:9]):
        return list(_Gradients.apply(*arguments))
    with torch._C._AutoDispatchBelowAutograd():
        gradients: list[Tensor] = _backward_op(*arguments)
    return gradients


def _forward_autograd(*arguments: Any) -> tuple[Tensor, Tensor]:
    with torch._C._AutoDispatchBelowAutograd():
        y, saved = _forward_op(*arguments)
    return y, saved


_library.impl("experts", _experts_autograd, "Autograd")
_library.impl("experts_forward", _forward_autograd, "Autograd")
_library.impl("experts_backward", _backward_autograd, "Autograd")


# ---------------------------------------------------------------- autocast and vmap


def _register_autocast(device: str, key: str) -> None:
    keys = torch._C.DispatchKeySet(getattr(torch._C.DispatchKey, key))

    def cast(tensor: Tensor | None) -> Tensor | None:
        if tensor is None or tensor.dtype == torch.float64 or tensor.device.type != device:
            return tensor
        return tensor.to(torch.get_autocast_dtype(device))

    def kernel(
        x: Tensor,
        up: Tensor,
        down: Tensor,
        index: Tensor,
        weight: Tensor | None = None,
        up_bias: Tensor | None = None,
        down_bias: Tensor | None = None,
        *options: str,
    ) -> Tensor:
        # The routing's weights stay as exact as they are: they are few.
        with torch._C._ExcludeDispatchKeyGuard(keys):
            y: Tensor = _experts_op(
                cast(x), cast(up), cast(down), index, weight, cast(up_bias), cast(down_bias), *options
            )
        return y

    _library.impl("experts", kernel, key)


_register_autocast("cpu", "AutocastCPU")
_register_autocast("cuda", "AutocastCUDA")


def _refuse_vmap(*arguments: Any, **options: Any) -> Any:
    raise NotImplementedError(
        "sigmoe.experts cannot be used under vmap: give all tokens to one call, as x [..., d] with index [..., K]"
    )


for _name in ("experts", "experts_forward", "experts_backward"):
    _library.impl(_name, _refuse_vmap, "FuncTorchBatched")


# ---------------------------------------------------------------- the function


def experts(
    x: Tensor,
    up: Tensor,
    down: Tensor,
    index: Tensor,
    weight: Tensor | None = None,
    *,
    activation: str = "relu",
    gated: bool | str = False,
    up_bias: Tensor | None = None,
    down_bias: Tensor | None = None,
    layout: str = "edg",
) -> Tensor:
    """A mixture of experts whose routing is given.

    ``y[t] = sum over s of weight[t, s] * (hidden(x[t] up[e] + up_bias[e]) down[e] + down_bias[e])``, ``e = index[t, s]``.

    float32 and bfloat16 on the processor are computed by the library, everything else by torch's own operators.

    Args:
        x: ``[..., d]``.
        up: ``[E, d, H]``, or with layout "egd" ``[E, H, d]``. H is G, or 2G if the experts are gated. Transposed views of
            contiguous tensors are read where they lie.
        down: ``[E, G, v]``, or with layout "egd" ``[E, v, G]``.
        index: ``[..., K]``, int64 or int32: each token's experts, repeated or not. A number outside [0, E) contributes
            nothing.
        weight: ``[..., K]``; None: all 1.
        activation: "relu", "relu2" (the square of it), "gelu", "gelu_tanh" or "silu".
        gated: False: hidden is activation(channels). True: activation(first G) * last G. "interleaved": activation(even
            channels) * odd ones.
        up_bias: ``[E, H]``.
        down_bias: ``[E, v]``.
        layout: "edg", or "egd" as ``nn.Linear`` keeps each expert.

    Returns:
        ``[..., v]``, of x's dtype.
    """
    gate = gated if isinstance(gated, str) else "first" if gated else "none"
    if x.dim() == 2:
        y: Tensor = _experts_op(x, up, down, index, weight, up_bias, down_bias, activation, gate, layout)
        return y
    slots = index.shape[-1]
    y = _experts_op(
        x.reshape(-1, x.shape[-1]),
        up,
        down,
        index.reshape(-1, slots),
        None if weight is None else weight.reshape(-1, slots),
        up_bias,
        down_bias,
        activation,
        gate,
        layout,
    )
    return y.view(*x.shape[:-1], y.shape[-1])
