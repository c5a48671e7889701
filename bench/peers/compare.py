"""Runs sigmoe's benchmarks and PyTorch's on the same shapes in turn, and prints one table of each kind, with ratios."""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
MODELS = [("dense", "wt-s-dense", "dense"), ("sigma-moe", "wt-s-moe", "moe")]
NOT_ASKED = object()  # a compiled figure without --compiled
# width, experts, expert size, K, tokens
LAYERS = [(412, 16, 128, 4, 4096), (1024, 32, 128, 4, 2048), (512, 16, 128, 4, 8192), (512, 256, 128, 4, 8192)]


def run(command):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"compare.py: this failed with exit status {done.returncode}: {' '.join(map(str, command))}")
    return json.loads(done.stdout)


def torch_run(script, *words):
    return run([sys.executable, HERE / script, *words])


def median(rows, key):
    if not rows:
        return NOT_ASKED
    values = [row[key] for row in rows]
    return None if None in values else statistics.median(values)


def cell(value, ours, form):
    """A figure of PyTorch's, and behind it how many times as good ours is; lower is better for times."""
    if value is NOT_ASKED:
        return f"{'-':>16}"
    if value is None:
        return f"{'cannot':>16}"
    ratio = value / ours if form == "ms" else ours / value
    return f"{value:>9.1f} {ratio:>5.2f}x"


def compare_steps(args, dtype):
    print(f"\n{dtype}: WT-S training steps with optimizer, batch {args.batch} x 256, tokens/s")
    print(f"{'model':<12}{'sigmoe':>9}{'of peak':>9}{'eager':>16}{'compiled':>16}{'our RSS':>10}{'eager RSS':>11}")
    common = ["--threads", args.threads, "--steps", args.steps, "--batch", args.batch, "--dtype", dtype]
    for name, preset, ff in MODELS:
        ours, eager, compiled = [], [], []
        for _ in range(args.rounds):
            ours.append(run([args.sigmoe, "bench", "step", "--preset", preset, "--json", *common]))
            eager.append(torch_run("torch_step.py", "--ff", ff, *common))
            if args.compiled:
                compiled.append(torch_run("torch_step.py", "--ff", ff, "--compile", *common))
        rate = median(ours, "tokens_per_s")
        rss = [max(row["peak_rss_bytes"] for row in rows) / 1e9 for rows in (ours, eager)]
        print(
            f"{name:<12}{rate:>9.1f}{median(ours, 'fraction_of_peak'):>9.0%}"
            f"{cell(median(eager, 'tokens_per_s'), rate, 'rate'):>16}{cell(median(compiled, 'tokens_per_s'), rate, 'rate'):>16}"
            f"{rss[0]:>7.2f} GB{rss[1]:>8.2f} GB",
            flush=True,
        )


def compare_layers(args, dtype):
    print(f"\n{dtype}: feedforward layers, forward and backward, ms")
    heading = "".join(f"{name:>16}" for name in ("torch dense", "loop", "grouped_mm", "compiled loop"))
    print(f"{'d, N_E x G, K, tokens':<26}{'our dense':>10}{'our MoE':>9}{'of peak':>9}{heading}")
    for width, experts, size, k, tokens in LAYERS:
        shape = ["--d-model", width, "--experts", experts, "--expert-size", size, "--k", k, "--tokens", tokens]
        common = [*shape, "--threads", args.threads, "--repetitions", 5, "--dtype", dtype]
        kinds = [["dense"], ["loop"], ["grouped"], ["loop", "--compile"]]
        ours, theirs = [], [[] for _ in kinds]
        for _ in range(args.rounds):
            ours.append(run([args.sigmoe, "bench", "layer", "--json", *common]))
            for rows, kind in zip(theirs, kinds if args.compiled else kinds[:3]):
                rows.append(torch_run("torch_layer.py", "--kind", *kind, *common))
        ms, dense = median(ours, "total_ms"), median(ours, "dense_total_ms")
        cells = [cell(median(rows, "total_ms"), dense if i == 0 else ms, "ms") for i, rows in enumerate(theirs)]
        title = f"{width}, {experts} x {size}, {k}, {tokens}"
        print(
            f"{title:<26}{dense:>10.1f}{ms:>9.1f}{median(ours, 'fraction_of_peak'):>9.0%}"
            + "".join(f"{text:>16}" for text in cells),
            flush=True,
        )


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--sigmoe", required=True)
    a.add_argument("--threads", default="2")
    a.add_argument("--steps", default="3")
    a.add_argument("--batch", default="8")
    a.add_argument("--rounds", type=int, default=2, help="ours and theirs in turn, this many times; medians are printed")
    a.add_argument("--compiled", action="store_true", help="torch.compile, too: many minutes")
    a.add_argument("--only", choices=["steps", "layers"])
    a.add_argument("--dtype", choices=["f32", "bf16", "both"], default="both", help="PyTorch: autocast for steps")
    args = a.parse_args()
    version = torch_run("torch_layer.py", "--kind", "dense", "--tokens", 16, "--repetitions", 1)["torch"]
    print(f"{args.threads} threads, PyTorch {version}; behind its figures: how many times as fast sigmoe is")
    for dtype in ["f32", "bf16"] if args.dtype == "both" else [args.dtype]:
        if args.only != "layers":
            compare_steps(args, dtype)
        if args.only != "steps":
            compare_layers(args, dtype)


if __name__ == "__main__":
    main()
