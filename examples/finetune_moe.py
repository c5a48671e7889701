"""Trains a mixture of experts of Hugging Face's transformers on a processor, with the library's experts.

    python examples/finetune_moe.py [--model DIRECTORY_OR_NAME] [--text FILE] [--steps 20]

Without --model it is a small Qwen3-MoE with random weights, whose tokens are bytes. Steps are timed with the library's
experts and with transformers' own.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, Qwen3MoeConfig

import sigmoe.transformers  # registers experts_implementation="sigmoe"


def small_model() -> Any:
    config = Qwen3MoeConfig(
        vocab_size=256,
        hidden_size=256,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=64,
        intermediate_size=512,
        num_experts=32,
        num_experts_per_tok=4,
        moe_intermediate_size=128,
        use_cache=False,
        bos_token_id=0,
        eos_token_id=0,
    )
    return AutoModelForCausalLM.from_config(config, experts_implementation="sigmoe")


def read_tokens(text: str, model: str | None) -> torch.Tensor:
    if model is None:
        return torch.tensor(list(text.encode()))
    encoded = AutoTokenizer.from_pretrained(model)(text, return_tensors="pt")
    return torch.as_tensor(encoded["input_ids"][0])


def train(model: Any, tokens: torch.Tensor, steps: int, implementation: str) -> tuple[list[float], float]:
    """Losses, and the median seconds of a step."""
    model.set_experts_implementation(implementation)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    length, losses, times = min(128, len(tokens) - 1), [], []
    generator = torch.Generator().manual_seed(1)
    for _ in range(steps):
        begin = torch.randint(0, len(tokens) - length, (8,), generator=generator)
        batch = torch.stack([tokens[b : b + length] for b in begin])
        start = time.perf_counter()
        loss = model(batch, labels=batch).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        times.append(time.perf_counter() - start)
        losses.append(loss.item())
    return losses, sorted(times)[len(times) // 2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a model of transformers with experts")
    parser.add_argument("--text", type=Path, default=Path(__file__))
    parser.add_argument("--steps", type=int, default=20)
    options = parser.parse_args()
    tokens = read_tokens(options.text.read_text(), options.model)
    for implementation in ("sigmoe", "grouped_mm", "eager"):
        torch.manual_seed(1)
        model = small_model() if options.model is None else AutoModelForCausalLM.from_pretrained(options.model)
        losses, seconds = train(model, tokens, options.steps, implementation)
        print(f"{implementation}: loss {losses[0]:.3f} to {losses[-1]:.3f}, {1e3 * seconds:.0f} ms a step")


if __name__ == "__main__":
    main()
