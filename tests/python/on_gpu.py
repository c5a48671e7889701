"""Checks MoE, FeedForward and TransformerXL on a GPU against the same on the processor: forward, backward and 20 steps.

    PYTHONPATH=python python tests/python/on_gpu.py

Prints for each the largest difference, relative to the largest value of the tensor, and the GPU's time for a step. The exit
status is 1 if a difference is over the limit. Where no CUDA device is there, a sentence says so.
"""

from __future__ import annotations

import copy
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from sigmoe.torch import FeedForward, MoE, TransformerXL

STEPS, LR = 20, 1e-3
LIMITS = {"forward": 1e-4, "backward": 1e-3, "loss": 1e-3}
WIDTH, VOCABULARY = 128, 100
MIXTURE: dict[str, Any] = {
    "n_experts": 16,
    "expert_size": 64,
    "k": 4,
    "router": "sigmoid",
    "regularizer": "entropy",
    "regularizer_weight": 0.01,
}
FEEDFORWARDS: dict[str, dict[str, Any]] = {
    "dense": {"type": "dense", "d_ff": 1024},
    "topk": {"type": "topk", "d_ff": 1024, "k": 64},
    "pkm, all values": {"type": "pkm", "n_subkeys": 32, "activation": "relu"},
    "pkm, found values": {"type": "pkm", "n_subkeys": 32, "knn": 16, "activation": "softmax"},
    **{
        f"moe, {router}": {"type": "moe", **MIXTURE, "router": router}
        for router in ("sigmoid", "softmax", "softmax_topk", "sinkhorn")
    },
    "moe, hash": {"type": "moe", **MIXTURE, "router": "hash", "regularizer": "none"},
    "moe, channels kept": {"type": "moe", **MIXTURE, "channels_kept": 32},
    "moe, cv": {"type": "moe", **MIXTURE, "regularizer": "cv"},
}


class Subject(NamedTuple):
    """A module, and what computes its output and loss on the module's device."""

    module: nn.Module
    compute: Callable[[nn.Module, torch.device], tuple[Tensor, Tensor]]


class Trace(NamedTuple):
    """What 20 steps of a module did."""

    output: Tensor  # of the first step
    gradients: dict[str, Tensor]  # of the first step
    losses: Tensor
    seconds: float  # of a step, the best


def mixture_of_experts() -> Subject:
    x = torch.randn(512, WIDTH)

    def compute(module: nn.Module, device: torch.device) -> tuple[Tensor, Tensor]:
        y, reg = module(x.to(device))
        return y, (y - x.to(device).roll(1, 0)).square().mean() + 0.01 * reg

    return Subject(MoE(WIDTH, 16, 64, 4), compute)


def feedforward(options: Mapping[str, Any]) -> Subject:
    given = dict(options)
    x, tokens = torch.randn(512, WIDTH), torch.randint(0, VOCABULARY, (512,))

    def compute(module: nn.Module, device: torch.device) -> tuple[Tensor, Tensor]:
        y = module(x.to(device), tokens.to(device))
        return y, (y - x.to(device).roll(1, 0)).square().mean() + module.reg_loss

    return Subject(FeedForward(given.pop("type"), WIDTH, vocab_size=VOCABULARY, **given), compute)


def transformer_xl(options: Mapping[str, Any]) -> Subject:
    model = TransformerXL(
        vocab_size=VOCABULARY, d_model=WIDTH, n_layers=2, n_heads=4, d_head=32, unroll=64, ff=dict(options)
    )
    tokens = torch.randint(0, VOCABULARY, (4, 129))

    def compute(module: nn.Module, device: torch.device) -> tuple[Tensor, Tensor]:
        t = tokens.to(device)
        memory = module(t[:, :64]).memory
        out = module(t[:, 64:128], memory, t[:, 65:])
        return out.logits, out.loss + out.reg_loss

    return Subject(model, compute)


def trace(subject: Subject, device: torch.device) -> Trace:
    module = copy.deepcopy(subject.module).to(device)
    optimizer = torch.optim.AdamW(module.parameters(), lr=LR, weight_decay=0.0)
    outputs, gradients, losses, seconds = [], {}, [], []
    for step in range(STEPS):
        start = time.perf_counter()
        optimizer.zero_grad()
        output, loss = subject.compute(module, device)
        loss.backward()
        if step == 0:
            outputs.append(output.detach().cpu())
            gradients = {name: p.grad.cpu().clone() for name, p in module.named_parameters() if p.grad is not None}
        optimizer.step()
        losses.append(loss.detach().cpu())  # waits for the GPU
        seconds.append(time.perf_counter() - start)
    return Trace(outputs[0], gradients, torch.stack(losses), min(seconds))


def difference(got: Tensor, expected: Tensor) -> float:
    return float((got - expected).abs().max() / expected.abs().max().clamp_min(1e-12))


def check(name: str, subject: Subject, device: torch.device) -> bool:
    expected, got = trace(subject, torch.device("cpu")), trace(subject, device)
    found = {
        "forward": difference(got.output, expected.output),
        "backward": max(difference(got.gradients[key], value) for key, value in expected.gradients.items()),
        "loss": difference(got.losses, expected.losses),
    }
    holds = all(found[key] <= limit for key, limit in LIMITS.items())
    times = f"{1e3 * got.seconds:7.2f} ms a step, {1e3 * expected.seconds:7.2f} on the processor"
    print(
        f"{name:32} {'ok  ' if holds else 'FAIL'} "
        + "  ".join(f"{key} {value:.1e}" for key, value in found.items())
        + f"  {times}"
    )
    return holds


def main() -> None:
    if not torch.cuda.is_available():
        sys.exit("on_gpu: there is no CUDA device here, so nothing was checked")
    torch.manual_seed(1)
    torch.backends.cuda.matmul.allow_tf32 = False
    device = torch.device("cuda")
    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}, {STEPS} steps; largest relative differences:")
    subjects = {"MoE": mixture_of_experts()}
    subjects.update({f"FeedForward, {name}": feedforward(options) for name, options in FEEDFORWARDS.items()})
    subjects.update({f"TransformerXL, {name}": transformer_xl(options) for name, options in FEEDFORWARDS.items()})
    results = [check(name, subject, device) for name, subject in subjects.items()]
    print(f"{sum(results)} of {len(results)} agree")
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
