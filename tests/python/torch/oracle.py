"""What experts and σ-MoE compute, as plain loops over tokens and slots, in float64 and by torch's gradients."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

ACTIVATIONS: dict[str, Any] = {
    "relu": lambda h: h.clamp(min=0),
    "relu2": lambda h: h.clamp(min=0) ** 2,
    "gelu": lambda h: h * 0.5 * (1 + torch.erf(h / math.sqrt(2))),
    "gelu_tanh": lambda h: h * 0.5 * (1 + torch.tanh(math.sqrt(2 / math.pi) * (h + 0.044715 * h**3))),
    "silu": lambda h: h / (1 + torch.exp(-h)),
}


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
) -> Tensor:
    """``x [T, d]``, ``up [E, d, H]``, ``down [E, G, v]``."""
    act, rows = ACTIVATIONS[activation], []
    for t in range(x.shape[0]):
        y = torch.zeros(down.shape[2], dtype=x.dtype)
        for s in range(index.shape[1]):
            e = int(index[t, s])
            if not 0 <= e < up.shape[0]:
                continue
            h = x[t] @ up[e] + (0 if up_bias is None else up_bias[e])
            if gated == "interleaved":
                h = act(h[0::2]) * h[1::2]
            elif gated:
                h = act(h[: len(h) // 2]) * h[len(h) // 2 :]
            else:
                h = act(h)
            y = y + (1 if weight is None else weight[t, s]) * (h @ down[e] + (0 if down_bias is None else down_bias[e]))
        rows.append(y)
    return torch.stack(rows) if rows else torch.zeros(0, down.shape[2], dtype=x.dtype)


def sinkhorn(logits: Tensor, iterations: int) -> Tensor:
    """``[A, E]``, times a factor for each row and column, which the public layer finds by dividing by the other ones."""
    scores, of_columns = logits.exp(), torch.ones(logits.shape[1], dtype=logits.dtype)
    for _ in range(iterations):
        of_rows = scores.shape[0] / (scores / of_columns).sum(1)
        of_columns = scores.shape[1] / (scores / of_rows[:, None]).sum(0)
    return scores * of_columns * of_rows[:, None]


def entropy(logits: Tensor) -> Tensor:
    """The negative entropy of the mean distribution over experts, of ``[..., E]``."""
    mean = F.softmax(logits.reshape(-1, logits.shape[-1]), -1).mean(0)
    return (mean * mean.log()).sum()
