"""Runs `sigmoe bench step` and torch_step.py in turn on the same shapes and prints one table with ratios."""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
ROWS = [("dense", "wt-s-dense", "dense"), ("sigma-moe", "wt-s-moe", "moe")]


def run(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"compare_steps.py: this failed with exit status {done.returncode}: {' '.join(command)}")
    return json.loads(done.stdout)


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--sigmoe", required=True)
    a.add_argument("--threads", default="2")
    a.add_argument("--steps", default="3")
    a.add_argument("--batch", default="8")
    a.add_argument("--rounds", type=int, default=2, help="ours and theirs in turn, this many times; medians are printed")
    args = a.parse_args()
    print(f"WT-S, batch {args.batch} x 256, {args.threads} threads, f32, tokens/s of a training step with optimizer")
    print(f"{'model':<12}{'sigmoe':>10}{'PyTorch':>10}{'ratio':>8}{'share of peak':>15}{'our RSS':>10}{'their RSS':>11}")
    for name, preset, ff in ROWS:
        ours, theirs = [], []
        common = ["--threads", args.threads, "--steps", args.steps, "--batch", args.batch]
        for _ in range(args.rounds):
            ours.append(run([args.sigmoe, "bench", "step", "--preset", preset, "--json", *common]))
            theirs.append(run([sys.executable, str(HERE / "torch_step.py"), "--ff", ff, *common]))
        rate = [statistics.median(r["tokens_per_s"] for r in rows) for rows in (ours, theirs)]
        rss = [max(r["peak_rss_bytes"] for r in rows) / 2**30 for rows in (ours, theirs)]
        share = statistics.median(r["fraction_of_peak"] for r in ours)
        print(
            f"{name:<12}{rate[0]:>10.0f}{rate[1]:>10.0f}{rate[0] / rate[1]:>8.2f}{share:>15.0%}"
            f"{rss[0]:>7.2f} GiB{rss[1]:>7.2f} GiB",
            flush=True,
        )


if __name__ == "__main__":
    main()
