"""The whole model in torch: memory, initial weights, files, and what a script does with it."""

from __future__ import annotations

import copy
import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import engine
import pytest
import torch
from torch import Tensor

from sigmoe.torch import TransformerXL
from sigmoe.torch.safetensors import SafetensorsFile

SMALL: dict[str, Any] = {
    "vocab_size": 11,
    "d_model": 8,
    "n_layers": 2,
    "n_heads": 2,
    "d_head": 3,
    "unroll": 5,
    "dropout": 0.0,
    "ff": {
        "type": "moe",
        "n_experts": 4,
        "expert_size": 4,
        "k": 2,
        "router": "sigmoid",
        "regularizer": "entropy",
        "regularizer_weight": 0.01,
    },
}
FEEDFORWARDS: dict[str, dict[str, Any]] = {
    "dense": {"type": "dense", "d_ff": 16},
    "topk": {"type": "topk", "d_ff": 16, "k": 4},
    "pkm": {"type": "pkm", "n_subkeys": 4, "activation": "relu", "init": "dense_equivalent"},
    "moe": SMALL["ff"],
    "noisy_topk": {**SMALL["ff"], "router": "noisy_topk", "init": "switch"},
    "hash": {**SMALL["ff"], "router": "hash", "regularizer": "none", "init": "standard"},
}


def make(**changes: Any) -> TransformerXL:
    torch.manual_seed(1)
    return TransformerXL(**{**SMALL, **changes})


def draw_tokens(batch: int = 2, length: int = 20) -> Tensor:
    torch.manual_seed(2)
    return torch.randint(0, 11, (batch, length))


# ---------------------------------------------------------------- the forward pass


def test_memory_is_the_text_before() -> None:
    """With enough memory, segments give the logits of the whole text at once; with less they do not."""
    model, tokens = make().eval(), draw_tokens()
    whole = model(tokens).logits

    def by_segments(length: int, sizes: tuple[int, ...] = (5, 3, 12)) -> Tensor:
        memory, logits = None, []
        for segment in tokens.split(sizes, dim=1):
            out = model(segment, memory, memory_length=length)
            memory = out.memory
            logits.append(out.logits)
            assert out.memory.shape[2] <= length and out.loss is None
        return torch.cat(logits, 1)

    torch.testing.assert_close(by_segments(20), whole)
    torch.testing.assert_close(by_segments(8), whole)
    assert (by_segments(7) - whole).abs().max() > 1e-4
    assert (by_segments(0) - whole).abs().max() > 1e-4


def test_nothing_later_is_seen() -> None:
    model, tokens = make().eval(), draw_tokens()
    changed = tokens.clone()
    changed[:, 12:] = 0
    before, after = model(tokens).logits, model(changed).logits
    torch.testing.assert_close(before[:, :12], after[:, :12])
    assert (before[:, 12:] - after[:, 12:]).abs().max() > 1e-4


def test_length_of_the_memory() -> None:
    model, tokens = make(memory_segments={"train": 2, "eval": 3}), draw_tokens()
    assert model(tokens).memory.shape == (2, 2, 10, 8)
    assert model.eval()(tokens).memory.shape == (2, 2, 15, 8)
    assert model(tokens[:, :3]).memory.shape == (2, 2, 3, 8)
    empty = make(memory_segments={"train": 0, "eval": 0})
    out = empty(tokens)
    assert out.memory.shape == (2, 2, 0, 8) and empty(tokens, out.memory).logits.shape == (2, 20, 11)


def test_no_gradient_into_the_memory() -> None:
    model, tokens = make(), draw_tokens()
    first = model(tokens[:, :5])
    assert not first.memory.requires_grad
    second = model(tokens[:, 5:10], first.memory, tokens[:, 6:11])
    (second.loss + second.reg_loss).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_loss_is_the_mean_cross_entropy() -> None:
    model, tokens = make(), draw_tokens()
    out = model(tokens[:, :-1], None, tokens[:, 1:])
    nats = -torch.log_softmax(out.logits, -1).gather(-1, tokens[:, 1:, None])
    torch.testing.assert_close(out.loss, nats.mean())
    torch.testing.assert_close(out.reg_loss, sum(layer.ff.reg_loss for layer in model.layers))
    assert model.eval()(tokens).reg_loss == 0


@torch.no_grad()
def test_where_dropout_is() -> None:
    """With outputs of all blocks zero, only the embedding's dropout and the final one are left: rate² of entries stay."""
    model, tokens = make(dropout=0.5, d_model=64), draw_tokens(8, 200)
    for layer in model.layers:
        layer.attn.out.weight.zero_()
        layer.ff.experts.down.zero_()
    model.head.weight.zero_()
    model.head.weight[0, 0] = 1
    model.head.bias.zero_()
    model.final_norm.weight.zero_()
    model.final_norm.bias.fill_(1.0)
    logits = model(tokens).logits[..., 0]
    assert set(logits.unique().tolist()) == {0.0, 2.0} and abs((logits == 0).float().mean().item() - 0.5) < 0.06
    first = model(tokens[:, :5]).memory[0]
    kept = first != 0
    assert abs(kept.float().mean().item() - 0.5) < 0.03
    torch.testing.assert_close(first[kept], (2 * model.embed(tokens[:, :5]))[kept])
    assert (model.eval()(tokens).logits[..., 0] == 1).all()


@pytest.mark.parametrize("block", ["attn", "ff"])
@torch.no_grad()
def test_dropout_of_blocks(block: str) -> None:
    """What a block adds to the residual stream is dropped before it is added."""
    model, tokens = make(dropout=0.5, d_model=64, n_layers=1), draw_tokens(8, 20)
    layer, x = model.layers[0], torch.randn(8, 20, 64)
    (layer.ff.experts.down if block == "attn" else layer.attn.out.weight).zero_()
    y, _ = layer(x, x[:, :0], torch.zeros(20, 64), tokens)
    changed = (y != x).float().mean().item()
    assert abs(changed - 0.5) < 0.03


def test_float64_and_bfloat16() -> None:
    tokens = draw_tokens()
    exact = make().double().eval()(tokens).logits
    torch.testing.assert_close(make().eval()(tokens).logits.double(), exact, rtol=1e-4, atol=1e-5)
    assert (make().bfloat16().eval()(tokens).logits.double() - exact).abs().max() < 0.1
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = make()(tokens[:, :-1], None, tokens[:, 1:])
    assert out.loss.dtype == torch.float32 and out.memory.dtype == torch.float32
    out.loss.backward()


# ---------------------------------------------------------------- initial weights


def kolmogorov(a: Tensor, b: Tensor) -> float:
    """The largest difference of the two samples' distribution functions, in units of what chance gives."""
    a, b = a.flatten().sort().values, b.flatten().sort().values
    at = torch.cat([a, b])
    below = [torch.searchsorted(x, at, right=True) / len(x) for x in (a, b)]
    return float((below[0] - below[1]).abs().max()) * (len(a) * len(b) / (len(a) + len(b))) ** 0.5


@pytest.mark.parametrize("name", FEEDFORWARDS)
def test_initial_weights_are_distributed_as_the_engines(name: str, tmp_path: Path) -> None:
    config = {**SMALL, "d_model": 48, "d_head": 24, "vocab_size": 40, "n_layers": 1, "ff": dict(FEEDFORWARDS[name])}
    for key, larger in (("d_ff", 96), ("expert_size", 24), ("n_subkeys", 12)):
        if key in config["ff"]:
            config["ff"][key] = larger
    torch.manual_seed(1)
    ours = TransformerXL(**config)
    ours.save_pretrained(tmp_path / "model")
    engine.write_data(tmp_path / "data", 40, [i * 7 % 40 for i in range(100)])
    engine.run(
        "train",
        "--config",
        tmp_path / "model" / "config.json",
        "--data",
        tmp_path / "data",
        "--out",
        tmp_path / "run",
        "--steps",
        0,
        "--batch",
        2,
        "--seed",
        1,
    )
    theirs = TransformerXL.from_pretrained(tmp_path / "run")
    for (key, a), b in zip(ours.state_dict().items(), theirs.state_dict().values()):
        if key.endswith("router.table"):
            assert torch.equal(a.unique(), b.unique())
        elif a.unique().numel() <= 1 or b.unique().numel() <= 1:
            assert torch.equal(a, b), key
        else:
            assert kolmogorov(a, b) < 1.95, key  # beyond this in one of a thousand draws
        exact = key.endswith(("attn.q.weight", "attn.out.weight", "ff.up.weight", "ff.down.weight"))
        if exact:
            torch.testing.assert_close(a.std(), b.std(), rtol=1e-4, atol=0)
            assert all(2.2 < x.abs().max() / x.std() < 2.35 for x in (a, b))  # cut off at 2 of 0.88
        if key.endswith("router.weight") and config["ff"].get("init") != "switch":
            for tensor in (a, b):
                norms = tensor.norm(dim=1)
                torch.testing.assert_close(norms, norms.mean().expand_as(norms))


# ---------------------------------------------------------------- files


@pytest.mark.parametrize("name", FEEDFORWARDS)
def test_the_engine_reads_what_is_written(name: str, tmp_path: Path) -> None:
    model, tokens = make(ff=FEEDFORWARDS[name]).eval(), draw_tokens(2, 12)
    model.save_pretrained(tmp_path / "model")
    engine.write_npy(tmp_path / "tokens.npy", tokens)
    engine.run("forward", "--model", tmp_path / "model", "--tokens", tmp_path / "tokens.npy", "--out", tmp_path / "out")
    out = SafetensorsFile(tmp_path / "out")
    torch.testing.assert_close(model(tokens[:, :-1]).logits, out.tensor("logits"), rtol=2e-5, atol=2e-5)
    again = TransformerXL.from_pretrained(tmp_path / "model")
    assert not again.training and again.config == model.config
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), again.state_dict().values()))
    again.save_pretrained(tmp_path / "again")
    for file in ("config.json", "model.safetensors"):
        assert (tmp_path / "model" / file).read_bytes() == (tmp_path / "again" / file).read_bytes()


def test_configuration_is_the_engines(tmp_path: Path) -> None:
    make(dropout=0.1, tokenizer={"type": "bytes", "alphabet": list(range(11))}).save_pretrained(tmp_path)
    shown = json.loads(engine.run("info", "--model", tmp_path, "--json"))["config"]
    assert shown == json.loads((tmp_path / "config.json").read_text())


def test_a_run_is_read_by_its_newest_checkpoint(tmp_path: Path) -> None:
    model, checkpoints = make(), tmp_path / "run" / "checkpoints"
    names = ["00000001", "99999999", "100000000"]
    for number, name in enumerate(names):
        with torch.no_grad():
            model.head.bias.fill_(number)
        model.save_pretrained(checkpoints / name)
    (checkpoints / "100000001.partial").mkdir()
    for number, name in reversed(list(enumerate(names))):
        assert TransformerXL.from_pretrained(tmp_path / "run").head.bias[0] == number
        shutil.rmtree(checkpoints / name)
    with pytest.raises(FileNotFoundError, match="no finished checkpoint"):
        TransformerXL.from_pretrained(tmp_path / "run")
    with pytest.raises(FileNotFoundError, match="neither a model directory"):
        TransformerXL.from_pretrained(tmp_path)


def test_the_tokenizer_travels(tmp_path: Path) -> None:
    make(tokenizer={"type": "sentencepiece"}).save_pretrained(tmp_path / "a")
    assert not (tmp_path / "a" / "tokenizer.model").exists()
    (tmp_path / "a" / "tokenizer.model").write_bytes(b"pieces")
    copy.deepcopy(TransformerXL.from_pretrained(tmp_path / "a")).save_pretrained(tmp_path / "b")
    assert (tmp_path / "b" / "tokenizer.model").read_bytes() == b"pieces"


def test_saving_spares_what_it_must(tmp_path: Path) -> None:
    model = make()
    model.save_pretrained(tmp_path)
    before = (tmp_path / "model.safetensors").read_bytes()
    with torch.no_grad():
        model.head.bias[0] = float("nan")
    with pytest.raises(ValueError, match="'head.bias' has values that are not finite"):
        model.save_pretrained(tmp_path)
    (tmp_path / "trainer.json").write_text("{}")
    with pytest.raises(ValueError, match="is a checkpoint of a training run"):
        make().save_pretrained(tmp_path)
    assert (tmp_path / "model.safetensors").read_bytes() == before
    assert not list(tmp_path.glob("*.partial"))


def test_bfloat16_models_are_saved_as_float32(tmp_path: Path) -> None:
    model = make().bfloat16()
    model.save_pretrained(tmp_path)
    again = TransformerXL.from_pretrained(tmp_path)
    assert torch.equal(again.head.weight, model.head.weight.float())


def test_copies(tmp_path: Path) -> None:
    model, tokens = make().eval(), draw_tokens()
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(other(tokens).logits, model(tokens).logits)


def test_mistakes() -> None:
    with pytest.raises(ValueError, match="unknown key 'ff.exprts'; did you mean"):
        make(ff={**SMALL["ff"], "exprts": 1})
    with pytest.raises(ValueError, match="'ff.type' is missing"):
        make(ff={"d_ff": 1})
    with pytest.raises(ValueError, match="d_model is 9, but ff.type pkm halves it"):
        make(d_model=9, ff=FEEDFORWARDS["pkm"])
    with pytest.raises(ValueError, match="dropout is 1; it must lie between 0 and 0.999"):
        make(dropout=1)
    with pytest.raises(ValueError, match="unknown key 'memory_segments.evl'; did you mean 'memory_segments.eval'?"):
        make(memory_segments={"evl": 1})


def test_compiled() -> None:
    torch._dynamo.reset()
    model, tokens = make().eval(), draw_tokens()
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    memory = compiled(tokens[:, :5]).memory
    out = compiled(tokens[:, 5:10], memory, tokens[:, 6:11])
    torch.testing.assert_close(out.logits, model(tokens[:, 5:10], memory).logits)
    out.loss.backward()
