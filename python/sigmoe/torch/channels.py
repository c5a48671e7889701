"""The channels of experts in plain torch, for what has to see or change them between the two products."""

from __future__ import annotations

import torch
from torch import Tensor


def _by_expert(index: Tensor, experts: int) -> tuple[Tensor, list[int]]:
    """The (token, slot) pairs of index [N, K] ordered by expert [N * K], and each expert's number of them."""
    flat = index.flatten()
    return torch.sort(flat, stable=True).indices, torch.bincount(flat, minlength=experts).tolist()


def _products(rows: Tensor, counts: list[int], weight: Tensor) -> Tensor:
    """Rows [P, a], ordered by expert, times their experts' weight [E, a, b]: [P, b]."""
    parts = zip(torch.split(rows, counts), weight.unbind(0))
    return torch.cat([part @ matrix for part, matrix in parts])


def expert_channels(x: Tensor, up: Tensor, index: Tensor) -> Tensor:
    """ReLU(x_t · up_e) for each expert e of index [N, K]. x [N, d], up [E, d, G]; returns [N, K, G]."""
    order, counts = _by_expert(index, up.shape[0])
    hidden = torch.relu(_products(x[order // index.shape[1]], counts, up))
    return torch.empty_like(hidden).index_copy(0, order, hidden).view(*index.shape, -1)


def sum_channels(u: Tensor, down: Tensor, index: Tensor) -> Tensor:
    """Σ_k u_tk · down_e with e = index_tk. u [N, K, G], down [E, G, v]; returns [N, v]."""
    order, counts = _by_expert(index, down.shape[0])
    summands = _products(u.flatten(0, 1)[order], counts, down)
    return torch.empty_like(summands).index_copy(0, order, summands).view(*index.shape, -1).sum(1)


def experts(x: Tensor, up: Tensor, down: Tensor, index: Tensor, weight: Tensor) -> Tensor:
    """Σ_k w_tk · ReLU(x_t · up_e) · down_e with e = index_tk. weight [N, K]; returns [N, v]."""
    return sum_channels(weight[..., None] * expert_channels(x, up, index), down, index)
