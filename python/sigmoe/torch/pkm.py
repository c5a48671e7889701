"""The product-key memory: n² values, found by keys that are pairs of sub-keys."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ._product_keys import product_key_top_k, weighted_rows
from .block import FeedForward
from .selection import exact_linear


class ProductKeyMemory(FeedForward, kind="pkm"):
    """The score of value i·n + j is a[i] + b[j], where a and b are products of the input's halves with n sub-keys each.

    With knn < n each head finds its knn best values; the activation goes over the scores of all heads together. With knn ≥ n
    all values are summed, and the heads' scores are added up before the activation.
    """

    def build(self) -> None:
        heads, n = self.options["n_heads"], self.options["n_subkeys"]
        self.subkeys = nn.ParameterList(torch.empty(heads, n, self.d_model // 2) for _ in range(2))
        self.values = nn.Parameter(torch.empty(n * n, self.d_model))

    def reset_parameters(self) -> None:
        standard = self.initial_scale / self.d_model**0.5
        for keys in self.subkeys:
            nn.init.normal_(keys, 0.0, standard)
        dense = self.initial_scale / self.options["n_subkeys"]
        nn.init.normal_(self.values, 0.0, standard if self.options["init"] == "standard" else dense)

    def activate(self, scores: Tensor) -> Tensor:
        return torch.relu(scores) if self.options["activation"] == "relu" else torch.softmax(scores, dim=-1)

    def compute(self, x: Tensor, tokens: Tensor | None) -> tuple[Tensor, Tensor]:
        everything = self.options["knn"] >= self.options["n_subkeys"]
        y = self.sum_all(x) if everything else self.sum_found(x)
        return y, x.new_zeros(())

    def sum_all(self, x: Tensor) -> Tensor:
        # Σ_h a_h = (Σ_h A_h) · x: one product instead of one for each head.
        a, b = (exact_linear(half, keys.sum(0)) for half, keys in zip(x.chunk(2, dim=-1), self.subkeys))
        return self.activate((a[:, :, None] + b[:, None, :]).flatten(1)).to(x.dtype) @ self.values

    def sum_found(self, x: Tensor) -> Tensor:
        o = self.options
        a, b = (
            exact_linear(half, keys.flatten(0, 1)).view(-1, o["n_heads"], o["n_subkeys"])
            for half, keys in zip(x.chunk(2, dim=-1), self.subkeys)
        )
        scores, found = product_key_top_k(a, b, o["knn"])
        return weighted_rows(self.values, found.flatten(1), self.activate(scores.flatten(1)))
