"""Makes the committed cases under cases/forward and cases/train with the oracle of oracle_model.py.

    make_vectors.py                makes every case anew (the folder cases/ is replaced)
    make_vectors.py --self-check   checks the oracle against itself: finite differences, attention by loops

Everything comes from fixed seeds. A draw is thrown away, and the next one taken, when a routing or Top-K decision
is nearer than 1e-3 to a tie, a ReLU input nearer than 1e-4 to 0, or when the same computation in float32 does not
agree with float64 to a quarter of the tolerance: a case must not fail by rounding.
"""
import argparse
import copy
import json
import math
import os
import random
import shutil

import torch

import oracle_model
import vector_files

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = os.path.join(HERE, "cases")

ROUTERS_WITH_WEIGHTS = ["sigmoid", "softmax", "softmax_topk", "sinkhorn", "noisy_topk"]
ROUTERS_WITHOUT = ["hash", "random"]
REGULARIZERS = ["none", "entropy", "switch", "switch_mean", "cv"]
INITS = ["dense_equivalent", "standard", "switch"]

FORWARD_TOLERANCE = 2e-5
# Weights: Adam turns the rounding of a gradient near 0 into steps of its own; each may move 6e-2 in all.
TRAIN_TOLERANCES = {"loss": 5e-4, "reg": 5e-4, "grad_norm": 1e-3, "lr": 1e-5, "weights": 1e-3}
SMALLEST_GAP = 1e-3
SMALLEST_RELU_INPUT = 1e-4


# ---- models --------------------------------------------------------------------------------------------------

def model_config(ff, **changes):
    config = {"model_type": "sigmoe", "version": 1, "vocab_size": 7, "d_model": 8, "n_layers": 2, "n_heads": 2,
              "d_head": 3, "dropout": 0.0, "unroll": 4, "memory_segments": {"train": 1, "eval": 4},
              "tokenizer": {"type": "none"}, "ff": ff}
    config.update(changes)
    return config


def dense():
    return {"type": "dense", "d_ff": 11}


def topk(k, norm_compensation=False):
    return {"type": "topk", "d_ff": 11, "k": k, "norm_compensation": norm_compensation}


def pkm(activation, knn, n_heads=2, n_subkeys=3, init="standard"):
    return {"type": "pkm", "n_heads": n_heads, "n_subkeys": n_subkeys, "knn": knn, "activation": activation,
            "init": init}


def moe(router, regularizer="none", init="dense_equivalent", **changes):
    ff = {"type": "moe", "n_experts": 5, "expert_size": 3, "k": 2, "router": router, "expert_dropout": 0.0,
          "dropout": 0.0, "regularizer": regularizer, "regularizer_weight": 0.0 if regularizer == "none" else 0.3,
          "channels_kept": 0, "init": init}
    if router == "random":
        ff["n_experts"], ff["k"] = 3, 3  # every expert: the draw does not matter
    ff.update(changes)
    return ff


def draw_weights(config, rng):
    """Float32 tensors that make every path count: nothing is zero, and the logits are spread."""
    d, d_h, ff = config["d_model"], config["d_head"], config["ff"]
    init = ff.get("init", oracle_model.DEFAULTS[ff["type"]].get("init"))
    weights = {}
    for name, shape in oracle_model.parameter_shapes(config).items():
        mean, std = 0.0, 1.2 / math.sqrt(shape[-1])
        if name == "embed.weight":
            std = 0.8
        elif "norm.weight" in name:
            mean, std = 1.0, 0.2
        elif name.endswith(".scale"):
            mean, std = 1.3 / math.sqrt(d_h), 0.1
        elif name.endswith(("content_bias", "position_bias")):
            std = 0.5
        elif name.endswith("up.bias"):
            std = 0.4
        elif name.endswith(".bias"):
            std = 0.2
        elif "subkeys" in name:
            std = 1 / math.sqrt(d / 2)
        elif name.endswith("ff.values"):
            std = 1 / ff["n_subkeys"] if init == "dense_equivalent" else 1 / math.sqrt(d)
        elif name.endswith(("router.weight", "router.noise")):
            std = 0.45
        elif name.endswith("experts.up"):
            std = 1 / math.sqrt(d)
        elif name.endswith("experts.down"):
            fan_in = ff["expert_size"] * (ff["n_experts"] if init == "dense_equivalent" else 1)
            std = 1 / math.sqrt(fan_in)
        if init == "switch" and (".experts." in name or name.endswith("router.weight")):
            std *= math.sqrt(0.1)
        count = math.prod(shape)
        values = [rng.gauss(mean, std) for _ in range(count)]
        weights[name] = torch.tensor(values, dtype=torch.float32).reshape(shape)
    if ff["type"] == "moe" and ff["router"] == "hash":
        for i in range(config["n_layers"]):
            rows = [rng.sample(range(ff["n_experts"]), ff["k"]) for _ in range(config["vocab_size"])]
            weights[f"layers.{i}.ff.router.table"] = torch.tensor(rows, dtype=torch.int32)
    return weights


def steady_channel(weights, i):
    """Makes channel 0 of a layer's FF input nearly constant, about 4."""
    weights[f"layers.{i}.ff_norm.weight"][0] = 0.1
    weights[f"layers.{i}.ff_norm.bias"][0] = 4.0


def quiet_noise(config, weights):
    """softplus(W_noise x) becomes about 1e-20: noisy routing without the noise."""
    for i in range(config["n_layers"]):
        steady_channel(weights, i)
        weights[f"layers.{i}.ff.router.weight"][:, 0] *= 0.1
        noise = weights[f"layers.{i}.ff.router.noise"]
        noise.zero_()
        noise[:, 0] = -46.0 / 4.0


def lonely_expert(config, weights):
    """No token picks expert 3."""
    for i in range(config["n_layers"]):
        steady_channel(weights, i)
        weights[f"layers.{i}.ff.router.weight"][:, 0] *= 0.1
        weights[f"layers.{i}.ff.router.weight"][3, 0] = -1.5


# ---- cases ---------------------------------------------------------------------------------------------------

def forward_cases():
    cases = []

    def add(name, ff, training=False, grad=True, B=2, n=11, unroll=4, memory=2, tweak=None, drop=(), **config):
        ff = {key: value for key, value in ff.items() if key not in drop}
        if tweak is None and training and ff.get("router") == "noisy_topk":
            tweak = quiet_noise
        cases.append({"name": name, "config": model_config(ff, **config), "B": B, "n": n, "unroll": unroll,
                      "memory": memory, "training": training, "grad": grad, "tweak": tweak})

    # Every router, regularizer and initialisation, as in training. Lengths and memories take turns.
    turn = 0
    shapes = [(11, 4, 2), (13, 5, 1), (14, 4, 2), (11, 4, None), (11, 4, 0), (13, 4, 3)]
    combinations = [(router, regularizer, init) for router in ROUTERS_WITH_WEIGHTS for regularizer in REGULARIZERS
                    for init in INITS]
    combinations += [(router, "none", init) for router in ROUTERS_WITHOUT for init in INITS]
    for router, regularizer, init in combinations:
        n, unroll, memory = shapes[turn % len(shapes)]
        changes = {"k": 3} if turn % 4 == 3 and router != "random" else {}
        add(f"moe-{router}-{regularizer}-{init}", moe(router, regularizer, init, **changes), training=True,
            n=n, unroll=unroll, memory=memory,
            n_layers=2 if init == "dense_equivalent" and regularizer in ("none", "entropy") else 1)
        turn += 1

    # Inference. The regularizer is set and must not count.
    for router in ROUTERS_WITH_WEIGHTS:
        add(f"moe-{router}-inference", moe(router, "entropy"), memory=None, n=14)
        add(f"moe-{router}-inference-k3", moe(router, "cv", "standard", k=3), memory=2, n=14, n_layers=1)
    for router in ROUTERS_WITHOUT:
        add(f"moe-{router}-inference", moe(router), memory=None, n=14)

    # The ends of K, and other corners of the MoE.
    for router in ROUTERS_WITH_WEIGHTS:
        add(f"moe-{router}-k1", moe(router, "switch", k=1), training=True, n_layers=1)
        add(f"moe-{router}-k-all", moe(router, "entropy", k=5), training=True, n_layers=1)
        add(f"moe-{router}-unused-expert", moe(router, "switch_mean"), training=router != "sinkhorn", n_layers=1,
            tweak=lonely_expert if router != "noisy_topk" else
            lambda config, weights: (quiet_noise(config, weights), lonely_expert(config, weights)))
        add(f"moe-{router}-channels", moe(router, "entropy", channels_kept=3), training=True, n_layers=1)
    add("moe-hash-k1", moe("hash", k=1), training=True, n_layers=1)
    add("moe-hash-channels", moe("hash", channels_kept=2), training=True, n_layers=1)
    add("moe-random-channels", moe("random", channels_kept=4), training=True, n_layers=1)
    add("moe-sigmoid-channels-1", moe("sigmoid", channels_kept=1), n_layers=1)
    add("moe-sigmoid-channels-all", moe("sigmoid", channels_kept=6), n_layers=1)
    add("moe-sigmoid-unroll-1", moe("sigmoid", "cv"), training=True, n=4, unroll=1)
    add("moe-sinkhorn-unroll-1", moe("sinkhorn", "entropy"), training=True, n=4, unroll=1, memory=3)
    add("moe-sigmoid-single-token", moe("sigmoid", "entropy"), training=True, B=1, n=1, vocab_size=5)
    add("moe-softmax_topk-single-token", moe("softmax_topk", "switch"), training=True, B=1, n=1)
    add("moe-sigmoid-defaults", moe("sigmoid", "none"), training=True, unroll=None, memory=None,
        drop=("expert_dropout", "dropout", "regularizer_weight", "channels_kept", "init"))
    add("moe-sigmoid-no-grad", moe("sigmoid", "entropy"), training=True, grad=False)
    add("moe-sigmoid-odd-sizes", moe("sigmoid", "entropy", n_experts=7, expert_size=5, k=4), training=True, B=3,
        d_head=5, n_heads=3, vocab_size=11, d_model=10)

    # Dense, and what the rest of the model does.
    add("dense-training", dense(), training=True)
    add("dense-inference", dense(), memory=2, n=14)
    add("dense-no-grad", dense(), grad=False)
    add("dense-defaults-training", dense(), training=True, unroll=None, memory=None, n=14)
    add("dense-defaults-inference", dense(), unroll=None, memory=None, n=21)
    add("dense-memory-0", dense(), memory=0)
    add("dense-memory-1", dense(), memory=1, n=14)
    add("dense-memory-long", dense(), memory=9, unroll=3)
    add("dense-whole-segments", dense(), n=12)
    add("dense-one-segment", dense(), n=5, unroll=8)
    add("dense-unroll-1", dense(), n=4, unroll=1)
    add("dense-single-token", dense(), B=1, n=1)
    add("dense-one-head", dense(), n_heads=1, d_head=5)
    add("dense-wide-heads", dense(), n_heads=3, d_head=7, d_model=6, vocab_size=11, B=1)
    add("dense-one-layer", dense(), n_layers=1, B=3)

    # Top-K.
    for mode, training in (("training", True), ("inference", False)):
        add(f"topk-{mode}", topk(3), training=training)
        add(f"topk-norm-compensation-{mode}", topk(3, True), training=training)
    add("topk-k1", topk(1), n_layers=1)
    add("topk-norm-compensation-k1", topk(1, True), n_layers=1)
    add("topk-k-all", topk(11), memory=0)
    add("topk-k-beyond-positive", topk(9), n_layers=1)
    add("topk-defaults", topk(4), drop=("norm_compensation",), n_layers=1)
    add("topk-single-token", topk(2), B=1, n=1)

    # PKM: fewer keys than sub-keys, as many, and more; heads; initialisations.
    for activation in ("relu", "softmax"):
        for label, knn in (("few", 2), ("equal", 3), ("beyond", 128)):
            add(f"pkm-{activation}-knn-{label}", pkm(activation, knn), training=label == "few")
        add(f"pkm-{activation}-knn-1", pkm(activation, 1, n_heads=3), n_layers=1)
        add(f"pkm-{activation}-one-head-few", pkm(activation, 3, n_heads=1, n_subkeys=4), n_layers=1)
        add(f"pkm-{activation}-one-head-beyond", pkm(activation, 4, n_heads=1, n_subkeys=4, init="dense_equivalent"),
                n_layers=1)
        add(f"pkm-{activation}-init", pkm(activation, 2, n_heads=3, n_subkeys=4, init="dense_equivalent"), memory=0,
                n_layers=1)
        add(f"pkm-{activation}-defaults", pkm(activation, 0), drop=("n_heads", "knn", "init"), memory=1,
                n_layers=1)
        add(f"pkm-{activation}-single-token", pkm(activation, 2), B=1, n=1)
    return cases


def train_cases():
    cases = []

    def add(name, ff, batch=2, tokens=68):
        if ff.get("regularizer", "none") != "none":
            ff["regularizer_weight"] = 0.1
        tweak = quiet_noise if ff.get("router") == "noisy_topk" else None
        # The last pair of S(p) nearly stands still when d is 6 or more: its weights' gradients would be so close to 0
        # (a constant added to all scores changes nothing) that Adam would turn rounding into steps. Hence d = 4.
        cases.append({"name": name, "config": model_config(ff, d_model=4), "batch": batch, "unroll": 4, "steps": 20,
                      "lr": 0.003, "warmup": 5, "seed": 1, "tokens": tokens, "tweak": tweak})

    add("dense", dense())
    add("dense-batch-3", dense(), batch=3, tokens=50)
    add("topk", topk(3))
    add("topk-norm-compensation", topk(3, True))
    add("pkm-relu", pkm("relu", 128))
    add("pkm-softmax", pkm("softmax", 128))
    add("pkm-relu-few", pkm("relu", 2))
    add("pkm-softmax-few", pkm("softmax", 2))
    for router in ROUTERS_WITH_WEIGHTS:
        add(f"moe-{router}", moe(router, "switch" if router == "softmax" else "entropy"))
    for router in ROUTERS_WITHOUT:
        add(f"moe-{router}", moe(router))
    add("moe-sigmoid-none", moe("sigmoid", "none"))
    add("moe-sigmoid-switch", moe("sigmoid", "switch"))
    add("moe-sigmoid-switch_mean", moe("sigmoid", "switch_mean"))
    add("moe-sigmoid-cv", moe("sigmoid", "cv"))
    add("moe-sigmoid-channels", moe("sigmoid", "entropy", channels_kept=4))
    return cases


# ---- making them ---------------------------------------------------------------------------------------------

def worst_disagreement(left, right):
    """The largest |a-b| / (1+|b|) over all tensors."""
    worst = 0.0
    for name, b in right.items():
        a, b = left[name].double(), b.double()
        if a.numel():
            worst = max(worst, ((a - b).abs() / (1 + b.abs())).max().item())
    return worst if math.isfinite(worst) else math.inf


def write_model(directory, config, weights):
    os.makedirs(directory)
    write_json(os.path.join(directory, "config.json"), config)
    vector_files.write_safetensors(os.path.join(directory, "model.safetensors"),
                                   {name: oracle_model.from_torch(value) for name, value in weights.items()})


def write_json(path, value):
    with open(path, "w") as file:
        json.dump(value, file)
        file.write("\n")


def draw(case, attempt, kind):
    rng = random.Random(f"{kind}/{case['name']}/{attempt}")
    weights = draw_weights(case["config"], rng)
    if case["tweak"]:
        case["tweak"](case["config"], weights)
    return rng, weights


def make_forward(case):
    config = case["config"]
    unroll = case["unroll"] if case["unroll"] is not None else config["unroll"]
    memory = case["memory"]
    if memory is None:
        memory = config["memory_segments"]["train" if case["training"] else "eval"]
    for attempt in range(100):
        rng, weights = draw(case, attempt, "forward")
        rows = [[rng.randrange(config["vocab_size"]) for _ in range(case["n"] + 1)] for _ in range(case["B"])]
        results = {}
        for dtype in (torch.float32, torch.float64):
            model = oracle_model.Oracle(config, weights, dtype)
            results[dtype] = oracle_model.forward(model, rows, unroll, memory, case["training"], case["grad"])
        if min(model.gaps, default=1.0) < SMALLEST_GAP or min(model.kinks, default=1.0) < SMALLEST_RELU_INPUT:
            continue
        if worst_disagreement(results[torch.float32], results[torch.float64]) > FORWARD_TOLERANCE / 4:
            continue
        exact_zero = []
        if "unused-expert" in case["name"]:
            if any(tokens[3] for layer in model.expert_tokens.values() for tokens in layer):
                continue
            size = config["d_model"] * config["ff"]["expert_size"]
            for i in range(config["n_layers"]):
                for part in ("up", "down"):
                    exact_zero.append([f"grad.layers.{i}.ff.experts.{part}", 3 * size, size])
        break
    else:
        raise RuntimeError(f"{case['name']}: no draw is clear enough")
    directory = os.path.join(CASES, "forward", case["name"])
    write_model(directory, config, weights)
    vector_files.write_npy_int32(os.path.join(directory, "tokens.npy"), rows)
    record = {"unroll": case["unroll"], "memory_segments": case["memory"], "training": case["training"],
              "grad": case["grad"], "tolerance": FORWARD_TOLERANCE}
    if exact_zero:
        record["exact_zero"] = exact_zero  # [tensor, first index, count]
    write_json(os.path.join(directory, "case.json"), record)
    vector_files.write_safetensors(
        os.path.join(directory, "expected.safetensors"),
        {name: oracle_model.from_torch(value.float()) for name, value in results[torch.float64].items()})
    return attempt


def make_train(case):
    config = case["config"]

    def run(weights, tokens, clip, dtype):
        model = oracle_model.Oracle(config, weights, dtype)
        log = oracle_model.train(model, tokens, case["batch"], case["unroll"], case["steps"], case["lr"], clip,
                                 case["warmup"])
        return model, log

    for attempt in range(100):
        rng, weights = draw(case, attempt, "train")
        splits = {name: [rng.randrange(config["vocab_size"]) for _ in range(count)]
                  for name, count in (("train", case["tokens"]), ("valid", 23), ("test", 23))}
        _, log = run(weights, splits["train"], math.inf, torch.float64)
        norms = sorted(line["grad_norm"] for line in log)
        clip = round(norms[len(norms) // 2], 2)
        model, log = run(weights, splits["train"], clip, torch.float64)
        if min(model.gaps, default=1.0) < SMALLEST_GAP:
            continue
        clipped = sum(line["grad_norm"] > clip for line in log)
        if not 0 < clipped < case["steps"]:
            continue
        single, single_log = run(weights, splits["train"], clip, torch.float32)
        if worst_disagreement(single.p, model.p) > TRAIN_TOLERANCES["weights"] / 4:
            continue
        if max(abs(a[key] - b[key]) for a, b in zip(single_log, log) for key in ("loss", "reg", "grad_norm")) > 1e-4:
            continue
        break
    else:
        raise RuntimeError(f"{case['name']}: no draw is clear enough")
    directory = os.path.join(CASES, "train", case["name"])
    write_model(directory, config, weights)
    data = os.path.join(directory, "data")
    os.makedirs(data)
    for name, tokens in splits.items():
        vector_files.write_shard(os.path.join(data, name + ".bin"), tokens)
    write_json(os.path.join(data, "meta.json"), {"vocab_size": config["vocab_size"], "tokenizer": {"type": "none"}})
    record = {key: case[key] for key in ("batch", "unroll", "steps", "lr", "warmup", "seed")}
    record.update(clip=clip, tolerances=TRAIN_TOLERANCES)
    write_json(os.path.join(directory, "case.json"), record)
    with open(os.path.join(directory, "expected.json"), "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(line) for line in log) + "\n]\n")
    final = {name: model.p[name].float() if name in model.p else value for name, value in weights.items()}
    vector_files.write_safetensors(os.path.join(directory, "expected.safetensors"),
                                   {name: oracle_model.from_torch(value) for name, value in final.items()})
    return attempt


# ---- the oracle against itself ---------------------------------------------------------------------------------

def check_finite_differences(case):
    """The last segment's gradient of ce + reg, memory fixed, against central differences."""
    _, weights = draw(case, 0, "self-check")
    model = oracle_model.Oracle(case["config"], weights)
    rng = random.Random(5)
    tokens = torch.tensor([[rng.randrange(case["config"]["vocab_size"]) for _ in range(12)] for _ in range(2)])
    memory = model.no_memory(2)
    for begin in (0, 4):
        _, _, memory = model.segment(tokens[:, begin:begin + 4], memory, 2, case["training"])

    def loss():
        logits, reg, _ = model.segment(tokens[:, 8:11], memory, 2, case["training"])
        return oracle_model.cross_entropy(logits, tokens[:, 9:12]) + reg

    grads = model.gradients(loss())
    worst = 0.0
    for name, value in model.p.items():
        flat = value.detach().view(-1)
        for index in rng.sample(range(flat.numel()), min(6, flat.numel())):
            kept, step = flat[index].item(), 1e-6
            flat[index] = kept + step
            above = loss().item()
            flat[index] = kept - step
            below = loss().item()
            flat[index] = kept
            worst = max(worst, abs((above - below) / (2 * step) - grads[name].reshape(-1)[index].item()))
    return worst


def check_attention_by_loops():
    """Attention written out for one query, one head and one number at a time."""
    config = model_config(dense())
    model = oracle_model.Oracle(config, draw_weights(config, random.Random(3)))
    d, H, d_h, T, M = 8, 2, 3, 4, 6
    x, memory = torch.randn(2, T, d, dtype=torch.float64), torch.randn(2, M, d, dtype=torch.float64)
    got = model.attention(x, memory, "layers.0.")
    p = {name[len("layers.0.attn."):]: value for name, value in model.p.items() if name.startswith("layers.0.attn.")}
    norm = lambda row: torch.nn.functional.layer_norm(row, (d,), model.p["layers.0.attn_norm.weight"],
                                                      model.p["layers.0.attn_norm.bias"], 1e-5)
    worst = 0.0
    for b in range(2):
        for i in range(T):
            heads = []
            for h in range(H):
                rows = slice(h * d_h, (h + 1) * d_h)
                q = p["q.weight"][rows] @ norm(x[b, i])
                scores, values = [], []
                for j in range(-M, i + 1):
                    source = norm(memory[b, M + j] if j < 0 else x[b, j])
                    S = torch.tensor([(math.cos if e % 2 else math.sin)((j - i) * 10000 ** (-2 * (e // 2) / d))
                                      for e in range(d)], dtype=torch.float64)
                    content = (q + p["content_bias"][h]) @ (p["k.weight"][rows] @ source)
                    position = (q + p["position_bias"][h]) @ (p["position.weight"][rows] @ S)
                    scores.append(p["scale"][0] * (content + position))
                    values.append(p["v.weight"][rows] @ source)
                share = torch.softmax(torch.stack(scores), 0)
                heads.append(sum(a * v for a, v in zip(share, values)))
            worst = max(worst, (p["out.weight"] @ torch.cat(heads) - got[b, i]).abs().max().item())
    return worst


def check_adam():
    """The hand-written optimizer against torch's AdamW, with its clip, over a few steps."""
    config = model_config(dense())
    weights = draw_weights(config, random.Random(4))
    tokens = [random.Random(6).randrange(7) for _ in range(40)]
    ours = oracle_model.Oracle(config, weights)
    oracle_model.train(ours, tokens, 2, 4, 6, 0.01, 0.5, 3)
    theirs = oracle_model.Oracle(config, weights)
    adam = torch.optim.AdamW(theirs.p.values(), betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
    length, memory = 19, None
    for step in range(6):
        begin = step % 4 * 4
        memory = theirs.no_memory(2) if begin == 0 else memory
        ids = torch.tensor([tokens[b * length + begin:][:5] for b in range(2)])
        logits, _, memory = theirs.segment(ids[:, :4], memory, 1, True)
        adam.zero_grad()
        oracle_model.cross_entropy(logits, ids[:, 1:]).backward()
        torch.nn.utils.clip_grad_norm_(theirs.p.values(), 0.5)
        for group in adam.param_groups:
            group["lr"] = [0.01 / 3, 0.02 / 3, 0.01, 0.01, 0.005 * (1 + math.cos(math.pi / 6)),
                           0.005 * (1 + math.cos(math.pi / 3))][step]
        adam.step()
    return worst_disagreement(ours.p, theirs.p)


def self_check():
    worst = 0.0
    for case in forward_cases():
        if case["grad"]:
            error = check_finite_differences(case)
            worst = max(worst, error)
            if error > 1e-7:
                raise SystemExit(f"{case['name']}: gradient off by {error:.1e}")
    print(f"finite differences: worst error {worst:.1e}")
    for name, check, limit in (("attention by loops", check_attention_by_loops, 1e-13), ("Adam", check_adam, 1e-9)):
        error = check()
        print(f"{name}: worst error {error:.1e}")
        if error > limit:
            raise SystemExit(f"{name} disagrees")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--self-check", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.self_check:
        return self_check()
    shutil.rmtree(CASES, ignore_errors=True)
    for make, cases in ((make_forward, forward_cases()), (make_train, train_cases())):
        attempts = [make(copy.deepcopy(case)) for case in cases]
        print(f"{len(cases)} cases, {sum(attempts)} draws thrown away, at most {max(attempts)} for one case")


if __name__ == "__main__":
    main()
