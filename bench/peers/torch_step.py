"""One training step of the paper's models in PyTorch, as a yardstick: `torch_step.py --ff dense|moe --json`.

The same model as `sigmoe bench step --preset wt-s-...`: pre-LN Transformer-XL with one segment of memory, untied output,
gradient clip and Adam. Written to be fast, not to be checked: scores in one batched product, the relative shift by a strided
view, the fused optimizer, and for the mixture of experts one gather a layer with the tokens sorted by expert and two matrix
products an expert. It prints the median of the timed steps.
"""

import argparse
import json
import resource
import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn


class Attention(nn.Module):
    """Relative attention; memory rows come first."""

    def __init__(self, width, heads, head_width):
        super().__init__()
        inner = heads * head_width
        self.heads, self.head_width = heads, head_width
        self.q = nn.Linear(width, inner, bias=False)
        self.kv = nn.Linear(width, 2 * inner, bias=False)
        self.position = nn.Linear(width, inner, bias=False)
        self.out = nn.Linear(inner, width, bias=False)
        self.content_bias = nn.Parameter(torch.zeros(heads, head_width))
        self.position_bias = nn.Parameter(torch.zeros(heads, head_width))
        self.scale = nn.Parameter(torch.tensor(head_width**-0.5))

    def split(self, x):
        return x.view(x.shape[0], x.shape[1], self.heads, self.head_width).transpose(1, 2)

    def forward(self, x, memory_and_x, sinusoids, mask):
        batch, queries, _ = x.shape
        keys = memory_and_x.shape[1]
        q = self.split(self.q(x))
        k, v = (self.split(t) for t in self.kv(memory_and_x).chunk(2, dim=-1))
        r = self.split(self.position(sinusoids)[None])[0]
        content = (q + self.content_bias[:, None]) @ k.transpose(-1, -2)
        position = (q + self.position_bias[:, None]) @ r.transpose(-1, -2)
        # Row i of `position` starts queries - 1 - i columns further right: a view with one less stride a row.
        padded = F.pad(position, (0, queries))
        shifted = padded.reshape(batch, self.heads, -1)[..., queries - 1 :]
        shifted = shifted[..., : queries * (keys + queries - 1)].reshape(batch, self.heads, queries, -1)
        scores = (content + shifted[..., :keys]) * self.scale
        weights = torch.softmax(scores.masked_fill(mask, float("-inf")), dim=-1)
        return self.out((weights @ v).transpose(1, 2).reshape(batch, queries, -1))


class Dense(nn.Module):
    def __init__(self, width, inner, dropout):
        super().__init__()
        self.up, self.down, self.dropout = nn.Linear(width, inner), nn.Linear(inner, width), dropout

    def forward(self, x):
        return self.down(F.dropout(F.relu(self.up(x)), self.dropout, self.training)), 0.0


class Experts(nn.Module):
    """sigma-MoE: sigmoid router, entropy regularizer, a loop over experts on sorted tokens."""

    def __init__(self, width, experts, size, k):
        super().__init__()
        self.k = k
        self.router = nn.Parameter(torch.randn(experts, width) * width**-0.5)
        self.up = nn.Parameter(torch.randn(experts, width, size) * width**-0.5)
        self.down = nn.Parameter(torch.randn(experts, size, width) * (experts * size) ** -0.5)

    def forward(self, x):
        flat = x.reshape(-1, x.shape[-1])
        logits = flat @ self.router.t()
        weight, expert = torch.sigmoid(logits).topk(self.k, dim=-1, sorted=False)
        order = expert.reshape(-1).argsort(stable=True)
        counts = expert.reshape(-1).bincount(minlength=self.up.shape[0]).tolist()
        token = order.div(self.k, rounding_mode="floor")
        rows = flat.index_select(0, token).split(counts)
        factors = weight.reshape(-1).index_select(0, order)[:, None].split(counts)
        parts = torch.cat(
            [(torch.relu(r @ self.up[e]) * f) @ self.down[e] for e, (r, f) in enumerate(zip(rows, factors)) if len(r)]
        )
        y = torch.zeros_like(flat, dtype=parts.dtype).index_add(0, token, parts)  # autocast: bf16 parts of f32 rows
        p = torch.softmax(logits, dim=-1).mean(0)
        return y.view_as(x), 1e-3 * (p * p.log()).sum()


class Layer(nn.Module):
    def __init__(self, args):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(args.width), nn.LayerNorm(args.width)
        self.attention = Attention(args.width, args.heads, args.head_width)
        self.dropout = args.dropout
        if args.ff == "dense":
            self.ff = Dense(args.width, args.inner, args.dropout)
        else:
            self.ff = Experts(args.width, args.experts, args.expert_size, args.k)

    def forward(self, x, memory, sinusoids, mask):
        joined = self.norm1(torch.cat([memory, x], dim=1))
        normed = joined[:, memory.shape[1] :]
        x = x + F.dropout(self.attention(normed, joined, sinusoids, mask), self.dropout, self.training)
        y, regularizer = self.ff(self.norm2(x))
        return x + F.dropout(y, self.dropout, self.training), regularizer


class Model(nn.Module):
    def __init__(self, args):
        super().__init__()
        self.embed = nn.Embedding(args.vocabulary, args.width)
        self.layers = nn.ModuleList(Layer(args) for _ in range(args.layers))
        self.norm = nn.LayerNorm(args.width)
        self.head = nn.Linear(args.width, args.vocabulary)
        self.dropout = args.dropout

    def forward(self, tokens, targets, memory, sinusoids, mask):
        x = F.dropout(self.embed(tokens), self.dropout, self.training)
        inputs, regularizer = [], 0.0
        for layer, remembered in zip(self.layers, memory):
            inputs.append(x.detach())
            x, r = layer(x, remembered, sinusoids, mask)
            regularizer = regularizer + r
        logits = self.head(F.dropout(self.norm(x), self.dropout, self.training))
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten()) + regularizer, inputs


def sinusoid_table(length, width):
    p = -torch.arange(length - 1, -1, -1, dtype=torch.float64)[:, None]
    f = 10000.0 ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
    return torch.stack([(p * f).sin(), (p * f).cos()], dim=-1).flatten(1)[:, :width].float()


def arguments():
    a = argparse.ArgumentParser()
    a.add_argument("--ff", choices=["dense", "moe"], required=True)
    a.add_argument("--dtype", choices=["f32", "bf16"], default="f32")
    a.add_argument("--compile", action="store_true")
    a.add_argument("--threads", type=int, default=2)
    a.add_argument("--steps", type=int, default=3)
    a.add_argument("--batch", type=int, default=8)
    for name, value in dict(
        unroll=256, vocabulary=8000, width=412, layers=16, heads=10, head_width=41, inner=2053, experts=16, expert_size=128, k=4
    ).items():
        a.add_argument("--" + name.replace("_", "-"), type=int, default=value)
    a.add_argument("--dropout", type=float, default=0.1)
    return a.parse_args()


def main():
    args = arguments()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    model = Model(args)
    optimizer = torch.optim.Adam(model.parameters(), lr=2.5e-4, fused=True)
    step_model = torch.compile(model) if args.compile else model
    queries = args.unroll
    tokens = torch.randint(args.vocabulary, (args.batch, queries + 1))
    memory = [torch.zeros(args.batch, queries, args.width) for _ in range(args.layers)]
    sinusoids = sinusoid_table(2 * queries, args.width)
    i, j = torch.arange(queries)[:, None], torch.arange(2 * queries)[None]
    mask = j > i + queries
    seconds = []
    for step in range(args.steps + 2):  # two to warm up
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=args.dtype == "bf16"):
            loss, memory = step_model(tokens[:, :-1], tokens[:, 1:], memory, sinusoids, mask)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.25)
        optimizer.step()
        if step >= 2:
            seconds.append(time.perf_counter() - start)
    rate = args.batch * queries / statistics.median(seconds)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"tokens_per_s": rate, "peak_rss_bytes": peak, "torch": torch.__version__}))


if __name__ == "__main__":
    main()
