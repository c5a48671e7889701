"""The mixture of experts."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ._experts import experts
from ._reference import group
from .block import FeedForward
from .channels import expert_channels, sum_channels
from .regularizers import REGULARIZERS
from .routers import ROUTERS, Routing
from .selection import largest


class Experts(nn.Module):
    """The weights of all experts: up [E, d, G] and down [E, G, d]."""

    def __init__(self, count: int, d_model: int, size: int) -> None:
        super().__init__()
        self.up = nn.Parameter(torch.empty(count, d_model, size))
        self.down = nn.Parameter(torch.empty(count, size, d_model))


class MixtureOfExperts(FeedForward, kind="moe"):
    """y = Σ_e (w_e · ReLU(x · up_e)) · down_e over the K experts that a router chose."""

    def build(self) -> None:
        o = self.options
        self.router = ROUTERS[o["router"]](self.d_model, o, self.vocab_size)
        self.experts = Experts(o["n_experts"], self.d_model, o["expert_size"])

    def reset_parameters(self) -> None:
        o = self.options
        self.router.reset_parameters(self.initial_scale, o["init"])
        scale = self.initial_scale * (math.sqrt(0.1) if o["init"] == "switch" else 1.0)
        fan_in = o["expert_size"] * (o["n_experts"] if o["init"] == "dense_equivalent" else 1)
        nn.init.normal_(self.experts.up, 0.0, scale / self.d_model**0.5)
        nn.init.normal_(self.experts.down, 0.0, scale / fan_in**0.5)

    def compute(self, x: Tensor, tokens: Tensor | None) -> tuple[Tensor, Tensor]:
        routing: Routing = self.router(x, tokens)
        return self.serve(x, routing), self.regularize(routing, x)

    def regularize(self, routing: Routing, x: Tensor) -> Tensor:
        regularizer: str = self.options["regularizer"]
        factor: float = self.options["regularizer_weight"]
        if not self.training or regularizer == "none" or factor == 0:
            return x.new_zeros(())
        return factor * REGULARIZERS[regularizer](routing)

    def serve(self, x: Tensor, routing: Routing) -> Tensor:
        kept, dropout = self.channels_kept, self.options["dropout"] if self.training else 0.0
        if not kept and not dropout:
            return experts(x, self.experts.up, self.experts.down, routing.chosen, routing.weight)
        # By expert, so that among equal channels of a token the one of the lower expert comes first.
        chosen, order = routing.chosen.sort(dim=1)
        grouping = group(chosen, self.options["n_experts"])
        weight = routing.weight.to(x.dtype).gather(1, order)
        u = weight[..., None] * expert_channels(x, self.experts.up, chosen, grouping)
        if kept:
            u = self.keep_largest(u, kept)
        return sum_channels(F.dropout(u, dropout), self.experts.down, chosen, grouping).to(x.dtype)

    @property
    def channels_kept(self) -> int:
        """How many of a token's K · G channels are summed; 0: all."""
        kept: int = self.options["channels_kept"]
        return kept if kept < self.options["k"] * self.options["expert_size"] else 0

    @staticmethod
    def keep_largest(u: Tensor, count: int) -> Tensor:
        """u [N, K, G] with all but the ``count`` largest channels of each token set to 0."""
        flat = u.flatten(1)
        mask = torch.zeros_like(flat).scatter(1, largest(flat, count), 1.0)
        return (flat * mask).view_as(u)
