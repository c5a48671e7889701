"""Terms of the loss that balance the use of the experts, over the whole batch: without their weight γ."""

from __future__ import annotations

import torch
from torch import Tensor

from .ranks import mean_over_tokens
from .routers import Routing


def _probabilities(routing: Routing) -> Tensor:
    """p [E], the mean over tokens of softmax(r), from the raw logits."""
    assert routing.logits is not None
    return mean_over_tokens(torch.softmax(routing.logits, dim=-1).sum(0), len(routing.chosen))


def _over_experts(routing: Routing, amount: Tensor) -> Tensor:
    """Amounts [N, K] of the chosen experts, averaged over tokens: [E]."""
    assert routing.logits is not None
    spread = torch.zeros_like(routing.logits, dtype=amount.dtype).scatter(1, routing.chosen, amount)
    return mean_over_tokens(spread.sum(0), len(routing.chosen))


def _shares(routing: Routing) -> Tensor:
    """f [E], the share of all (token, slot) pairs that was sent to each expert; a constant."""
    sent = (
        torch.ones_like(routing.weight) if routing.dropped is None else 1.0 - routing.dropped.to(routing.weight.dtype)
    )
    return _over_experts(routing, sent).detach() / routing.chosen.shape[1]


def entropy(routing: Routing) -> Tensor:
    """Σ p log p."""
    p = _probabilities(routing)
    return (p * p.clamp_min(torch.finfo(p.dtype).tiny).log()).sum()


def switch(routing: Routing) -> Tensor:
    """N_E · Σ f p."""
    p = _probabilities(routing)
    return len(p) * (_shares(routing) * p).sum()


def switch_mean(routing: Routing) -> Tensor:
    """The mean of f p."""
    return (_shares(routing) * _probabilities(routing)).mean()


def cv(routing: Routing) -> Tensor:
    """Standard deviation over mean, over experts, of the weight that each got. 0 without gradient where all got the same."""
    importance = _over_experts(routing, routing.weight)
    variance = importance.var(correction=0)
    uneven = variance > 0
    one = torch.ones_like(variance)
    ratio = torch.where(uneven, variance, one).sqrt() / torch.where(uneven, importance.mean(), one)
    return torch.where(uneven, ratio, torch.zeros_like(ratio))


REGULARIZERS = {"entropy": entropy, "switch": switch, "switch_mean": switch_mean, "cv": cv}
