"""A plain PyTorch statement of the model: what the C program is checked against.

Written from the model's definition alone, with no look at the program, and for clarity rather than speed: every
score matrix is built whole, every expert is computed for every token and masked, and gradients come from autograd.
Weights are read as float32 and computed with in float64.

Usage on any (small) model directory whose dropouts are 0:
    oracle_model.py --model DIR --tokens X.npy --out Y.safetensors [--unroll T] [--memory-segments M]
                    [--training] [--grad]
"""
import argparse
import json
import math
import os

import torch

import vector_files

PKM_DEFAULTS = {"n_heads": 4, "knn": 128, "init": "standard"}
TOPK_DEFAULTS = {"norm_compensation": False}
MOE_DEFAULTS = {"expert_dropout": 0, "dropout": 0, "regularizer_weight": 0, "channels_kept": 0,
                "init": "dense_equivalent"}
DEFAULTS = {"dense": {}, "topk": TOPK_DEFAULTS, "pkm": PKM_DEFAULTS, "moe": MOE_DEFAULTS}


def parameter_shapes(config):
    """{name: shape} of every float tensor of a model, in the order of the files."""
    V, d, L = config["vocab_size"], config["d_model"], config["n_layers"]
    H, d_h = config["n_heads"], config["d_head"]
    ff = {**DEFAULTS[config["ff"]["type"]], **config["ff"]}
    shapes = {"embed.weight": [V, d]}
    for i in range(L):
        layer = f"layers.{i}."
        shapes[layer + "attn_norm.weight"] = [d]
        shapes[layer + "attn_norm.bias"] = [d]
        for name in ("q", "k", "v", "position"):
            shapes[layer + f"attn.{name}.weight"] = [H * d_h, d]
        shapes[layer + "attn.out.weight"] = [d, H * d_h]
        shapes[layer + "attn.content_bias"] = [H, d_h]
        shapes[layer + "attn.position_bias"] = [H, d_h]
        shapes[layer + "attn.scale"] = [1]
        shapes[layer + "ff_norm.weight"] = [d]
        shapes[layer + "ff_norm.bias"] = [d]
        if ff["type"] in ("dense", "topk"):
            shapes[layer + "ff.up.weight"] = [ff["d_ff"], d]
            shapes[layer + "ff.up.bias"] = [ff["d_ff"]]
            shapes[layer + "ff.down.weight"] = [d, ff["d_ff"]]
            shapes[layer + "ff.down.bias"] = [d]
        elif ff["type"] == "pkm":
            shapes[layer + "ff.subkeys.0"] = [ff["n_heads"], ff["n_subkeys"], d // 2]
            shapes[layer + "ff.subkeys.1"] = [ff["n_heads"], ff["n_subkeys"], d // 2]
            shapes[layer + "ff.values"] = [ff["n_subkeys"] ** 2, d]
        else:
            if ff["router"] not in ("hash", "random"):
                shapes[layer + "ff.router.weight"] = [ff["n_experts"], d]
            if ff["router"] == "noisy_topk":
                shapes[layer + "ff.router.noise"] = [ff["n_experts"], d]
            shapes[layer + "ff.experts.up"] = [ff["n_experts"], d, ff["expert_size"]]
            shapes[layer + "ff.experts.down"] = [ff["n_experts"], ff["expert_size"], d]
    shapes["final_norm.weight"] = [d]
    shapes["final_norm.bias"] = [d]
    shapes["head.weight"] = [V, d]
    shapes["head.bias"] = [V]
    return shapes


def sinusoid(p, d):
    """S(p): even entries sin(p f_m), odd entries cos(p f_m), f_m = 10000^(-2m/d); p of any shape."""
    m = torch.arange(d // 2, dtype=p.dtype)
    angle = p[..., None] * 10000.0 ** (-2.0 * m / d)
    return torch.stack([torch.sin(angle), torch.cos(angle)], dim=-1).flatten(-2)


class Oracle:
    """The language model. `weights` maps tensor names to torch tensors; hash tables are int tensors [V, K]."""

    def __init__(self, config, weights, dtype=torch.float64):
        self.config = config
        self.ff = {**DEFAULTS[config["ff"]["type"]], **config["ff"]}
        self.dtype = dtype
        if config["dropout"] or self.ff.get("dropout") or self.ff.get("expert_dropout"):
            raise ValueError("the oracle is deterministic: every dropout must be 0")
        self.p = {name: weights[name].to(dtype).detach().clone().requires_grad_()
                  for name in parameter_shapes(config)}
        self.tables = {name: value.long() for name, value in weights.items() if name.endswith(".router.table")}
        self.noise = torch.Generator().manual_seed(1)
        # What the cases are chosen by: distances of decisions from a tie, of ReLU inputs from 0, tokens of experts.
        self.gaps, self.kinks = [], []
        self.expert_tokens = {}

    # ---- helpers ---------------------------------------------------------------------------------------------

    def norm(self, x, name):
        mean = x.mean(-1, keepdim=True)
        variance = ((x - mean) ** 2).mean(-1, keepdim=True)
        return (x - mean) / torch.sqrt(variance + 1e-5) * self.p[name + ".weight"] + self.p[name + ".bias"]

    def relu(self, z):
        self.kinks.append(z.detach().abs().min().item())
        return torch.relu(z)

    def top_mask(self, ranking, k, zeros_tie=False):
        """1 where an entry is among the k largest of the last axis; the lower index wins a tie."""
        ordered, index = torch.sort(ranking.detach(), dim=-1, descending=True, stable=True)
        mask = torch.zeros_like(ordered).scatter(-1, index[..., :k], 1.0)
        if k < ranking.shape[-1]:
            gap = ordered[..., k - 1] - ordered[..., k]
            if zeros_tie:  # which of several zeros is kept changes nothing
                gap = gap[ordered[..., k - 1] > 0]
            self.gaps.extend(gap.flatten().tolist())
        return mask

    # ---- attention -------------------------------------------------------------------------------------------

    def attention(self, x, memory, layer):
        """x [B, T, d]: the layer's input; memory [B, M, d]: earlier inputs of the same layer, constants."""
        H, d_h = self.config["n_heads"], self.config["d_head"]
        B, T, d = x.shape
        M = memory.shape[1]
        context = self.norm(torch.cat([memory, x], dim=1), layer + "attn_norm")  # [B, M+T, d]
        heads = lambda t, name: (t @ self.p[layer + f"attn.{name}.weight"].T).unflatten(-1, (H, d_h))
        q = heads(context[:, M:], "q")
        k = heads(context, "k")
        v = heads(context, "v")
        # Positions within the stream, counted from the segment's start: the memory is at -M .. -1.
        i = torch.arange(T)[:, None]
        j = torch.arange(-M, T)[None, :]
        position = heads(sinusoid((j - i).to(self.dtype), d), "position")  # [T, M+T, H, d_h]
        content = torch.einsum("bihc,bjhc->bhij", q + self.p[layer + "attn.content_bias"], k)
        relative = torch.einsum("bihc,ijhc->bhij", q + self.p[layer + "attn.position_bias"], position)
        score = self.p[layer + "attn.scale"] * (content + relative)
        score = score.masked_fill(j > i, -math.inf)
        mixed = torch.einsum("bhij,bjhc->bihc", torch.softmax(score, dim=-1), v).flatten(-2)
        return mixed @ self.p[layer + "attn.out.weight"].T

    # ---- feedforward blocks: x [B, T, d] -> (y [B, T, d], regularizer) ---------------------------------------

    def feedforward(self, x, tokens, layer, training):
        kind = self.ff["type"]
        if kind == "moe":
            return self.ff_moe(x, tokens, layer, training)
        y = self.ff_pkm(x, layer) if kind == "pkm" else self.ff_dense(x, layer)
        return y, x.new_zeros(())

    def ff_dense(self, x, layer):
        u = self.relu(x @ self.p[layer + "ff.up.weight"].T + self.p[layer + "ff.up.bias"])
        down = self.p[layer + "ff.down.weight"]
        if self.ff["type"] == "topk":
            ranking = u.detach()
            if self.ff["norm_compensation"]:
                ranking = ranking * down.detach().norm(dim=0)
            ordered = torch.sort(ranking, dim=-1, descending=True).values
            k = self.ff["k"]
            threshold = ordered[..., k - 1:k]
            if k < ranking.shape[-1]:
                gap = (ordered[..., k - 1] - ordered[..., k])[ordered[..., k - 1] > 0]
                self.gaps.extend(gap.flatten().tolist())
            u = u * (ranking >= threshold)  # all that equal the k-th stay
        return u @ down.T + self.p[layer + "ff.down.bias"]

    def ff_pkm(self, x, layer):
        d, n, knn = self.config["d_model"], self.ff["n_subkeys"], self.ff["knn"]
        a = torch.einsum("hnc,btc->bthn", self.p[layer + "ff.subkeys.0"], x[..., :d // 2])
        b = torch.einsum("hnc,btc->bthn", self.p[layer + "ff.subkeys.1"], x[..., d // 2:])
        score = (a[..., :, None] + b[..., None, :]).flatten(-2)  # [B, T, h, n*n], entry i*n+j
        values = self.p[layer + "ff.values"]
        if knn >= n:
            score = score.sum(dim=2)
            weight = self.relu(score) if self.ff["activation"] == "relu" else torch.softmax(score, dim=-1)
            return weight @ values
        chosen = self.top_mask(score, knn) > 0
        if self.ff["activation"] == "relu":
            weight = torch.where(chosen, self.relu(score), torch.zeros_like(score))
        else:  # one softmax over the h*knn scores of a token
            kept = score.masked_fill(~chosen, -math.inf)
            weight = torch.softmax(kept.flatten(-2), dim=-1).unflatten(-1, score.shape[-2:])
        return weight.sum(dim=2) @ values

    def sinkhorn_beta(self, r):
        """r [N, N_E], all tokens of the batch."""
        N, E = r.shape
        beta = r.new_zeros(E)
        for _ in range(3):
            alpha = -torch.logsumexp(r + beta, dim=1)
            beta = math.log(N / E) - torch.logsumexp(r + alpha[:, None], dim=0)
        return beta

    def ff_moe(self, x, tokens, layer, training):
        ff, router = self.ff, self.ff["router"]
        E, K = ff["n_experts"], ff["k"]
        r = None
        if router == "hash":
            chosen = torch.zeros(*tokens.shape, E, dtype=self.dtype)
            chosen.scatter_(-1, self.tables[layer + "ff.router.table"][tokens], 1.0)
            w = chosen
        elif router == "random":
            if K != E:
                raise ValueError("the random router is deterministic only with k = n_experts")
            chosen = torch.ones(*tokens.shape, E, dtype=self.dtype)
            w = chosen
        else:
            r = x @ self.p[layer + "ff.router.weight"].T  # [B, T, E]
            if router == "sigmoid":
                w = torch.sigmoid(r)
                chosen = self.top_mask(w, K)
                w = w * chosen
            elif router == "softmax":
                w = torch.softmax(r, dim=-1)
                chosen = self.top_mask(w, K)
                w = w * chosen
            elif router == "softmax_topk":
                chosen = self.top_mask(r, K)
                w = torch.softmax(r.masked_fill(chosen == 0, -math.inf), dim=-1)
            elif router == "sinkhorn":
                ranking = r.detach()
                if training:
                    ranking = ranking + self.sinkhorn_beta(ranking.flatten(0, 1))
                chosen = self.top_mask(ranking, K)
                w = torch.sigmoid(r) * chosen
            else:  # noisy_topk
                noisy = r
                if training:
                    draw = torch.randn(r.shape, generator=self.noise, dtype=torch.float64).to(self.dtype)
                    z = x @ self.p[layer + "ff.router.noise"].T
                    noisy = r + draw * torch.nn.functional.softplus(z)
                chosen = self.top_mask(noisy, K)
                w = torch.softmax(noisy.masked_fill(chosen == 0, -math.inf), dim=-1)
        self.expert_tokens.setdefault(layer, []).append(chosen.sum(dim=(0, 1)).tolist())

        hidden = self.relu(torch.einsum("btd,edg->bteg", x, self.p[layer + "ff.experts.up"]))
        u = w[..., None] * hidden
        if ff["channels_kept"]:
            # Only channels of chosen experts compete; theirs are >= 0.
            ranking = u.detach().masked_fill(chosen[..., None] == 0, -1.0).flatten(-2)
            if ff["channels_kept"] < K * ff["expert_size"]:
                u = u * self.top_mask(ranking, ff["channels_kept"], zeros_tie=True).unflatten(-1, u.shape[-2:])
        y = torch.einsum("bteg,egd->btd", u, self.p[layer + "ff.experts.down"])

        reg = x.new_zeros(())
        if training and r is not None:
            reg = ff["regularizer_weight"] * self.regularizer(r, w, chosen)
        return y, reg

    def regularizer(self, r, w, chosen):
        E, kind = self.ff["n_experts"], self.ff["regularizer"]
        p = torch.softmax(r, dim=-1).mean(dim=(0, 1))
        f = chosen.sum(dim=(0, 1)) / chosen.sum()  # a constant: chosen has no gradient
        if kind == "none":
            return r.new_zeros(())
        if kind == "entropy":
            return (p * torch.log(p)).sum()
        if kind == "switch":
            return E * (f * p).sum()
        if kind == "switch_mean":
            return (f * p).mean()
        if kind == "cv":
            importance = w.sum(dim=(0, 1))
            mean = importance.mean()
            return torch.sqrt(((importance - mean) ** 2).mean()) / mean
        raise ValueError(kind)

    # ---- the whole model -------------------------------------------------------------------------------------

    def no_memory(self, B):
        empty = torch.zeros(B, 0, self.config["d_model"], dtype=self.dtype)
        return [[empty] for _ in range(self.config["n_layers"])]

    def segment(self, tokens, memory, memory_segments, training):
        """tokens [B, T]. memory: per layer the list of earlier segments' inputs. Returns logits, reg, new memory."""
        x = self.p["embed.weight"][tokens]
        reg = x.new_zeros(())
        new_memory = []
        for i in range(self.config["n_layers"]):
            layer = f"layers.{i}."
            past = torch.cat(memory[i], dim=1)
            kept = memory[i] + [x.detach()]
            new_memory.append(kept[-memory_segments:] if memory_segments else self.no_memory(len(tokens))[i])
            x = x + self.attention(x, past, layer)
            y, layer_reg = self.feedforward(self.norm(x, layer + "ff_norm"), tokens, layer, training)
            x = x + y
            reg = reg + layer_reg
        logits = self.norm(x, "final_norm") @ self.p["head.weight"].T + self.p["head.bias"]
        return logits, reg, new_memory

    def gradients(self, loss):
        grads = torch.autograd.grad(loss, list(self.p.values()), allow_unused=True)
        return {name: torch.zeros_like(value) if grad is None else grad
                for (name, value), grad in zip(self.p.items(), grads)}


def cross_entropy(logits, targets):
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())


def forward(model, rows, unroll, memory_segments, training, grad):
    """What `sigmoe forward` writes. rows: [B][n+1] token ids."""
    tokens = torch.tensor(rows)
    n = tokens.shape[1] - 1
    memory = model.no_memory(len(tokens))
    logits = []
    for begin in range(0, n, unroll):
        end = min(begin + unroll, n)
        out, reg, memory = model.segment(tokens[:, begin:end], memory, memory_segments, training)
        logits.append(out)
    ce = cross_entropy(logits[-1], tokens[:, begin + 1:end + 1])
    result = {"logits": torch.cat(logits, dim=1).detach(), "loss.ce": ce.detach().reshape(1),
              "loss.reg": reg.detach().reshape(1)}
    if grad:
        result.update({"grad." + name: value for name, value in model.gradients(ce + reg).items()})
    return result


def learning_rate(step, lr, warmup, steps):
    if step < warmup:
        return lr / warmup * (step + 1)
    return lr / 2 * (1 + math.cos(math.pi * (step - warmup) / steps))


def train(model, stream_tokens, batch, unroll, steps, lr, clip, warmup):
    """Trains in place; returns a list of {step, loss, reg, grad_norm, lr}."""
    tokens = torch.tensor(stream_tokens)
    length = (len(tokens) - 1) // batch
    streams = torch.stack([tokens[b * length:(b + 1) * length + 1] for b in range(batch)])
    steps_per_epoch = length // unroll  # a shorter rest is dropped
    memory_segments = model.config["memory_segments"]["train"]
    first = {name: torch.zeros_like(value) for name, value in model.p.items()}
    second = {name: torch.zeros_like(value) for name, value in model.p.items()}
    log = []
    for step in range(steps):
        within = step % steps_per_epoch
        if within == 0:
            memory = model.no_memory(batch)
        begin = within * unroll
        logits, reg, memory = model.segment(streams[:, begin:begin + unroll], memory, memory_segments, True)
        ce = cross_entropy(logits, streams[:, begin + 1:begin + unroll + 1])
        grads = model.gradients(ce + reg)
        norm = torch.sqrt(sum((grad ** 2).sum() for grad in grads.values())).item()
        factor = min(1.0, clip / (norm + 1e-6))
        rate = learning_rate(step, lr, warmup, steps)
        with torch.no_grad():
            for name, value in model.p.items():
                grad = grads[name] * factor
                first[name] = 0.9 * first[name] + 0.1 * grad
                second[name] = 0.999 * second[name] + 0.001 * grad ** 2
                m = first[name] / (1 - 0.9 ** (step + 1))
                v = second[name] / (1 - 0.999 ** (step + 1))
                value -= rate * m / (torch.sqrt(v) + 1e-8)
        log.append({"step": step, "loss": ce.item(), "reg": reg.item(), "grad_norm": norm, "lr": rate})
    return log


# ---- files -------------------------------------------------------------------------------------------------------

def to_torch(tensor):
    dtype, shape, values = tensor
    kind = torch.float32 if dtype == "F32" else torch.int32
    return torch.tensor(list(values), dtype=kind).reshape(shape)


def from_torch(tensor):
    dtype = "F32" if tensor.is_floating_point() else "I32"
    return dtype, list(tensor.shape), tensor.detach().flatten().tolist()


def load(directory, dtype=torch.float64):
    with open(os.path.join(directory, "config.json")) as file:
        config = json.load(file)
    tensors = vector_files.read_safetensors(os.path.join(directory, "model.safetensors"))
    return Oracle(config, {name: to_torch(tensor) for name, tensor in tensors.items()}, dtype)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--tokens", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--unroll", type=int)
    parser.add_argument("--memory-segments", type=int)
    parser.add_argument("--training", action="store_true")
    parser.add_argument("--grad", action="store_true")
    options = parser.parse_args()
    model = load(options.model)
    unroll, memory_segments = options.unroll, options.memory_segments
    if unroll is None:
        unroll = model.config["unroll"]
    if memory_segments is None:
        memory_segments = model.config["memory_segments"]["train" if options.training else "eval"]
    rows = vector_files.read_npy_int32(options.tokens)
    result = forward(model, rows, unroll, memory_segments, options.training, options.grad)
    vector_files.write_safetensors(options.out, {name: from_torch(value) for name, value in result.items()})


if __name__ == "__main__":
    main()
