"""The dense block, and Top-K, which computes the same channels but sums the largest of them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .block import FeedForward
from .initial import truncated_
from .options import number


class Dense(FeedForward, kind="dense"):
    """y = W2 · dropout(ReLU(W1 x + b1)) + b2."""

    extra_options = {"dropout": number(0, 0.999, 0.0)}

    def build(self) -> None:
        self.up = nn.Linear(self.d_model, self.options["d_ff"])
        self.down = nn.Linear(self.options["d_ff"], self.d_model)

    def reset_parameters(self) -> None:
        for layer in (self.up, self.down):
            truncated_(layer.weight, self.initial_scale / layer.in_features**0.5)
            nn.init.zeros_(layer.bias)

    def compute(self, x: Tensor, tokens: Tensor | None) -> tuple[Tensor, Tensor]:
        u = F.dropout(torch.relu(self.up(x)), self.options["dropout"], self.training)
        return self.down(self.select(u)), x.new_zeros(())

    def select(self, u: Tensor) -> Tensor:
        """The channels [N, d_ff] that are summed; others become 0."""
        return u


class TopK(Dense, kind="topk"):
    """Dense, but of each token only the k largest channels are summed, and all that equal the k-th."""

    def select(self, u: Tensor) -> Tensor:
        ranking = u.detach()
        if self.options["norm_compensation"]:
            ranking = ranking * self.down.weight.detach().norm(dim=0)
        threshold = ranking.topk(self.options["k"], dim=-1).values[..., -1:]
        return u.masked_fill(ranking < threshold, 0.0)
