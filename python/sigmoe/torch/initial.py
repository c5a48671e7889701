"""How weights begin: equal in distribution to those of the sigmoe program."""

from __future__ import annotations

import torch
from torch import Tensor


@torch.no_grad()
def scale_to_std_(x: Tensor, std: float | Tensor) -> None:
    """Scales x to exactly this sample standard deviation; one element alone has none."""
    if x.numel() > 1:
        x.mul_(std / x.std())


@torch.no_grad()
def truncated_(x: Tensor, std: float) -> None:
    """A standard normal distribution that is cut off at -2 and 2, then scaled to exactly ``std``."""
    torch.nn.init.trunc_normal_(x, 0.0, 1.0, -2.0, 2.0)
    scale_to_std_(x, std)


@torch.no_grad()
def equal_rows_(x: Tensor, std: float) -> None:
    """N(0, std²) with rows scaled to equal norm, and the whole to the standard deviation that it had before."""
    x.normal_(0.0, std)
    if x.numel() > 1:
        before = x.std()
        x.div_(x.norm(dim=-1, keepdim=True))
        scale_to_std_(x, before)


@torch.no_grad()
def distinct_(table: Tensor, count: int) -> None:
    """Fills each row of table [R, K] with K distinct integers below ``count``, any K in any order alike."""
    table.copy_(torch.rand(table.shape[0], count, device=table.device).topk(table.shape[1], dim=1).indices)
