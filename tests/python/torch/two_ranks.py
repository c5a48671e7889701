"""Run by torch.distributed.run in two processes: gradients of DDP on halves of a batch against those of the whole batch."""

from __future__ import annotations

import copy
import itertools
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from sigmoe.torch import FeedForward


def check(router: str, regularizer: str) -> None:
    torch.manual_seed(1)
    block = FeedForward(
        "moe", 8, n_experts=4, expert_size=4, k=2, router=router, regularizer=regularizer, regularizer_weight=3.0
    )
    x = torch.randn(dist.get_world_size(), 12, 8)
    whole = copy.deepcopy(block)
    parallel = DistributedDataParallel(block)
    (parallel(x[dist.get_rank()]).square().mean() + block.reg_loss).backward()
    # What one process computes, as if there were no others.
    dist.is_initialized, initialized = lambda: False, dist.is_initialized
    (whole(x).square().mean() + whole.reg_loss).backward()
    dist.is_initialized = initialized
    torch.testing.assert_close(block.reg_loss, whole.reg_loss)
    for (name, got), expected in zip(block.named_parameters(), whole.parameters()):
        torch.testing.assert_close(got.grad, expected.grad, msg=lambda m: f"{router}, {regularizer}, {name}: {m}")


def main() -> None:
    dist.init_process_group("gloo")
    torch.set_num_threads(1)
    for router, regularizer in itertools.product(
        ("sigmoid", "softmax", "softmax_topk", "sinkhorn"), ("entropy", "switch", "switch_mean", "cv")
    ):
        check(router, regularizer)
    dist.barrier()
    Path(sys.argv[1], f"rank{dist.get_rank()}").touch()
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
