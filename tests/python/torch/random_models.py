"""Small models of every variant, none of whose weights is the usual one: no bias is 0 and no norm's weight 1."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from sigmoe.torch import TransformerXL

ALPHABET = [10, 32, 97, 98, 99, 101, 104, 111, 116, 195, 169]
MOE: dict[str, Any] = {"type": "moe", "n_experts": 5, "expert_size": 4, "k": 2, "router": "sigmoid", "regularizer": "none"}
PKM: dict[str, Any] = {"type": "pkm", "n_subkeys": 4, "n_heads": 3, "activation": "relu"}
FEEDFORWARDS: dict[str, dict[str, Any]] = {
    "dense": {"type": "dense", "d_ff": 16},
    "topk": {"type": "topk", "d_ff": 16, "k": 4},
    "topk-compensated": {"type": "topk", "d_ff": 16, "k": 4, "norm_compensation": True},
    "pkm": PKM,
    "pkm-knn": {**PKM, "knn": 2},
    "pkm-softmax": {**PKM, "activation": "softmax"},
    "pkm-softmax-knn": {**PKM, "activation": "softmax", "knn": 3},
    "sigmoid": MOE,
    "softmax": {**MOE, "router": "softmax"},
    "softmax_topk": {**MOE, "router": "softmax_topk"},
    "sinkhorn": {**MOE, "router": "sinkhorn"},
    "noisy_topk": {**MOE, "router": "noisy_topk"},
    "hash": {**MOE, "router": "hash"},
    "random": {**MOE, "router": "random", "k": 5},  # all experts, in whatever order
    "channels_kept": {**MOE, "k": 3, "channels_kept": 5},
}


def save(directory: Path, ff: dict[str, Any], **changes: Any) -> Path:
    torch.manual_seed(1)
    model = TransformerXL(
        **{
            "vocab_size": len(ALPHABET),
            "d_model": 8,
            "n_layers": 2,
            "n_heads": 2,
            "d_head": 3,
            "unroll": 5,
            "dropout": 0.0,
            "memory_segments": {"train": 1, "eval": 2},
            "tokenizer": {"type": "bytes", "alphabet": sorted(ALPHABET)},
            "ff": ff,
            **changes,
        }
    )
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    model.save_pretrained(directory)
    return directory
