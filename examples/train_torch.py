"""Trains a model of sigmoe in PyTorch: goes on with a run of the program, on one process or, under torchrun, on many.

    python examples/train_torch.py --init RUN --data DATA --steps 1000 --out MODEL
    torchrun --nproc-per-node 2 examples/train_torch.py --init RUN --data DATA --steps 1000 --out MODEL

--init names a run, one of its checkpoints, or any model directory. A run goes on with its optimizer, its memory, its place
in the data and its settings, as with `sigmoe train --resume`; a model begins at step 0, as with `sigmoe train --init`. Each
process reads its share of the batch's streams. There is a line of JSON for each step, and MODEL is a model directory for
`sigmoe eval`.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from typing import Any

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from sigmoe.torch import TransformerXL
from sigmoe.torch.tokens import TokenStreams
from sigmoe.torch.training_state import TrainingState, read_training_state

DEFAULTS = {
    "batch": 64,
    "lr": 2.5e-4,
    "clip": 0.25,
    "warmup": 0,
    "weight_decay": 0.0,
    "schedule": "cosine",
    "dtype": "f32",
    "seed": 0,
}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--init", required=True, metavar="RUN", help="run, checkpoint or model directory")
    parser.add_argument("--data", required=True, help="directory of token shards")
    parser.add_argument("--steps", required=True, type=int, help="how many more")
    parser.add_argument("--out", metavar="MODEL", help="where the trained model goes")
    parser.add_argument("--batch", type=int, help="sequences of all processes together")
    parser.add_argument("--lr", type=float, help="peak learning rate")
    parser.add_argument("--clip", type=float, help="gradient-norm clip; 0: none")
    parser.add_argument("--warmup", type=int, help="warm-up steps")
    parser.add_argument("--weight-decay", type=float)
    parser.add_argument("--schedule", choices=["cosine", "constant"])
    parser.add_argument("--dtype", choices=["f32", "bf16"], help="of products")
    parser.add_argument("--seed", type=int, help="of dropout")
    return parser.parse_args()


def settings_of(options: argparse.Namespace, state: TrainingState | None) -> dict[str, Any]:
    """What is given, else the run's settings, else the program's defaults."""
    given = {name: value for name, value in vars(options).items() if name in DEFAULTS and value is not None}
    run = {name: state.settings[name] for name in DEFAULTS if name in state.settings} if state else {}
    return {**DEFAULTS, **run, **given}


def learning_rate(step: int, steps: int, settings: dict[str, Any]) -> float:
    lr, warmup = float(settings["lr"]), int(settings["warmup"])
    if step < warmup:
        return lr / warmup * (step + 1)
    if settings["schedule"] == "constant":
        return lr
    return lr / 2 * (1 + math.cos(math.pi * (step - warmup) / steps))


def mean_over_ranks(x: torch.Tensor) -> float:
    x = x.detach().clone()
    if dist.is_initialized():
        dist.all_reduce(x)
        x /= dist.get_world_size()
    return float(x)


def continue_from(options: argparse.Namespace, device: torch.device) -> tuple[TransformerXL, TrainingState | None]:
    model = TransformerXL.from_pretrained(options.init, device=device).train()
    return model, read_training_state(options.init, model)


def train(options: argparse.Namespace, device: torch.device, rank: int, ranks: int) -> TransformerXL:
    model, state = continue_from(options, device)
    settings = settings_of(options, state)
    batch = settings["batch"]
    if batch % ranks:
        sys.exit(
            f"train_torch: a batch of {batch} cannot be shared evenly by {ranks} processes: choose another --batch"
        )
    torch.manual_seed(settings["seed"] + rank)
    own = range(rank * batch // ranks, (rank + 1) * batch // ranks)
    streams = TokenStreams(
        options.data,
        "train",
        batch=batch,
        unroll=model.config["unroll"],
        vocab_size=model.config["vocab_size"],
        streams=own,
    )

    optimizer = torch.optim.AdamW(
        model.parameters(), betas=(0.9, 0.999), eps=1e-8, weight_decay=settings["weight_decay"]
    )
    start, place, memory = 0, 0, None
    if state:
        start = state.step
        state.apply(model, optimizer)
        # Another batch has other streams, which are read from their beginning.
        if state.settings.get("batch") == batch:
            place = start
            memory = None if state.memory is None else state.memory[:, own.start : own.stop].to(device)
    forward: Any = DistributedDataParallel(model) if ranks > 1 else model

    for step in range(start, start + options.steps):
        inputs, targets, new_epoch = streams.segment(place + step - start)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=settings["dtype"] == "bf16"):
            out = forward(inputs.to(device), None if new_epoch else memory, targets.to(device))
        memory = out.memory
        optimizer.zero_grad()
        (out.loss + out.reg_loss).backward()
        norm = float(torch.nn.utils.clip_grad_norm_(model.parameters(), settings["clip"] or math.inf))
        if not math.isfinite(norm):
            sys.exit(f"train_torch: step {step}: the gradient is not finite; try a lower --lr")
        rate = learning_rate(step, start + options.steps, settings)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        loss = mean_over_ranks(out.loss)
        if rank == 0:
            print(
                json.dumps({"step": step, "loss": loss, "reg": out.reg_loss.item(), "grad_norm": norm, "lr": rate}),
                flush=True,
            )
    return model


def main() -> None:
    options = arguments()
    ranks, rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
    cuda = torch.cuda.is_available()
    if ranks > 1:
        dist.init_process_group("nccl" if cuda else "gloo")
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if cuda else torch.device("cpu")
    model = train(options, device, rank, ranks)
    if options.out and rank == 0:
        model.save_pretrained(options.out)
    if ranks > 1:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
