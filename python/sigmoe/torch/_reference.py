"""Experts by torch's own operators: what tensors get that the library does not compute (float64, float16, other devices).

Pairs are (token, slot) combinations, P = T·K of them, sorted by expert; those with an index outside [0, E) come last and
are skipped. Weights are ``up [E, d, H]`` and ``down [E, G, v]`` here, of any strides.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ._shapes import Gradients, Memory


class Grouping(NamedTuple):
    """Which pairs each expert serves."""

    order: Tensor  # [P] sorted position -> pair
    position: Tensor  # [P] pair -> sorted position
    expert: Tensor  # [P] of the sorted pairs; 0 for the skipped ones, so that it can be an index
    ends: Tensor  # [E] int32: expert e has the sorted positions before ends[e] and from ends[e - 1] on
    served: Tensor  # [P, 1] bool, of the sorted pairs


def group(index: Tensor, experts: int) -> Grouping:
    """Sorts the pairs of ``index [T, K]`` by expert, those of one expert in their order."""
    flat = index.reshape(-1)
    bins = torch.where((flat >= 0) & (flat < experts), flat, experts)
    sorted_bins, order = torch.sort(bins, stable=True)
    position = torch.empty_like(order)
    position[order] = torch.arange(order.numel(), device=order.device)
    numbers = torch.arange(experts, device=order.device, dtype=sorted_bins.dtype)
    ends = torch.searchsorted(sorted_bins, numbers, right=True, out_int32=True)
    served = sorted_bins < experts
    return Grouping(order, position, torch.where(served, sorted_bins, 0), ends, served[:, None])


def _by_grouped_mm(a: Tensor, *columns: int) -> bool:
    """Whether ``torch._grouped_mm`` takes these: bfloat16 on a recent GPU, rows of a multiple of 16 bytes."""
    return (
        a.is_cuda
        and a.dtype == torch.bfloat16
        and all(n % 8 == 0 for n in columns)
        and hasattr(torch, "_grouped_mm")
        and torch.cuda.get_device_capability(a.device) >= (9, 0)
    )


def _bounds(ends: Tensor) -> list[tuple[int, int]]:
    last: list[int] = ends.tolist()
    return list(zip([0, *last[:-1]], last))


def product(a: Tensor, weights: Tensor, grouping: Grouping) -> Tensor:
    """``a [P, m] · weights[expert] [E, m, n] -> [P, n]``, 0 where a pair is skipped. Differentiable."""
    if _by_grouped_mm(a, weights.shape[1], weights.shape[2]):
        out: Tensor = torch._grouped_mm(a, weights, offs=grouping.ends)
        return torch.where(grouping.served, out, torch.zeros((), dtype=a.dtype, device=a.device))
    bounds = _bounds(grouping.ends)
    # unbind: the gradient of all experts' products is then stacked once. Indexing would add a whole tensor for each.
    parts = [a[first:end] @ w for (first, end), w in zip(bounds, weights.unbind(0)) if end > first]
    skipped = a.shape[0] - (bounds[-1][1] if bounds else 0)
    return torch.cat([*parts, a.new_zeros(skipped, weights.shape[2])])


def outer(a: Tensor, b: Tensor, grouping: Grouping) -> Tensor:
    """Gradients of weights: ``sum over an expert's pairs of a [P, m] x b [P, n] -> [E, m, n]``."""
    if _by_grouped_mm(a, a.shape[1], b.shape[1]):
        out: Tensor = torch._grouped_mm(a.mT, b, offs=grouping.ends)
        return out
    return torch.stack([a[first:end].mT @ b[first:end] for first, end in _bounds(grouping.ends)])


def sums(a: Tensor, grouping: Grouping) -> Tensor:
    """Gradients of biases: ``sum over an expert's pairs of a [P, n] -> [E, n]``."""
    return torch.stack([a[first:end].sum(0) for first, end in _bounds(grouping.ends)])


def activate(channels: Tensor, activation: str) -> Tensor:
    if activation == "relu":
        return F.relu(channels)
    if activation == "relu2":
        return F.relu(channels).square()
    if activation == "silu":
        return F.silu(channels)
    return F.gelu(channels, approximate="tanh" if activation == "gelu_tanh" else "none")


def _activate_backward(dy: Tensor, channels: Tensor, activation: str) -> Tensor:
    if activation == "relu":
        return dy * (channels > 0)
    if activation == "relu2":
        return dy * (2 * F.relu(channels))
    out: Tensor
    if activation == "silu":
        out = torch.ops.aten.silu_backward(dy, channels)
    else:
        out = torch.ops.aten.gelu_backward(dy, channels, approximate="tanh" if activation == "gelu_tanh" else "none")
    return out


def _halves(channels: Tensor, gate: str) -> tuple[Tensor, Tensor]:
    if gate == "interleaved":
        return channels[..., ::2], channels[..., 1::2]
    first, second = channels.chunk(2, dim=-1)
    return first, second


def _hidden(channels: Tensor, activation: str, gate: str) -> Tensor:
    if gate == "none":
        return activate(channels, activation)
    opening, value = _halves(channels, gate)
    return activate(opening, activation) * value


def _hidden_backward(dhidden: Tensor, channels: Tensor, activation: str, gate: str) -> Tensor:
    if gate == "none":
        return _activate_backward(dhidden, channels, activation)
    opening, value = _halves(channels, gate)
    dchannels = torch.empty_like(channels)
    dopening, dvalue = _halves(dchannels, gate)
    dopening.copy_(_activate_backward(dhidden * value, opening, activation))
    dvalue.copy_(dhidden * activate(opening, activation))
    return dchannels


def _plus_bias(sums_of_pairs: Tensor, bias: Tensor | None, grouping: Grouping) -> Tensor:
    if bias is None:
        return sums_of_pairs
    return sums_of_pairs + torch.where(grouping.served, bias[grouping.expert], torch.zeros_like(bias[:1]))


def _sorted_weight(weight: Tensor | None, like: Tensor, grouping: Grouping) -> Tensor:
    """``[P, 1]``, 0 for skipped pairs."""
    if weight is None:
        return grouping.served.to(like.dtype)
    return torch.where(grouping.served, weight.reshape(-1)[grouping.order, None], 0)


def combine(pairs: Tensor, index: Tensor, grouping: Grouping) -> Tensor:
    """Sums each token's slots, in their order: sorted pairs ``[P, n] -> [T, n]``."""
    return pairs[grouping.position].view(*index.shape, pairs.shape[1]).sum(1)


def tokens_of(index: Tensor, grouping: Grouping) -> Tensor:
    """``[P]``: the token of each sorted pair."""
    return grouping.order // index.shape[1]


def forward(
    x: Tensor,
    up: Tensor,
    down: Tensor,
    index: Tensor,
    weight: Tensor | None,
    up_bias: Tensor | None,
    down_bias: Tensor | None,
    activation: str,
    gate: str,
) -> tuple[Tensor, Tensor]:
    """``y [T, v]``, and the sums before the activation ``[P, H]``, which the backward reads."""
    grouping = group(index, up.shape[0])
    channels = _plus_bias(product(x[tokens_of(index, grouping)], up, grouping), up_bias, grouping)
    pairs = _plus_bias(product(_hidden(channels, activation, gate), down, grouping), down_bias, grouping)
    weighted = pairs * _sorted_weight(weight, x, grouping)
    return combine(weighted, index, grouping).to(x.dtype), channels


def _weights_gradient(a: Tensor, b: Tensor, grouping: Grouping, kept: Memory) -> Tensor:
    return kept.as_given(outer(a, b, grouping) if kept.layout == "edg" else outer(b, a, grouping))


def backward(
    dy: Tensor,
    x: Tensor,
    up: Tensor,
    down: Tensor,
    index: Tensor,
    weight: Tensor | None,
    up_bias: Tensor | None,
    down_bias: Tensor | None,
    channels: Tensor,
    activation: str,
    gate: str,
    kept: Memory,
    wanted: list[bool],
) -> Gradients:
    """Of the inputs that `wanted` names in the order of Gradients; those of weights lie in memory as `kept` says."""
    grouping = group(index, up.shape[0])
    token = tokens_of(index, grouping)
    share = _sorted_weight(weight, x, grouping)
    dpairs = dy[token]
    hidden = _hidden(channels, activation, gate)
    dhidden = product(dpairs, down.mT, grouping)
    dx = dup = ddown = dweight = dup_bias = ddown_bias = None
    if wanted[3] and weight is not None:
        dots = (dhidden * hidden).sum(-1, keepdim=True, dtype=weight.dtype)
        if down_bias is not None:
            dots = dots + (dpairs * down_bias[grouping.expert]).sum(-1, keepdim=True, dtype=weight.dtype)
        dweight = torch.where(grouping.served, dots, 0)[grouping.position].view(index.shape)
    weighted = (dpairs * share).to(x.dtype)
    if wanted[2]:
        ddown = _weights_gradient(hidden, weighted, grouping, kept)
    if wanted[5]:
        ddown_bias = sums(weighted, grouping)
    if wanted[0] or wanted[1] or wanted[4]:
        dchannels = _hidden_backward((dhidden * share).to(x.dtype), channels, activation, gate)
        if wanted[1]:
            dup = _weights_gradient(x[token], dchannels, grouping, kept)
        if wanted[4]:
            dup_bias = sums(dchannels, grouping)
        if wanted[0]:
            dx = combine(product(dchannels, up.mT, grouping), index, grouping)
    return Gradients(dx, dup, ddown, dweight, dup_bias, ddown_bias)
