#!/usr/bin/env python3
"""Writes small valid inputs for each fuzzer: make_seeds.py DIRECTORY makes DIRECTORY/<fuzzer>/<seed>."""
import bz2
import gzip
import hashlib
import io
import json
import math
import lzma
import pathlib
import struct
import sys
import tarfile
import zipfile
import zlib


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


def zip_of(files, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, contents in files:
            archive.writestr(zipfile.ZipInfo(name), contents, compress_type=method)
    return out.getvalue()


def tar_of(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, contents in files:
            entry = tarfile.TarInfo(name)
            entry.size = len(contents)
            archive.addfile(entry, io.BytesIO(contents))
    return out.getvalue().rstrip(b"\0") + bytes(1024)


def ar_of(files):
    out = b"!<arch>\n"
    for name, contents in files:
        head = f"{name:16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(contents):<10}`\n"
        out += head.encode() + contents + b"\n" * (len(contents) % 2)
    return out


def zstd(contents):
    """A frame of one block that is stored as it is."""
    return b"\x28\xb5\x2f\xfd\x20" + bytes([len(contents)]) + struct.pack("<I", len(contents) << 3 | 1)[:3] + contents


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number, value):
    """Of a protocol buffer: an integer, a float or bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def sentencepiece(kind):
    """A model of unigrams (1) or byte pairs (2) with a few pieces."""
    pieces = [("<unk>", 2), ("<s>", 3), ("</s>", 3)] + [(text, 1) for text in ("\u2581the", "\u2581", "t", "h", "e", "th")]
    model = b"".join(field(1, field(1, text.encode()) + field(2, -float(i)) + field(3, kind_of))
                     for i, (text, kind_of) in enumerate(pieces))
    return model + field(2, field(3, kind)) + field(3, field(1, b"identity") + field(3, 1) + field(4, 1) + field(5, 1))


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


def manifests():
    empty = hashlib.sha256(b"{}").hexdigest()
    yield "manifest", {"version": 1, "files": {"config.json": {"bytes": 2, "sha256": empty}}}
    yield "logs", {"version": 1, "checkpoints": {"00000002": {"metrics.jsonl": {"bytes": 2, "sha256": empty}}}}


def rates():
    """Of `sigmoe plan --calibrate`, with and without messages, and what --network can be."""
    of_type = {f"{part}_gflops": 1.5 for part in ("projections", "attention", "feedforward", "experts", "logits")}
    of_type |= {"stream_gb_per_s": 2.0, "update_gb_per_s": 3.0}
    alone = {"processor": "a processor", "isa": "avx2", "version": 1, "threads": 1, "memory_gb_per_s": 4.0, "f32": of_type,
             "bf16": of_type}
    yield "alone", json.dumps(alone)
    yield "messages", json.dumps(alone | {"messages": {"ranks": 2, "microseconds": 1.0, "sum_gb_per_s": 2.0, "exchange_gb_per_s": 3.0}})
    yield "version", json.dumps(alone | {"version": 2})
    for number, network in enumerate(("25gbit", "100gbit:2us", "1.5GB/s:0.5ms", "800mbit:900ns", "3MB/s")):
        yield f"network{number}", network


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


def data_seeds():
    sums = {"shards": ["0" * 64, "0123456789abcdef" * 4]}
    train = {"tokens": 3, "bytes": 3, "chars": 3, "words": 1, "sha256": "0" * 64}
    splits = {"train": train, "valid": {"tokens": 3}, "test": {}}
    ngram = {"unit": "bits/char", "counted": 3, "train": {"tokens": 3, "bigram": 1.5, "trigram": None}}
    yield "fuzz_meta", "bytes", json.dumps({"vocab_size": 3, "tokenizer": {"type": "bytes", "alphabet": [10, 32, 97]},
                                            "source": "text: a.txt b.txt", "splits": splits, "ngram": ngram}).encode()
    yield "fuzz_meta", "none", json.dumps({"vocab_size": 9, "tokenizer": {"type": "none"}}).encode()
    yield "fuzz_meta", "sums", json.dumps({"vocab_size": 3, "tokenizer": {"type": "none"},
                                           "splits": {"train": sums}}).encode()
    yield "fuzz_meta", "pieces", json.dumps({"vocab_size": 8000, "tokenizer": {"type": "sentencepiece"},
                                             "tokenizer_model": {"sha256": "0" * 64}, "source": "c4: 2 shards"}).encode()
    scores = {"tokens": 3, "nats_per_token": 1.5, "perplexity": 4.5, "bits_per_token": 2.2, "bits_per_char": None}
    yield "fuzz_ngram_json", "scores", json.dumps({"order": 3, "steps": 20, "counted_tokens": 100, "validation": scores,
                                                   "valid": scores, "test": scores}).encode()
    yield "fuzz_ngram_json", "other_steps", json.dumps({"order": 3, "steps": 21}).encode()
    yield "fuzz_tokenizer_model", "unigrams", sentencepiece(1)
    yield "fuzz_tokenizer_model", "byte_pairs", sentencepiece(2)
    yield "fuzz_sentences", "lines", b" = Title = \n \n Some <unk> words @-@ of a text . \n\xff\xe3\x80\x80no end"
    lines = (b'{"text": "one two\\n\\ud800"}\r', b"", b'{"text": null}', b'{"id": 1}', b'{"text": ""}')
    yield "fuzz_sentences", "documents", b"\xef\xbb\xbf" + b"\n".join(lines)
    yield "fuzz_raw_text", "utf8", "caf\u00e9\0 \u20ac\n\U0001f600".encode() + b"\xed\xa0\x80\xc3"
    yield "fuzz_raw_text", "mark", b"\xef\xbb\xbfa"
    yield "fuzz_raw_text", "utf16", "of text".encode("utf-16-le")
    yield "fuzz_raw_text", "ids", struct.pack("<128H", *[i * 7 % 300 for i in range(128)])


def archive_seeds():
    text = b"a text of words\n"
    wiki = [(f"wikitext-103/wiki.{split}.tokens", text) for split in ("train", "valid", "test")]
    one = gzip.compress(text, mtime=0)
    for name, contents in (("zip", zip_of(wiki)), ("stored", zip_of(wiki[:1], zipfile.ZIP_STORED)), ("no_files", zip_of([])),
                           ("document", zip_of([("mimetype", b"x")])), ("tar", tar_of(wiki)), ("gz", one),
                           ("tar_gz", gzip.compress(tar_of(wiki), mtime=0)),
                           ("bz2", bz2.compress(text)), ("xz", lzma.compress(text)), ("zst", zstd(text)),
                           ("deb", ar_of([("debian-binary", b"2.0\n"), ("data.tar.gz", one)])),
                           ("twice", gzip.compress(one, mtime=0)), ("text", text), ("nothing", b"")):
        yield "fuzz_archive", name, contents
    yield "fuzz_gunzip", "one", one
    yield "fuzz_gunzip", "members", one + one + bytes(3)
    yield "fuzz_gunzip", "cut", one[:-4]
    named = one[:3] + b"\x1e" + one[4:10] + struct.pack("<H", 2) + b"ex" + b"name\0comment\0"
    yield "fuzz_gunzip", "header", named + struct.pack("<H", zlib.crc32(named) & 0xffff) + one[10:]
    yield "fuzz_gunzip", "text", text
    yield "fuzz_zip_end", "three", struct.pack("<H", 3) + zip_of(wiki)[-60:]
    yield "fuzz_zip_end", "comment", struct.pack("<H", 1) + zip_of(wiki[:1])[-22:-2] + b"\x03\x00PK\x05"


def download_seeds():
    yield "fuzz_download_headers", "etag", b'"abc"\nWed, 21 Oct 2015 07:28:00 GMT\nbytes 10-80/81\n81\n"abc"\n'
    yield "fuzz_download_headers", "weak", b'W/"abc"\nWed, 21 Oct 2015 07:28:00 GMT\nbytes 0-9/*\n-1\n\n'
    for number, url in enumerate(("https://user:pass@host:8080/a/b.zip?token=secret#part", "http://[::1]/@scope/x",
                                  "file:///a@b", "https://a:b/c@host/")):
        yield "fuzz_url", f"url{number}", url.encode()


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
    for name, value in manifests():
        yield "fuzz_manifest", name, json.dumps(value).encode()
    for name, text in rates():
        yield "fuzz_rates", name, text.encode()
    for name, text in run_logs():
        yield "fuzz_run_logs", name, text.encode()
    for name, line in COMMAND_LINES:
        yield "fuzz_command_line", name, line.replace("bench kernel", "bench\tkernel").replace(" ", "\n").replace("\t", " ").encode()
    yield from data_seeds()
    yield from archive_seeds()
    yield from download_seeds()
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
