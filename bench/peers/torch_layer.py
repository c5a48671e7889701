"""Forward and backward of one feedforward layer in PyTorch: `torch_layer.py --kind dense|loop|grouped`, as JSON.

The same shapes as `sigmoe bench layer`: `loop` is torch_step.py's mixture of experts, `grouped` the same with one grouped
matrix product for all experts. Prints the median in milliseconds, or null where this PyTorch cannot do it on processors.
"""

import argparse
import json
import statistics
import time

import torch

from torch_step import Dense, Experts

grouped_mm = getattr(torch.nn.functional, "grouped_mm", None) or getattr(torch, "_grouped_mm", None)


class GroupedExperts(Experts):
    def forward(self, x):
        logits = x @ self.router.t()
        weight, expert = torch.sigmoid(logits).topk(self.k, dim=-1, sorted=False)
        order = expert.reshape(-1).argsort(stable=True)
        ends = expert.reshape(-1).bincount(minlength=self.up.shape[0]).cumsum(0).to(torch.int32)
        token = order.div(self.k, rounding_mode="floor")
        hidden = torch.relu(grouped_mm(x.index_select(0, token), self.up, offs=ends))
        hidden = hidden * weight.reshape(-1).index_select(0, order)[:, None]
        return torch.zeros_like(x).index_add(0, token, grouped_mm(hidden, self.down, offs=ends)), 0.0


def make_layer(args):
    if args.kind == "dense":
        return Dense(args.d_model, args.experts * args.expert_size, 0.0)
    kind = GroupedExperts if args.kind == "grouped" else Experts
    return kind(args.d_model, args.experts, args.expert_size, args.k)


def time_once(layer, x, dy):
    start = time.perf_counter()
    y, _ = layer(x)
    y.backward(dy)
    seconds = time.perf_counter() - start
    layer.zero_grad(set_to_none=True)
    x.grad = None
    return seconds


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--kind", choices=["dense", "loop", "grouped"], required=True)
    a.add_argument("--compile", action="store_true")
    a.add_argument("--dtype", choices=["f32", "bf16"], default="f32")
    for name, value in dict(d_model=412, experts=16, expert_size=128, k=4, tokens=4096, threads=2, repetitions=5).items():
        a.add_argument("--" + name.replace("_", "-"), type=int, default=value)
    args = a.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    dtype = torch.bfloat16 if args.dtype == "bf16" else torch.float32
    layer = make_layer(args).to(dtype)
    if args.compile:
        layer = torch.compile(layer)
    x = torch.randn(args.tokens, args.d_model, dtype=dtype, requires_grad=True)
    dy = torch.randn(args.tokens, args.d_model, dtype=dtype)
    result = {"total_ms": None, "torch": torch.__version__}
    if args.kind != "grouped" or grouped_mm:
        try:
            time_once(layer, x, dy)
        except (RuntimeError, NotImplementedError) as problem:
            result["problem"] = str(problem).splitlines()[0]
        else:
            result["total_ms"] = 1e3 * statistics.median(time_once(layer, x, dy) for _ in range(args.repetitions))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
