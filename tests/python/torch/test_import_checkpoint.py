"""Checkpoints of the public experiment code: made here with its names and shapes, and computed as it does."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import engine
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from sigmoe.import_checkpoint import import_checkpoint
from sigmoe.torch.safetensors import SafetensorsFile

V, D, LAYERS, HEADS, WIDTH, UNROLL, BLOCKS = 13, 8, 2, 2, 3, 5, 2
EXPERTS, SIZE, N = 5, 4, 4
COMMON: dict[str, Any] = {
    "transformer.activation": "relu",
    "lm.unroll": UNROLL,
    "lm.trafo.context_blocks": 1,
    "lm.trafo.test_context_blocks": BLOCKS,
    "dropout": 0.1,
    "state_size": D,
    "kvmem.dropout": "none",
    "embedding_size": None,
}
TOPK = {"transformer.variant": "preln_topk", "transformer.topk_value": 4}
PKM = {"transformer.variant": "preln_kvmem", "pkm.knn": 128}
MOE = {"transformer.variant": "preln_moe", "pkm.n_heads": 2, "pkm.knn": 0, "moe.drop_expert": 0.05}
CASES: dict[str, dict[str, Any]] = {
    "dense": {"transformer.variant": "preln_relative"},
    "topk": {**TOPK, "transformer.topk_use_norm": 0},
    "topk-norm": {**TOPK, "transformer.topk_use_norm": True},
    "pkm": PKM,
    "pkm-softmax": {**PKM, "transformer.activation": "softmax", "pkm.knn": 0},
    "pkm-knn": {**PKM, "pkm.knn": 2},
    "pkm-knn-softmax": {**PKM, "pkm.knn": 2, "transformer.activation": "softmax"},
    "sigmoid": {**MOE, "moe.selection_mode": "sigmoid", "moe.perplexity_reg": 1e-3, "moe.reg_type": "entropy"},
    "gate": {**MOE, "moe.selection_mode": "gate", "moe.activation_after_topk": False},
    "gate-after": {**MOE, "moe.selection_mode": "gate", "moe.activation_after_topk": True},
    "sinkmoid": {**MOE, "moe.selection_mode": "sinkmoid"},
    "sinkmoid2": {**MOE, "moe.selection_mode": "sinkmoid2"},
}


def draw_state(args: dict[str, Any]) -> dict[str, Tensor]:
    torch.manual_seed(3)
    shapes: dict[str, list[int]] = {"embedding.weight": [V, D], "out_norm.weight": [D], "out_norm.bias": [D]}
    shapes |= {"output.weight": [V, D], "output.bias": [V]}
    for i in range(LAYERS):
        layer, inner = f"layers.{i}.", HEADS * WIDTH
        attn = layer + "self_attn."
        shapes |= {attn + "data_to_q.weight": [inner, D], attn + "data_to_kv.weight": [2 * inner, D]}
        shapes |= {attn + "pos_to_pq.weight": [inner, D], attn + "multi_head_merge.weight": [D, inner]}
        shapes |= {attn + "global_content_bias": [HEADS, WIDTH], attn + "global_pos_bias": [HEADS, WIDTH]}
        shapes |= {attn + "scale": [1], attn + "s_bias": [1]}
        shapes |= {layer + f"norm{n}.{part}": [D] for n in (1, 2) for part in ("weight", "bias")}
        if args["transformer.variant"] == "preln_moe":
            shapes |= {layer + "pkm.keys": [EXPERTS, D, SIZE], layer + "pkm.values": [EXPERTS, SIZE, D]}
            shapes |= {layer + "pkm.expert_sel": [EXPERTS, D], layer + "pkm.kv_sel_counts_100": [EXPERTS, SIZE]}
        elif args["transformer.variant"] == "preln_kvmem":
            shapes |= {layer + f"pkm.keys.{half}": [3, N, D // 2] for half in (0, 1)}
            shapes |= {layer + "pkm.values.weight": [N * N, D]}
        else:
            shapes |= {layer + "linear1.weight": [16, D], layer + "linear1.bias": [16]}
            shapes |= {layer + "linear2.weight": [D, 16], layer + "linear2.bias": [D]}
    return {name: torch.randn(shape) * 0.5 + (1 if "norm" in name else 0) for name, shape in shapes.items()}


def save(path: Path, args: dict[str, Any], **changes: Any) -> Path:
    class DotDict(dict):  # type: ignore[type-arg]
        pass

    # Under the name that the public code's has, which is not importable here.
    module = type(sys)("framework.data_structures.dotdict")
    DotDict.__module__, DotDict.__qualname__ = module.__name__, "DotDict"
    module.DotDict = DotDict  # type: ignore[attr-defined]
    modules = {"framework": type(sys)("framework"), "framework.data_structures": type(sys)("x"), module.__name__: module}
    sys.modules.update(modules)
    try:
        saved = {
            "model": draw_state(args),
            "state": DotDict(iter=7),
            "optimizer": {"state": {0: {"step": torch.tensor(7.0)}}, "param_groups": [{"lr": 0.1, "params": [0]}]},
            "run_invariants": {"args": args, "wandb_id": None},
        }
        torch.save({**saved, **changes}, path)
    finally:
        for name in modules:
            del sys.modules[name]
    return path


# ---------------------------------------------------------------- the public code's forward pass, one position at a time


def feedforward(x: Tensor, p: dict[str, Tensor], layer: str, args: dict[str, Any]) -> Tensor:
    """x [D]"""
    if args["transformer.variant"] in ("preln_relative", "preln_topk"):
        middle = F.relu(p[layer + "linear1.weight"] @ x + p[layer + "linear1.bias"])
        if args["transformer.variant"] == "preln_topk":
            norms = p[layer + "linear2.weight"].norm(dim=0) if args["transformer.topk_use_norm"] else 1
            values = -middle * norms
            middle = middle.masked_fill(values > values.kthvalue(args["transformer.topk_value"])[0], 0)
        return p[layer + "linear2.weight"] @ middle + p[layer + "linear2.bias"]
    if args["transformer.variant"] == "preln_kvmem":
        activation = F.relu if args["transformer.activation"] == "relu" else lambda s: s.softmax(-1)
        first = p[layer + "pkm.keys.0"] @ x[: D // 2]
        second = p[layer + "pkm.keys.1"] @ x[D // 2 :]
        scores = (first[:, :, None] + second[:, None, :]).flatten(1)
        if args["pkm.knn"] == 0 or args["pkm.knn"] >= N:
            return activation(scores.sum(0)) @ p[layer + "pkm.values.weight"]
        best = scores.topk(args["pkm.knn"], dim=-1)
        return activation(best.values.flatten()) @ p[layer + "pkm.values.weight"][best.indices.flatten()]
    raw, mode = p[layer + "pkm.expert_sel"] @ x, args["moe.selection_mode"]
    after = args.get("moe.activation_after_topk", False)
    # In evaluation, sinkmoid2 ranks by a softmax; the weight is the sigmoid of the logit all the same.
    ranking = raw if after else raw.softmax(-1) if mode in ("gate", "sinkmoid2") else raw.sigmoid()
    chosen = ranking.topk(args["pkm.n_heads"]).indices
    weights = raw[chosen].softmax(-1) if after else ranking[chosen] if mode == "gate" else raw[chosen].sigmoid()
    y = torch.zeros_like(x)
    for e, w in zip(chosen.tolist(), weights):
        y = y + (F.relu(x @ p[layer + "pkm.keys"][e]) * w) @ p[layer + "pkm.values"][e]
    return y


def sinusoid(position: int) -> Tensor:
    frequency = torch.exp(torch.arange(0, D, 2, dtype=torch.float64) * (-math.log(10000.0) / D))
    return torch.stack([torch.sin(position * frequency), torch.cos(position * frequency)], -1).flatten()


def attention(x: Tensor, p: dict[str, Tensor], attn: str) -> Tensor:
    """x [n, D], normalized"""
    rows = []
    kv = (x @ p[attn + "data_to_kv.weight"].T).view(len(x), HEADS, 2, WIDTH)
    q = (x @ p[attn + "data_to_q.weight"].T).view(len(x), HEADS, WIDTH)
    for i in range(len(x)):
        first = max(0, i // UNROLL - BLOCKS) * UNROLL
        scores = []
        for j in range(first, i + 1):
            position = (p[attn + "pos_to_pq.weight"] @ sinusoid(j - i)).view(HEADS, WIDTH)
            content = ((q[i] + p[attn + "global_content_bias"]) * kv[j, :, 0]).sum(-1)
            scores.append((content + ((q[i] + p[attn + "global_pos_bias"]) * position).sum(-1)) * p[attn + "scale"])
        weights = torch.stack(scores).softmax(0)  # [keys, HEADS]
        rows.append((weights[..., None] * kv[first : i + 1, :, 1]).sum(0).flatten())
    return torch.stack(rows) @ p[attn + "multi_head_merge.weight"].T


def forward(p: dict[str, Tensor], args: dict[str, Any], tokens: Tensor) -> Tensor:
    p = {name: tensor.double() for name, tensor in p.items()}

    def norm(x: Tensor, name: str) -> Tensor:
        return F.layer_norm(x, (D,), p[name + ".weight"], p[name + ".bias"])

    x = p["embedding.weight"][tokens]
    for i in range(LAYERS):
        layer = f"layers.{i}."
        x = x + attention(norm(x, layer + "norm1"), p, layer + "self_attn.")
        x = x + torch.stack([feedforward(row, p, layer, args) for row in norm(x, layer + "norm2")])
    return norm(x, "out_norm") @ p["output.weight"].T + p["output.bias"]


@pytest.mark.parametrize("name", CASES)
def test_logits_are_the_public_codes(name: str, tmp_path: Path) -> None:
    args = {**COMMON, **CASES[name]}
    import_checkpoint(save(tmp_path / "model-7.pth", args), tmp_path / "model")
    torch.manual_seed(4)
    rows = torch.randint(0, V, (1, 23))
    engine.write_npy(tmp_path / "x.npy", rows)
    engine.run("forward", "--threads", 1, "--model", tmp_path / "model", "--tokens", tmp_path / "x.npy", "--out", tmp_path / "y")
    logits = SafetensorsFile(tmp_path / "y").tensor("logits")[0]
    expected = forward(draw_state(args), args, rows[0, :-1])
    torch.testing.assert_close(logits.double(), expected, rtol=2e-5, atol=2e-5)


def test_training_settings(tmp_path: Path) -> None:
    import_checkpoint(save(tmp_path / "c", {**COMMON, **CASES["sigmoid"], "kvmem.dropout": "score"}), tmp_path / "m")
    shown = engine.run("info", "--model", tmp_path / "m", "--json")
    for part in ('"regularizer": "entropy"', '"regularizer_weight": 0.001', '"expert_dropout": 0.05', '"dropout": 0.1'):
        assert part in shown
    assert '"train": 1' in shown and '"eval": 2' in shown and '"type": "none"' in shown


def refusal(path: Path, out: Path, **settings: Any) -> str:
    with pytest.raises(ValueError) as caught:
        import_checkpoint(path, out, settings=settings)
    assert not out.exists() and "\n" not in str(caught.value) and str(caught.value).startswith(str(path))
    return str(caught.value)


def test_what_is_refused(tmp_path: Path) -> None:
    args, out = {**COMMON, **CASES["sigmoid"]}, tmp_path / "out"
    good = save(tmp_path / "good.pth", args)
    assert "'moe.bias' is 1" in refusal(good, out, **{"moe.bias": 1})
    assert "'moe.selection_mode' is 'add'" in refusal(good, out, **{"moe.selection_mode": "add"})
    for odd in ("a", None, [1], float("nan"), float("inf"), True, 2.5):
        assert "'lm.unroll' is" in refusal(good, out, **{"lm.unroll": odd})
        assert "'lm.trafo.test_context_blocks' is" in refusal(good, out, **{"lm.trafo.test_context_blocks": odd or "a"})
    for name in ("dropout", "moe.drop_expert", "moe.perplexity_reg", "moe.selection_mode", "moe.reg_type"):
        assert f"the setting {name!r} is [1]" in refusal(good, out, **{name: [1]})
    without = save(tmp_path / "w.pth", {name: args[name] for name in args if name != "lm.unroll"})
    assert "give it by --set lm.unroll=VALUE" in refusal(without, out)
    state = draw_state(args)
    more = save(tmp_path / "more.pth", args, model={**state, "layers.0.pkm.bias": torch.zeros(3)})
    assert "no place for the tensor 'layers.0.pkm.bias'" in refusal(more, out)
    less = save(tmp_path / "less.pth", args, model={k: v for k, v in state.items() if k != "layers.1.pkm.values"})
    assert "'layers.1.pkm.values' is missing" in refusal(less, out)
    wrong = save(tmp_path / "wrong.pth", args, model={**state, "layers.1.norm1.bias": torch.zeros(3)})
    assert "'layers.1.norm1.bias' has shape [3] where [8] is needed" in refusal(wrong, out)
    (tmp_path / "text.pth").write_text("no checkpoint")
    assert "no checkpoint" in refusal(tmp_path / "text.pth", out)
    out.mkdir()
    with pytest.raises(FileExistsError):
        import_checkpoint(good, out)


class Shell:
    """What a hostile checkpoint would do when it is unpickled."""

    def __init__(self, made: Path) -> None:
        self.made = made

    def __reduce__(self) -> Any:
        return (Path.touch, (self.made,))


def test_nothing_is_executed(tmp_path: Path) -> None:
    path = save(tmp_path / "evil.pth", {**COMMON, **CASES["dense"]}, state=Shell(tmp_path / "made"))
    assert "without executing it" in refusal(path, tmp_path / "out")
    assert not (tmp_path / "made").exists()


def test_the_command(tmp_path: Path) -> None:
    args = {name: value for name, value in {**COMMON, **CASES["dense"]}.items() if name != "lm.unroll"}
    path = save(tmp_path / "model-7.pth", args)
    (tmp_path / "pieces").write_bytes(b"pieces")

    def command(*more: Any) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "sigmoe.import_checkpoint", "--checkpoint", path, "--out", tmp_path / "m", *more]
        return subprocess.run(list(map(str, line)), capture_output=True, text=True, env=engine.ENVIRONMENT)

    failed = command()
    assert failed.returncode == 1 and "lm.unroll" in failed.stderr and "Traceback" not in failed.stderr
    assert command("--set", "lm.unroll=5", "--tokenizer", tmp_path / "pieces").returncode == 0
    assert (tmp_path / "m" / "tokenizer.model").read_bytes() == b"pieces"
