"""Which experts serve a token, and with what weights."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .initial import distinct_, equal_rows_
from .ranks import logsumexp_over_tokens
from .selection import exact_linear, largest


class Routing(NamedTuple):
    """A decision for N tokens."""

    chosen: Tensor  # [N, K]: K distinct experts for each token
    weight: Tensor  # [N, K]: 0 for dropped pairs
    logits: Tensor | None = None  # [N, E]; None: the router has none
    dropped: Tensor | None = None  # [N, K] of bool; None: none is


class Router(nn.Module):
    """Chooses K of E experts: forward(x [N, d], tokens [N] or None) -> Routing."""

    def __init__(self, d_model: int, options: dict[str, Any], vocab_size: int | None) -> None:
        super().__init__()
        self.experts: int = options["n_experts"]
        self.k: int = options["k"]

    def reset_parameters(self, scale: float, init: str) -> None:
        """Draws the initial weights; ``scale`` is sqrt(2 / L), ``init`` that of the block."""

    def forward(self, x: Tensor, tokens: Tensor | None) -> Routing:
        raise NotImplementedError


class LearnedRouter(Router):
    """Has logits r = W x. What differs is what ranks the experts, and how the chosen ones get their weights."""

    def __init__(self, d_model: int, options: dict[str, Any], vocab_size: int | None) -> None:
        super().__init__(d_model, options, vocab_size)
        self.expert_dropout: float = options["expert_dropout"]
        self.weight = nn.Parameter(torch.empty(self.experts, d_model))

    def reset_parameters(self, scale: float, init: str) -> None:
        std = scale / self.weight.shape[1] ** 0.5
        if init == "switch":
            nn.init.normal_(self.weight, 0.0, std * math.sqrt(0.1))
        else:
            equal_rows_(self.weight, std)

    def score(self, x: Tensor, logits: Tensor) -> Tensor:
        """What ranks the experts [N, E]."""
        return logits

    def weigh(self, logits: Tensor, scores: Tensor, dropped: Tensor | None) -> Tensor:
        """The weights of the chosen experts [N, K] from their logits and scores; those of dropped ones do not matter."""
        raise NotImplementedError

    def drop(self, scores: Tensor) -> Tensor | None:
        """Which (token, expert) pairs [N, E] are not available in this pass."""
        if not self.training or self.expert_dropout == 0:
            return None
        return torch.rand_like(scores) < self.expert_dropout

    def forward(self, x: Tensor, tokens: Tensor | None) -> Routing:
        logits = exact_linear(x, self.weight)
        scores = self.score(x, logits)
        unavailable = self.drop(scores)
        dropped = None
        if unavailable is None:
            index = largest(scores, self.k)
        else:
            index = largest(scores.masked_fill(unavailable, -math.inf), self.k)
            dropped = unavailable.gather(1, index)
        weight = self.weigh(logits.gather(1, index), scores.gather(1, index), dropped)
        if dropped is not None:
            weight = weight.masked_fill(dropped, 0.0)
        return Routing(index, weight, logits, dropped)


def _softmax_of_available(chosen: Tensor, dropped: Tensor | None) -> Tensor:
    # A finite number instead of -inf: without any expert left that would make a NaN, if one that is masked later.
    if dropped is not None:
        chosen = chosen.masked_fill(dropped, torch.finfo(chosen.dtype).min)
    return torch.softmax(chosen, dim=-1)


class SigmoidRouter(LearnedRouter):
    """σ-MoE: experts do not compete; each weight is σ of the expert's logit."""

    def score(self, x: Tensor, logits: Tensor) -> Tensor:
        return torch.sigmoid(logits)

    def weigh(self, logits: Tensor, scores: Tensor, dropped: Tensor | None) -> Tensor:
        return scores


class SoftmaxRouter(LearnedRouter):
    """A softmax over all experts before the choice, without renormalization; with K = 1 that is Switch."""

    def score(self, x: Tensor, logits: Tensor) -> Tensor:
        return torch.softmax(logits, dim=-1)

    def weigh(self, logits: Tensor, scores: Tensor, dropped: Tensor | None) -> Tensor:
        return scores


class SoftmaxTopKRouter(LearnedRouter):
    """First the choice, then a softmax over the chosen experts."""

    def weigh(self, logits: Tensor, scores: Tensor, dropped: Tensor | None) -> Tensor:
        return _softmax_of_available(logits, dropped)


class SinkhornRouter(LearnedRouter):
    """S-BASE: in training Sinkhorn's normalization gives each expert the same share of the batch.

    Weights are σ of the logits.
    """

    iterations = 3

    @torch.no_grad()
    def score(self, x: Tensor, logits: Tensor) -> Tensor:
        if not self.training:
            return logits
        beta = logits.new_zeros(self.experts)
        for _ in range(self.iterations):
            alpha = -torch.logsumexp(logits + beta, dim=1, keepdim=True)
            per_expert, tokens = logsumexp_over_tokens(logits + alpha)
            beta = math.log(tokens / self.experts) - per_expert
        return logits + beta

    def weigh(self, logits: Tensor, scores: Tensor, dropped: Tensor | None) -> Tensor:
        return torch.sigmoid(logits)


class NoisyTopKRouter(LearnedRouter):
    """In training, normal noise with a learned width, softplus(W_noise x), is added to each logit."""

    def __init__(self, d_model: int, options: dict[str, Any], vocab_size: int | None) -> None:
        super().__init__(d_model, options, vocab_size)
        self.noise = nn.Parameter(torch.empty_like(self.weight))

    def reset_parameters(self, scale: float, init: str) -> None:
        super().reset_parameters(scale, init)
        nn.init.zeros_(self.noise)

    def score(self, x: Tensor, logits: Tensor) -> Tensor:
        if not self.training:
            return logits
        return logits + torch.randn_like(logits) * F.softplus(exact_linear(x, self.noise))

    def weigh(self, logits: Tensor, scores: Tensor, dropped: Tensor | None) -> Tensor:
        return torch.softmax(scores, dim=-1)


class HashRouter(Router):
    """A table, drawn at initialization and stored with the model, maps token ids to experts."""

    table: Tensor

    def __init__(self, d_model: int, options: dict[str, Any], vocab_size: int | None) -> None:
        super().__init__(d_model, options, vocab_size)
        if vocab_size is None:
            raise ValueError("the hash router has experts for each token id: give `vocab_size`")
        self.register_buffer("table", torch.empty(vocab_size, self.k, dtype=torch.int32))

    def reset_parameters(self, scale: float, init: str) -> None:
        distinct_(self.table, self.experts)

    def forward(self, x: Tensor, tokens: Tensor | None) -> Routing:
        if tokens is None:
            raise ValueError("the hash router needs the ids of the tokens: give `tokens`")
        return Routing(self.table[tokens].long(), x.new_ones(len(x), self.k))


class RandomRouter(Router):
    """K distinct experts drawn anew for each token, in training and evaluation."""

    def forward(self, x: Tensor, tokens: Tensor | None) -> Routing:
        index = torch.rand(len(x), self.experts, device=x.device).topk(self.k, dim=1).indices
        return Routing(index, x.new_ones(len(x), self.k))


ROUTERS: dict[str, type[Router]] = {
    "sigmoid": SigmoidRouter,
    "softmax": SoftmaxRouter,
    "softmax_topk": SoftmaxTopKRouter,
    "sinkhorn": SinkhornRouter,
    "noisy_topk": NoisyTopKRouter,
    "hash": HashRouter,
    "random": RandomRouter,
}
