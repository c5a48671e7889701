"""Sums over the tokens of all ranks. Regularizers and Sinkhorn's normalization are defined on the whole batch, of which each
rank of a distributed training sees a part. Without torch.distributed they are plain sums."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor


def _ranks() -> int:
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def mean_over_tokens(total: Tensor, tokens: int) -> Tensor:
    """The mean over all ranks' tokens of what sums up to ``total`` [C] over the ``tokens`` of this rank.

    Its gradient is that of this rank's part of the sum, times the number of ranks: data parallelism averages gradients over
    ranks, and that average then is the gradient of the mean.
    """
    mean = total / max(tokens, 1)
    ranks = _ranks()
    if ranks == 1:
        return mean
    whole = torch.cat([total.detach(), total.new_tensor([tokens])])
    dist.all_reduce(whole)
    own = total * (ranks / whole[-1])
    return own + (whole[:-1] / whole[-1] - own).detach()


def logsumexp_over_tokens(x: Tensor) -> tuple[Tensor, int]:
    """logsumexp of x [N, C] over all ranks' tokens [C], and how many tokens these are. Without gradient."""
    own = torch.logsumexp(x, dim=0)
    ranks = _ranks()
    if ranks == 1:
        return own, x.shape[0]
    each = [torch.empty(x.shape[1] + 1, dtype=x.dtype, device=x.device) for _ in range(ranks)]
    dist.all_gather(each, torch.cat([own, own.new_tensor([x.shape[0]])]))
    joined = torch.stack(each)
    return torch.logsumexp(joined[:, :-1], dim=0), int(joined[:, -1].sum())
