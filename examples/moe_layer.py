"""A mixture of experts in the place of a feedforward block: trains it, checks its gradients, and times it against torch.

    python examples/moe_layer.py [--steps 200] [--tokens 4096]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sigmoe.torch import MoE, experts


class Model(nn.Module):
    """Tells which of 32 Gaussian clusters a point is nearest to."""

    def __init__(self) -> None:
        super().__init__()
        self.moe = MoE(dmodel=64, n_experts=16, expert_size=32, k=4, expert_dropout=0.05)
        # What it replaces: nn.Sequential(nn.Linear(64, 512), nn.ReLU(), nn.Linear(512, 64))
        self.head = nn.Linear(64, 32)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y, regularizer = self.moe(x)
        return self.head(x + y), regularizer


def train(steps: int) -> None:
    torch.manual_seed(1)
    model, centers = Model(), torch.randn(32, 64)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for step in range(steps):
        label = torch.randint(0, 32, (256,))
        x = centers[label] + 2 * torch.randn(256, 64)
        logits, regularizer = model(x)
        loss = F.cross_entropy(logits, label) + 0.001 * regularizer
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 50 == 0 or step == steps - 1:
            print(f"step {step}: loss {loss.item():.3f}")


def check_gradients() -> None:
    layer = MoE(dmodel=6, n_experts=4, expert_size=3, k=2, activation=F.silu, bias=True).double()
    x = torch.randn(5, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: layer(x)[0], x)
    print("gradients in float64 agree with finite differences")


def loop(x: Tensor, up: Tensor, down: Tensor, index: Tensor, weight: Tensor) -> Tensor:
    """The same in torch: one expert after the other, on the tokens that chose it."""
    out = torch.zeros_like(x)
    for e, (up_e, down_e) in enumerate(zip(up.unbind(), down.unbind())):
        token, slot = (index == e).nonzero(as_tuple=True)
        y = F.relu(x[token] @ up_e) @ down_e
        out = out.index_add(0, token, y * weight[token, slot, None])
    return out


def seconds(function: Callable[[], object]) -> float:
    function()
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        function()
        times.append(time.perf_counter() - begin)
    return sorted(times)[2]


def compare(tokens: int) -> None:
    torch.manual_seed(1)
    x = torch.randn(tokens, 412, requires_grad=True)
    up, down = torch.randn(16, 412, 128) / 20, torch.randn(16, 128, 412) / 45
    weight, index = torch.rand(tokens, 16).topk(4)
    inputs = [x, up.requires_grad_(), down.requires_grad_()]
    y, other = experts(x, up, down, index, weight), loop(x, up, down, index, weight)
    print(f"largest difference to a loop in torch: {(y - other).abs().max().item():.1e} of {other.abs().max().item():.1f}")
    ours = seconds(lambda: torch.autograd.grad(experts(x, up, down, index, weight).sum(), inputs))
    torchs = seconds(lambda: torch.autograd.grad(loop(x, up, down, index, weight).sum(), inputs))
    print(f"forward and backward of {tokens} tokens: {1e3 * ours:.1f} ms, the loop {1e3 * torchs:.1f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--tokens", type=int, default=4096)
    options = parser.parse_args()
    train(options.steps)
    check_gradients()
    compare(options.tokens)


if __name__ == "__main__":
    main()
