"""Choosing the largest, and products that decide what is chosen."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def largest(scores: Tensor, count: int) -> Tensor:
    """Indices [..., count] of the largest entries of each row, in no order; of equal ones those with the lower index."""
    scores = scores.detach()
    entries = scores.shape[-1]
    least = scores.topk(count, dim=-1, sorted=False).values.amin(-1, keepdim=True)
    # topk chooses among equal entries as it likes. These ranks are all different: first what is above the least that is
    # chosen, then what equals it, each from the lowest index on. (Sorting is several times slower than a second topk.)
    place = torch.arange(entries, device=scores.device, dtype=torch.int32)
    rank = torch.where(scores > least, 2 * entries - place, torch.where(scores == least, entries - place, -place))
    return rank.topk(count, dim=-1, sorted=False).indices


def exact_linear(x: Tensor, weight: Tensor) -> Tensor:
    """x [N, d] times weight [C, d] transposed, in float32 or better, whatever autocast says: rounded scores have many ties,
    and small differences decide."""
    wide = torch.promote_types(weight.dtype, torch.float32)
    if not torch.is_autocast_enabled(x.device.type):
        return F.linear(x.to(wide), weight.to(wide))
    with torch.autocast(x.device.type, enabled=False):
        return F.linear(x.to(wide), weight.to(wide))
