"""A text and a small σ-MoE base for the report's test: small_inputs.py DIRECTORY."""
import json
import pathlib
import random
import sys

WORDS = "a the fox dog jumps runs over under lazy quick brown green river bridge rain falls café naïve & <b>".split()

BASE = {
    "model_type": "sigmoe", "version": 1, "vocab_size": 1, "d_model": 16, "n_layers": 2, "n_heads": 2, "d_head": 8,
    "dropout": 0.1, "unroll": 16, "memory_segments": {"train": 1, "eval": 2}, "tokenizer": {"type": "none"},
    "ff": {"type": "moe", "n_experts": 4, "expert_size": 8, "k": 1, "router": "sigmoid",
           "regularizer": "entropy", "regularizer_weight": 0.001},
}


def main():
    place = pathlib.Path(sys.argv[1])
    source = random.Random(1)
    lines = [" ".join(source.choices(WORDS, k=source.randint(4, 12))).capitalize() + ".\n" for _ in range(1500)]
    (place / "text.txt").write_text("".join(lines), encoding="utf-8")
    (place / "base.json").write_text(json.dumps(BASE), encoding="utf-8")


main()
