#!/usr/bin/env python3
"""Writes small valid inputs for each fuzzer: make_seeds.py DIRECTORY makes DIRECTORY/<fuzzer>/<seed>."""
import json
import math
import pathlib
import struct
import sys


def safetensors(tensors, metadata=None):
    header, data = {"__metadata__": metadata} if metadata else {}, b""
    for name, (dtype, shape, raw) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def npy(version, descr, shape, raw):
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(text)) + text + raw


def shard(magic, version, kind, tokens):
    header = struct.pack("<256i", magic, version, len(tokens), *[0] * 253)
    return header + struct.pack(f"<{len(tokens)}{kind}", *tokens)


def megatron_index(code, lengths, offsets, borders):
    header = b"MMIDIDX\0\0" + struct.pack("<QBQQ", 1, code, len(lengths), len(borders))
    return header + struct.pack(f"<{len(lengths)}i{len(offsets)}q{len(borders)}q", *lengths, *offsets, *borders)


def config(tokenizer, ff):
    return {"model_type": "sigmoe", "version": 1, "vocab_size": 3, "d_model": 16, "n_layers": 2, "n_heads": 2, "d_head": 8,
            "dropout": 0.1, "unroll": 12, "memory_segments": {"train": 1, "eval": 2}, "tokenizer": tokenizer, "ff": ff}


CONFIGS = (
    ("dense", {"type": "none"}, {"type": "dense", "d_ff": 24}),
    ("topk", {"type": "sentencepiece"}, {"type": "topk", "d_ff": 24, "k": 5, "norm_compensation": True}),
    ("pkm", {"type": "none"}, {"type": "pkm", "n_heads": 2, "n_subkeys": 4, "knn": 8, "activation": "relu",
                               "init": "dense_equivalent"}),
    ("moe", {"type": "bytes", "alphabet": [10, 32, 97]},
     {"type": "moe", "n_experts": 4, "expert_size": 6, "k": 2, "router": "sigmoid", "expert_dropout": 0.1, "dropout": 0,
      "regularizer": "entropy", "regularizer_weight": 0.001, "channels_kept": 3, "init": "standard"}),
)

SETTINGS = ("d_model=64", "dropout=.5", "memory_segments.eval=0", "ff.type=pkm", 'ff.router="softmax"',
            "ff.norm_compensation=true", "ff.k=18446744073709551616")


RATES = {"lr": 0.001, "clip": 0.25, "warmup": 0, "weight_decay": 0}
TRAINING = {"batch": 4, "steps": 100, **RATES, "seed": 1, "checkpoint_every": 0, "valid_every": 5, "valid_tokens": 0,
            "dtype": "f32", "schedule": "cosine"}
SCORES = {"tokens": 40, "nats_per_token": 1.5, "perplexity": 4.5, "bits_per_token": 2.2, "bits_per_char": 2.2,
          "bits_per_byte": 2.2, "word_perplexity": None}
# The splits in meta.json of fuzz_train_json's data.
SPLITS = {"train": {"tokens": 9}}
CHECKPOINT = {"version": 1, "step": 2, "seed": 0, "cursor": {"epoch": 0, "position": 6}, "memory_rows": 3}

# Those of fuzz_checkpoint's model.
MOMENTS = {"embed.weight": [3, 2], "final_norm.weight": [2], "final_norm.bias": [2], "head.weight": [3, 2], "head.bias": [3],
           **{"layers.0." + name: shape for name, shape in {
               "attn_norm.weight": [2], "attn_norm.bias": [2], "attn.q.weight": [2, 2], "attn.k.weight": [2, 2],
               "attn.v.weight": [2, 2], "attn.position.weight": [2, 2], "attn.out.weight": [2, 2],
               "attn.content_bias": [1, 2], "attn.position_bias": [1, 2], "attn.scale": [1], "ff_norm.weight": [2],
               "ff_norm.bias": [2], "ff.up.weight": [2, 2], "ff.up.bias": [2], "ff.down.weight": [2, 2],
               "ff.down.bias": [2]}.items()}}


def trainer_tensors():
    shapes = {f"moment{which}.{name}": shape for which in (1, 2) for name, shape in MOMENTS.items()}
    shapes["memory.0"] = [1, 3, 2]
    return safetensors({name: ("F32", shape, bytes(4 * math.prod(shape))) for name, shape in shapes.items()})


def train_json():
    whole = {"data": "/data", "settings": TRAINING, "checkpoint_seconds": 900,
             "watching": {"sample_prompt": "a ", "tensorboard": True},
             "history": [{"step": 5, "changes": {"steps": {"from": 10, "to": 100}}}], "splits": SPLITS}
    yield "whole", whole
    old = {"data": "/data", "settings": {k: v for k, v in TRAINING.items() if k != "schedule"}, "splits": SPLITS}
    yield "old", old
    yield "bare", {**whole, "watching": {"sample_prompt": None, "tensorboard": False}, "history": []}


def run_logs():
    step = {"step": 0, "loss": 5.32, "reg": -0.0027, "grad_norm": 1.91, "lr": 0.00025, "tokens_per_s": 1840}
    usage = {"step": 0, "layers": [{"active": 6.5, "dead_channels": 3, "share": [0.25, 0.75], "dead_experts": 0}]}
    steps = [("m", {**step, "step": n}) for n in range(3)]
    rest = [("u", usage), ("v", {"step": 2, **SCORES}), ("s", {"step": 2, "prompt": "The ", "text": "end"})]
    lines = [letter + json.dumps(line) for letter, line in steps + rest]
    yield "whole", "3" + "\n".join(lines) + "\n"
    yield "ahead", "2" + "\n".join(lines) + "\n"
    yield "cut", "3" + "\n".join(lines)[:-9]
    yield "missing", "2" + "\n".join(lines[1:]) + "\n"
    yield "infinite", "1m" + json.dumps({**step, "loss": None}) + "\n"


def compare_json(base):
    yield "whole", {"base": base, "variants": ["dense", "topk:k=4"], "variant_seeds": [3, 1], "seeds": 3, "test_tokens": 0,
                    "settings": TRAINING, "data": {"directory": "/data", "splits": SPLITS}, "base_name": "demo",
                    "checkpoint_seconds": 900, "margin": None, "sample_prompt": None, "lr_grid": [0.001, 0.002],
                    "max_seeds": 5, "sequential": True, "looks": [3]}
    yield "old", {"base": base, "variants": ["dense"], "seeds": 1, "test_tokens": 5, "settings": TRAINING, "data": {}}


SWEEPS = (
    ("bare", {"base": "demo", "rows": ["dense"]}),
    ("all", {"base": "wt-s-moe", "set": {"d_model": 64, "ff.k": 2, "ff.router": "softmax"}, "seeds": 3, "test_tokens": 100,
             "rows": ["dense", "topk:k=64", {"row": "2k", "seeds": 1}], "settings": {"steps": 20, "batch": 2}}),
    ("presets", {"base": "e8-moe", "rows": ["e8-dense", "e8-switch", "e8-topk", "pkm-relu", "sigma-moe:k=2"]}),
)

COSTS = {"seconds": 1.5, "tokens_per_s": 20, "feedforward_seconds_per_step": 0.5, "peak_activation_bytes": 4096}
RESULTS = (
    ("done", {"steps": 9, "failure": None, "sample": {"prompt": "a", "text": "b"}, "valid": SCORES, "test": SCORES, **COSTS,
              **{f"{name}_{part}": 1 for name in ("tokens_per_s", "feedforward_seconds_per_step") for part in ("q1", "q3")}}),
    ("failed", {"steps": 2, "failure": "the loss is not finite", "valid": SCORES, "test": SCORES, **COSTS}),
    ("costs", {"steps": 3, "seconds": 1, "feedforward_seconds": 0.5, "peak_activation_bytes": 9,
               "feedforward_times": {"stride": 1, "seconds": [0.1, 0.2, 0.3]}}),
)

COMMAND_LINES = (
    ("train", "train --data d --out=r --preset demo --steps 5 --lr 1e-3 --set ff.k=2 --set d_model=8 --seed 18446744073709551615"),
    ("generate", "generate --model m -p a -n 3 --temperature 0.5 --dtype int8 --stop x --stop y"),
    ("sweep", "sweep table --data d --out o --jobs 2"),
    ("files", "plot a b c -- --d"),
    ("wrong", "train --stepz 5"),
    ("help", "bench kernel --help"),
    ("range", "generate --model m --batch 9"),
)


def seeds():
    yield "fuzz_safetensors", "types", safetensors({
        "w": ("F32", [2, 1], struct.pack("<2f", 1.5, -2)), "h": ("BF16", [1], b"\xc0\x3f"),
        "t": ("I32", [1], struct.pack("<i", -1)), "s": ("I64", [], struct.pack("<q", 7)),
        "d": ("F64", [1], struct.pack("<d", 0.1)), "e": ("F32", [0, 3], b"")})
    yield "fuzz_safetensors", "empty", safetensors({})
    yield "fuzz_safetensors", "metadata", safetensors({"w": ("I8", [2], b"ab")}, {"format": "pt"})
    yield "fuzz_safetensors", "small", safetensors({"w": ("I8", [3], b"abc"), "v": ("I8", [1, 1], b"d"), "e": ("I8", [0], b"")})
    for version in (1, 2, 3):
        yield "fuzz_npy", f"version{version}", npy(version, "<i4", (1, 3), struct.pack("<3i", 1, 2, 3))
    yield "fuzz_npy", "wide", npy(1, "<i8", (2,), struct.pack("<2q", -1, 5))
    yield "fuzz_token_shard", "narrow", shard(20240520, 1, "H", [0, 1, 299])
    yield "fuzz_token_shard", "wide", shard(20240801, 7, "I", [0, 1, 299])
    yield "fuzz_megatron_index", "narrow", megatron_index(8, [2, 0, 3], [0, 4, 4], [0, 2, 3])
    yield "fuzz_megatron_index", "wide", megatron_index(4, [7], [0], [0, 1])
    for name, tokenizer, ff in CONFIGS:
        yield "fuzz_config", name, json.dumps(config(tokenizer, ff)).encode()
    for number, setting in enumerate(SETTINGS):
        yield "fuzz_config", f"setting{number}", setting.encode()
    yield "fuzz_json_text", "fields", json.dumps({
        "id": -1.5e3, "x": [True, False, None, {"y": [{}, []]}], "text": "a\n\u00e9\U0001f600"}).encode()
    yield "fuzz_json_text", "utf8", json.dumps({"text": "caf\u00e9 \u20ac", "text2": ""}, ensure_ascii=False).encode()
    yield "fuzz_json_text", "odd", b'{"a\\u0000": NaN, "b": -Infinity, "c": 1e999, "text": "\\ud800", "text": "x\\ud83d\\ude00"}'
    yield "fuzz_checkpoint", "tensors", trainer_tensors()
    for name, text in run_logs():
        yield "fuzz_run_logs", name, text.encode()
    for name, line in COMMAND_LINES:
        yield "fuzz_command_line", name, line.replace("bench kernel", "bench\tkernel").replace(" ", "\n").replace("\t", " ").encode()
    passages = ({"context": "a", "continuation": " b\u0000"}, {"continuation": "", "id": [1, {}]}, {"text": "caf\u00e9\n"})
    yield "fuzz_passages", "lines", "\n".join(map(json.dumps, passages)).encode() + b"\r\n\n \n"


def json_seeds():
    tensors = {"w": "a.safetensors", "x": "a.safetensors", "v": "b.safetensors"}
    for name, value in (("whole", tensors), ("swapped", {**tensors, "v": "a.safetensors"}), ("outside", {"w": "../a.safetensors"}),
                        ("missing", {"w": "a.safetensors"}), ("more", {**tensors, "y": "b.safetensors"})):
        yield "fuzz_safetensors_index", name, {"metadata": {"total_size": 24}, "weight_map": value}
    for name, value in train_json():
        yield "fuzz_train_json", name, value
    for name, value in compare_json(config(*CONFIGS[3][1:])):
        yield "fuzz_compare_json", name, value
    for name, value in SWEEPS:
        yield "fuzz_sweep_file", name, value
    for name, value in RESULTS:
        yield "fuzz_run_result", name, value
    yield "fuzz_checkpoint", "counters", CHECKPOINT
    yield "fuzz_checkpoint", "sums", {**CHECKPOINT, "sha256": {"trainer.safetensors": "0" * 64}}


def main():
    root = pathlib.Path(sys.argv[1])
    texts = [(fuzzer, name, json.dumps(value).encode()) for fuzzer, name, value in json_seeds()]
    for fuzzer, name, contents in [*seeds(), *texts]:
        (root / fuzzer).mkdir(parents=True, exist_ok=True)
        (root / fuzzer / name).write_bytes(contents)


if __name__ == "__main__":
    main()
