"""The experts of sigmoe.torch and their peers in PyTorch and transformers, in one process, in turn: prints a table.

Every figure is a median over rounds in which all candidates run one after the other. What is measured:

  sigma-MoE    d 412, 16 experts of 128, K 4, 4096 tokens, ReLU: the op, the C call beneath it, and PyTorch's loop over experts
               and its grouped_mm (at d 512, because grouped_mm refuses 412)
  SwiGLU       d 2048, 64 experts of 1024, K 8, 1024 tokens: transformers' experts, eager, grouped_mm and sigmoe
  generation   the same with 16 tokens, forward alone: the share of the memory's bandwidth for the weights touched
  Qwen3-MoE    a training step of a tiny model, d 512, 8 layers, 64 experts of 256, with each implementation
  overhead     the op with 1 token, d 64
"""

from __future__ import annotations

import argparse
import ctypes
import math
import statistics
import subprocess
import json
import sys
import time
from typing import Callable

import torch
import transformers
from transformers.models.qwen3_moe.modeling_qwen3_moe import Qwen3MoeConfig, Qwen3MoeExperts, Qwen3MoeForCausalLM

import sigmoe.torch
import sigmoe.transformers  # noqa: F401  registers the implementation "sigmoe"

Candidate = Callable[[], object]
DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16}


def medians(candidates: dict[str, Candidate], rounds: int) -> dict[str, float]:
    """Milliseconds of each, after one call that is not counted; NaN for what this PyTorch cannot do."""
    times: dict[str, list[float]] = {name: [] for name in candidates}
    failed = set()
    for name, call in candidates.items():
        try:
            call()
        except (RuntimeError, NotImplementedError) as problem:
            print(f"  {name} cannot: {str(problem).splitlines()[0]}", file=sys.stderr)
            failed.add(name)
    for _ in range(rounds):
        for name, call in candidates.items():
            if name in failed:
                continue
            start = time.perf_counter()
            call()
            times[name].append(1e3 * (time.perf_counter() - start))
    return {name: statistics.median(values) if values else float("nan") for name, values in times.items()}


def routing(tokens: int, experts: int, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    scores = torch.rand(tokens, experts)
    weight, index = scores.topk(k, dim=-1)
    return index, weight


def with_backward(forward: Candidate, leaves: list[torch.Tensor], dy: torch.Tensor) -> Candidate:
    def run() -> None:
        for leaf in leaves:
            leaf.grad = None
        forward().backward(dy)

    return run


def loop_over_experts(x, up, down, index, weight):
    """The public moe_layer's arithmetic on a processor: tokens sorted by expert, one product after the other."""
    order = index.reshape(-1).argsort(stable=True)
    counts = index.reshape(-1).bincount(minlength=up.shape[0]).tolist()
    token = order.div(index.shape[1], rounding_mode="floor")
    parts = x.index_select(0, token).split(counts)
    hidden = [torch.relu(part @ up[e]) for e, part in enumerate(parts)]
    out = torch.cat([h @ down[e] for e, h in enumerate(hidden)])
    out = out * weight.reshape(-1).index_select(0, order)[:, None]
    return torch.zeros_like(x).index_add(0, token, out)


def grouped_experts(x, up, down, index, weight):
    order = index.reshape(-1).argsort(stable=True)
    ends = index.reshape(-1).bincount(minlength=up.shape[0]).cumsum(0).to(torch.int32)
    token = order.div(index.shape[1], rounding_mode="floor")
    hidden = torch.relu(torch._grouped_mm(x.index_select(0, token), up, offs=ends))
    hidden = hidden * weight.reshape(-1).index_select(0, order)[:, None]
    return torch.zeros_like(x).index_add(0, token, torch._grouped_mm(hidden, down, offs=ends))


def sigma_moe(dtype: str, d: int, rounds: int) -> dict[str, float]:
    torch.manual_seed(0)
    n, size, k, tokens = 16, 128, 4, 4096
    kind = DTYPES[dtype]
    x = torch.randn(tokens, d, dtype=kind, requires_grad=True)
    up = (torch.randn(n, d, size) / d**0.5).to(kind).requires_grad_()
    down = (torch.randn(n, size, d) / size**0.5).to(kind).requires_grad_()
    index, weight = routing(tokens, n, k)
    weight = weight.to(kind).requires_grad_()
    dy = torch.randn(tokens, d, dtype=kind)
    leaves = [x, up, down, weight]
    forms = {"sigmoe": sigmoe.torch.experts, "loop": loop_over_experts, "grouped_mm": grouped_experts}
    return medians(
        {name: with_backward(lambda f=f: f(x, up, down, index, weight), leaves, dy) for name, f in forms.items()}, rounds
    )


def bare_call(dtype: str, d: int, rounds: int) -> dict[str, float]:
    """The op and the two C calls beneath it on the same shape, forward and backward."""
    from sigmoe import _abi
    from sigmoe._library import check, library

    torch.manual_seed(0)
    n, size, k, tokens = 16, 128, 4, 4096
    kind = DTYPES[dtype]
    c = library()
    options = _abi.ExpertsOptions()
    c.sigmoe_experts_defaults_sized(ctypes.byref(options), ctypes.sizeof(options))
    options.experts, options.width, options.expert_size = n, d, size
    options.dtype = options.gradients = 0 if dtype == "f32" else 1
    experts = ctypes.c_void_p()
    check(c.sigmoe_experts_create(ctypes.byref(options), ctypes.byref(experts)))
    x, dy = (torch.randn(tokens, d).to(kind) for _ in range(2))
    up, down = torch.randn(n, d, size).to(kind), torch.randn(n, size, d).to(kind)
    index, weight = routing(tokens, n, k)
    y, dx, dup, ddown, dweight = (torch.empty_like(t) for t in (x, x, up, down, weight))
    saved = torch.empty(c.sigmoe_experts_saved_bytes(experts, tokens, k), dtype=torch.uint8)
    call, gradients = _abi.ExpertsCall(), _abi.ExpertsGradients()
    c.sigmoe_experts_call_defaults_sized(ctypes.byref(call), ctypes.sizeof(call))
    c.sigmoe_experts_gradients_defaults_sized(ctypes.byref(gradients), ctypes.sizeof(gradients))
    call.tokens, call.slots = tokens, k
    for name, tensor in dict(index=index, weight=weight, x=x, up=up, down=down, saved=saved).items():
        setattr(call, name, tensor.data_ptr())
    for name, tensor in dict(dy=dy, dx=dx, dup=dup, ddown=ddown, dweight=dweight).items():
        setattr(gradients, name, tensor.data_ptr())

    def bare() -> None:
        check(c.sigmoe_experts_forward(experts, ctypes.byref(call), ctypes.c_void_p(y.data_ptr()), 0))
        check(c.sigmoe_experts_backward(experts, ctypes.byref(call), ctypes.byref(gradients)))

    leaves = [t.clone().requires_grad_() for t in (x, up, down, weight)]
    op = with_backward(lambda: sigmoe.torch.experts(*leaves[:3], index, leaves[3]), leaves, dy)
    times = medians({"op": op, "C call": bare}, rounds)
    c.sigmoe_experts_free(experts)
    return times


def transformers_experts(dtype: str, implementation: str) -> Qwen3MoeExperts:
    config = Qwen3MoeConfig(hidden_size=2048, num_experts=64, moe_intermediate_size=1024, num_experts_per_tok=8)
    config._experts_implementation = implementation
    experts = Qwen3MoeExperts(config)
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in experts.parameters():
            parameter.normal_(std=0.02)
    return experts.to(DTYPES[dtype])


def swiglu(dtype: str, tokens: int, names: list[str], rounds: int, backward: bool) -> dict[str, float]:
    layer = transformers_experts(dtype, "eager")
    x = torch.randn(tokens, 2048).to(DTYPES[dtype]).requires_grad_(backward)
    index, weight = routing(tokens, 64, 8)
    weight = weight.to(DTYPES[dtype])
    dy = torch.randn(tokens, 2048).to(DTYPES[dtype])

    def candidate(name: str) -> Candidate:
        def forward() -> torch.Tensor:
            layer.config._experts_implementation = name
            return layer(x, index, weight)

        return with_backward(forward, [x, *layer.parameters()], dy) if backward else torch.no_grad()(forward)

    return medians({name: candidate(name) for name in names}, rounds)


def training_step(dtype: str, names: list[str], rounds: int) -> dict[str, float]:
    config = Qwen3MoeConfig(
        vocab_size=1024, hidden_size=512, num_hidden_layers=8, num_experts=64, moe_intermediate_size=256,
        num_experts_per_tok=8, num_attention_heads=8, num_key_value_heads=4, head_dim=64, intermediate_size=1024,
    )
    candidates: dict[str, Candidate] = {}
    ids = torch.randint(1024, (4, 256))
    torch.manual_seed(0)
    model = Qwen3MoeForCausalLM(config).to(DTYPES[dtype])
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)

    def candidate(name: str) -> Candidate:
        def step() -> None:
            model.set_experts_implementation(name)
            optimizer.zero_grad()
            model(input_ids=ids, labels=ids).loss.backward()
            optimizer.step()

        return step

    for name in names:
        candidates[name] = candidate(name)
    return medians(candidates, rounds)


def overhead(rounds: int) -> dict[str, float]:
    x, up, down = torch.randn(1, 64), torch.randn(4, 64, 16), torch.randn(4, 16, 64)
    index, weight = torch.tensor([[0, 2]]), torch.rand(1, 2)
    return medians({"op": lambda: sigmoe.torch.experts(x, up, down, index, weight)}, 50 * rounds)


def show(title: str, times: dict[str, float], ours: str) -> None:
    cells = [f"{ours} {times[ours]:.4g} ms"]
    cells += [f"{name} cannot" if math.isnan(ms) else f"{name} {ms:.4g} ms ({ms / times[ours]:.2f}x)"
              for name, ms in times.items() if name != ours]
    print(f"{title:<48}" + "   ".join(cells), flush=True)


def memory_gigabytes(program: str, threads: int) -> float:
    """What can be read from memory in a second, as `bench generate` measures it."""
    words = [program, "bench", "generate", "--preset", "wt-s-moe", "--threads", str(threads), "--json"]
    figures = json.loads(subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout)
    return float(figures["gigabytes_per_s"] / figures["fraction_of_bandwidth"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sigmoe", default="build/sigmoe", help="the program, which measures the memory")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--eager", action="store_true", help="transformers' eager experts, too: minutes")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    print(f"{args.threads} threads, PyTorch {torch.__version__}, transformers {transformers.__version__}; in brackets: times as long")
    memory = memory_gigabytes(args.sigmoe, args.threads)
    for dtype in DTYPES:
        show(f"{dtype} sigma-MoE 412, 16 x 128, 4, 4096", sigma_moe(dtype, 412, args.rounds), "sigmoe")
        show(f"{dtype} sigma-MoE 512, 16 x 128, 4, 4096", sigma_moe(dtype, 512, args.rounds), "sigmoe")
        show(f"{dtype} the op, and the C call beneath", bare_call(dtype, 412, 4 * args.rounds), "C call")
        names = ["sigmoe", "grouped_mm"]
        show(f"{dtype} SwiGLU 2048, 64 x 1024, 8, 1024", swiglu(dtype, 1024, names, args.rounds, True), "sigmoe")
        if args.eager:
            show(f"{dtype} SwiGLU, eager", swiglu(dtype, 1024, ["sigmoe", "eager"], 1, True), "sigmoe")
        generation = swiglu(dtype, 16, names, 2 * args.rounds, False)
        show(f"{dtype} SwiGLU, 16 tokens, forward", generation, "sigmoe")
        torch.manual_seed(0)
        touched = len(routing(16, 64, 8)[0].unique()) * 3 * 2048 * 1024 * DTYPES[dtype].itemsize
        share = touched / (1e6 * generation["sigmoe"]) / memory
        print(f"{'':<48}{share:.0%} of the memory's {memory:.0f} GB/s")
        show(f"{dtype} Qwen3-MoE 512, 8 layers, 64 x 256, step", training_step(dtype, names, args.rounds), "sigmoe")
    print(f"the op with 1 token, d 64: {1e3 * overhead(args.rounds)['op']:.1f} µs")


if __name__ == "__main__":
    main()
