"""Transformer-XL's attention: relative positions, and a memory of earlier segments."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from .initial import truncated_


def sinusoids(length: int, width: int, like: Tensor) -> Tensor:
    """Encodings of the distances -(length - 1) ... 0, [length, width]: even columns sines, odd ones cosines."""
    # The angles are large: they are made in float64, on the processor where a device has none.
    device = "cpu" if like.device.type == "mps" else like.device
    distance = torch.arange(1 - length, 1, dtype=torch.float64, device=device)
    pair = torch.arange(width, dtype=torch.float64, device=device).div(2, rounding_mode="floor")
    angle = distance[:, None] * 10000.0 ** (-2.0 * pair / width)
    table = torch.empty_like(angle)
    table[:, 0::2] = angle[:, 0::2].sin()
    table[:, 1::2] = angle[:, 1::2].cos()
    return table.to(like.device, like.dtype)


def by_key(scores: Tensor) -> Tensor:
    """From scores by distance to scores by key: out[..., i, j] = scores[..., i, j + T - 1 - i] for j ≤ R - T + i.

    scores [..., T, R], of R distances in ascending order; entries of keys after the query are meaningless.
    """
    *batch, queries, distances = scores.shape
    shifted = nn.functional.pad(scores, (1, 0)).view(*batch, distances + 1, queries)
    return shifted[..., 1:, :].reshape(*batch, queries, distances)


class RelativeAttention(nn.Module):
    """softmax(τ ((q_i + u) · k_j + (q_i + v) · p_(j-i))) over the memory and the segment up to i, in each head."""

    def __init__(self, d_model: int, n_heads: int, d_head: int, n_layers: int) -> None:
        super().__init__()
        inner = n_heads * d_head
        self.n_heads, self.d_head, self.n_layers = n_heads, d_head, n_layers
        self.q = nn.Linear(d_model, inner, bias=False)
        self.k = nn.Linear(d_model, inner, bias=False)
        self.v = nn.Linear(d_model, inner, bias=False)
        self.position = nn.Linear(d_model, inner, bias=False)
        self.out = nn.Linear(inner, d_model, bias=False)
        self.content_bias = nn.Parameter(torch.empty(n_heads, d_head))
        self.position_bias = nn.Parameter(torch.empty(n_heads, d_head))
        self.scale = nn.Parameter(torch.empty(1))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for layer in (self.q, self.k, self.v, self.position, self.out):
            truncated_(layer.weight, math.sqrt(2.0 / (self.n_layers * layer.in_features)))
        nn.init.zeros_(self.content_bias)
        nn.init.zeros_(self.position_bias)
        nn.init.constant_(self.scale, 1.0 / math.sqrt(self.d_head))

    def heads(self, x: Tensor) -> Tensor:
        """[..., R, H · d_h] to [..., H, R, d_h]."""
        return x.view(*x.shape[:-1], self.n_heads, self.d_head).transpose(-3, -2)

    def forward(self, normed: Tensor, memory: int, positions: Tensor) -> Tensor:
        """normed [B, M + T, d], the first M of which are memory; positions [M + T, d]. Returns [B, T, d]."""
        q = self.heads(self.q(normed[:, memory:]))
        k = self.heads(self.k(normed))
        v = self.heads(self.v(normed))
        p = self.heads(self.position(positions))
        content = (q + self.content_bias[:, None]) @ k.mT
        relative = by_key((q + self.position_bias[:, None]) @ p.mT)
        queries, keys = content.shape[-2:]
        later = torch.ones(queries, keys, dtype=torch.bool, device=q.device).triu(memory + 1)
        scores = (self.scale * (content + relative)).masked_fill(later, -math.inf)
        mixed = torch.softmax(scores, dim=-1).to(v.dtype) @ v
        y: Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return y
