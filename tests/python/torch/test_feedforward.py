"""The feedforward blocks by themselves: what they compute where the oracle has no case, and how they behave as modules."""

from __future__ import annotations

import copy
import io
import pickle
from typing import Any

import engine
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from sigmoe.torch import FeedForward
from sigmoe.torch.options import FEEDFORWARD, MEMORY_SEGMENTS, MODEL, Option
from sigmoe.torch.selection import largest

D = 8
MOE: dict[str, Any] = {
    "n_experts": 5,
    "expert_size": 4,
    "k": 2,
    "router": "sigmoid",
    "regularizer": "entropy",
    "regularizer_weight": 0.1,
}
BLOCKS: dict[str, dict[str, Any]] = {
    "dense": {"kind": "dense", "d_ff": 12},
    "topk": {"kind": "topk", "d_ff": 12, "k": 5},
    "topk-norm": {"kind": "topk", "d_ff": 12, "k": 5, "norm_compensation": True},
    "pkm-all": {"kind": "pkm", "n_subkeys": 4, "activation": "relu"},
    "pkm-found": {"kind": "pkm", "n_subkeys": 5, "knn": 3, "n_heads": 2, "activation": "softmax"},
    "channels": {"kind": "moe", **MOE, "channels_kept": 3},
    "dropout": {"kind": "moe", **MOE, "dropout": 0.3},
    "expert-dropout": {"kind": "moe", **MOE, "expert_dropout": 0.3},
    **{
        router: {"kind": "moe", **MOE, "router": router}
        for router in ("sigmoid", "softmax", "softmax_topk", "sinkhorn", "noisy_topk")
    },
    **{
        regularizer: {"kind": "moe", **MOE, "regularizer": regularizer}
        for regularizer in ("switch", "switch_mean", "cv")
    },
    **{
        router: {"kind": "moe", **MOE, "router": router, "regularizer": "none", "vocab_size": 7}
        for router in ("hash", "random")
    },
}


def make(name: str) -> FeedForward:
    torch.manual_seed(1)
    options = dict(BLOCKS[name])
    return FeedForward(options.pop("kind"), D, **options)


def inputs(tokens: int = 6) -> tuple[Tensor, Tensor]:
    torch.manual_seed(2)
    return torch.randn(2, tokens // 2, D), torch.randint(0, 7, (2, tokens // 2))


# ---------------------------------------------------------------- as a module


def test_dense_is_linear_relu_linear() -> None:
    block = make("dense")
    twin = nn.Sequential(nn.Linear(D, 12), nn.ReLU(), nn.Linear(12, D))
    twin.load_state_dict(dict(zip(twin.state_dict(), block.state_dict().values())))
    x, _ = inputs()
    assert torch.equal(block(x), twin(x))


@pytest.mark.parametrize("name", BLOCKS)
def test_copies_compute_the_same(name: str) -> None:
    block, (x, tokens) = make(name).eval(), inputs()
    block.train()
    block(x, tokens)  # leaves a regularizer with a graph behind
    block.eval()
    saved = io.BytesIO()
    torch.save(block, saved)
    saved.seek(0)
    loaded = make(name).eval()
    for parameter in loaded.parameters():
        nn.init.zeros_(parameter)
    loaded.load_state_dict(block.state_dict())
    copies = [copy.deepcopy(block), pickle.loads(pickle.dumps(block)), torch.load(saved, weights_only=False), loaded]

    def compute(one: FeedForward) -> Tensor:
        torch.manual_seed(3)  # for the random router
        y: Tensor = one(x, tokens)
        return y

    for other in copies:
        assert type(other) is type(block) and isinstance(other, FeedForward)
        assert torch.equal(compute(other), compute(block))


@pytest.mark.parametrize("name", BLOCKS)
def test_gradients(name: str) -> None:
    block, (x, tokens) = make(name).double(), inputs()
    parameters = dict(block.named_parameters())

    def loss(x: Tensor, *values: Tensor) -> Tensor:
        torch.manual_seed(4)  # the same dropout and noise each time
        y = torch.func.functional_call(block, dict(zip(parameters, values)), (x, tokens))
        return y.sin().sum() + block.reg_loss  # not linear in y

    assert torch.autograd.gradcheck(
        loss, (x.double().requires_grad_(), *parameters.values()), atol=1e-6, fast_mode=True
    )


class Outputs(Dataset[Tensor]):
    """What a block computes in a worker."""

    def __init__(self, block: FeedForward) -> None:
        self.block = block

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Tensor:
        with torch.no_grad():
            y: Tensor = self.block(torch.full((D,), float(index)))
        return y


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_data_loader_workers(start: str) -> None:
    data = Outputs(make("sigmoid").eval())
    got = list(DataLoader(data, batch_size=None, num_workers=2, multiprocessing_context=start))
    torch.testing.assert_close(torch.stack(got), torch.stack([data[i] for i in range(4)]))


@pytest.mark.parametrize("name", BLOCKS)
def test_autocast(name: str) -> None:
    """Products in bfloat16; what is chosen is decided in float32, so results are near."""
    block, (x, tokens) = make(name).eval(), inputs()
    torch.manual_seed(3)
    exact = block(x, tokens)
    torch.manual_seed(3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = block(x, tokens)
    y.float().sum().backward()
    if "topk" not in name or name == "softmax_topk":  # whose channels are rounded before the choice
        torch.testing.assert_close(y.float(), exact, rtol=0.05, atol=0.02)


# ---------------------------------------------------------------- options


def test_names_of_parameters() -> None:
    names = {name: sorted(make(name).state_dict()) for name in BLOCKS}
    assert names["dense"] == names["topk"] == ["down.bias", "down.weight", "up.bias", "up.weight"]
    assert names["pkm-found"] == ["subkeys.0", "subkeys.1", "values"]
    assert names["sigmoid"] == ["experts.down", "experts.up", "router.weight"]
    assert names["noisy_topk"] == ["experts.down", "experts.up", "router.noise", "router.weight"]
    assert names["hash"] == ["experts.down", "experts.up", "router.table"]
    assert names["random"] == ["experts.down", "experts.up"]


@pytest.mark.parametrize(
    "kind, options, sentence",
    [
        ("mow", {}, "there is no feedforward block 'mow'; did you mean 'moe'?"),
        ("moe", {**MOE, "exprts": 3}, "unknown key 'ff.exprts'; did you mean 'ff.n_experts'?"),
        ("dense", {"d_ff": 4, "zzzzzz": 1}, "unknown key 'ff.zzzzzz'; known: d_ff, dropout"),
        ("dense", {}, "'ff.d_ff' is missing"),
        ("dense", {"d_ff": 4.0}, "ff.d_ff must be an integer, not 4.0"),
        ("dense", {"d_ff": True}, "ff.d_ff must be an integer, not True"),
        ("dense", {"d_ff": 0}, "ff.d_ff is 0; it must lie between 1 and 16777216"),
        ("dense", {"d_ff": 4, "dropout": float("nan")}, "ff.dropout is nan; it must lie between 0 and 0.999"),
        ("topk", {"d_ff": 4, "k": 5}, "ff.k is 5, but ff.d_ff is 4: choose at most so many"),
        ("topk", {"d_ff": 4, "k": 2, "norm_compensation": 1}, "ff.norm_compensation must be true or false, not 1"),
        (
            "moe",
            {**MOE, "router": "sigmoidal"},
            "ff.router is 'sigmoidal'; it must be one of sigmoid, softmax, softmax_topk, sinkhorn, noisy_topk, hash, random; "
            "did you mean 'sigmoid'?",
        ),
        ("moe", {**MOE, "k": 6}, "ff.k is 6, but ff.n_experts is 5: choose at most so many"),
        (
            "moe",
            {**MOE, "channels_kept": 9},
            "ff.channels_kept is 9, but a token has ff.k * ff.expert_size = 8 channels: choose "
            "at most so many, or 0 for all",
        ),
        (
            "moe",
            {**MOE, "router": "random"},
            "ff.regularizer is entropy, but the random router (ff.router) has no logits to regularize: set it to none",
        ),
        (
            "moe",
            {**MOE, "router": "noisy_topk", "expert_dropout": 0.5},
            "ff.expert_dropout is 0.5, but the noisy_topk router (ff.router) knows no expert dropout: set it to 0",
        ),
        (
            "moe",
            {**MOE, "router": "hash", "regularizer": "none"},
            "the hash router has experts for each token id: give `vocab_size`",
        ),
    ],
)
def test_mistakes(kind: str, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError) as error:
        FeedForward(kind, D, **options)
    assert str(error.value) == sentence


def test_wrong_inputs() -> None:
    with pytest.raises(ValueError, match="last dimension is 7, the block's d_model is 8"):
        make("dense")(torch.zeros(3, 7))
    with pytest.raises(ValueError, match="the hash router needs the ids of the tokens"):
        make("hash")(torch.zeros(3, D))
    with pytest.raises(ValueError, match="d_model is 9"):
        FeedForward("pkm", 9, n_subkeys=4, activation="relu")


def described(option: Option) -> str:
    """As `sigmoe help config` describes an option."""
    if option.type is str:
        values = "|".join(option.choices)
    else:
        values = "true|false" if option.type is bool else f"{option.low:.15g}..{option.high:.15g}"
    usual = (
        "required"
        if option.default is None
        else str(option.default).lower()
        if option.type is bool
        else option.default
        if option.type is str
        else f"{option.default:.15g}"
    )
    return f"({values}; {usual})"


def test_options_are_those_of_the_program() -> None:
    text = engine.run("help", "config").split("\n\n", 1)[1]
    known = []
    for entry in (
        " ".join(text.split()).replace(" ff.", "\nff.").replace(" memory_segments.", "\nmemory_segments.").split("\n")
    ):
        known += [entry]
    lines = {line for line in known if line.startswith(("ff.", "memory"))}
    top = known[0]
    for name, option in MODEL.items():
        rest = top[top.index(name + " ") :]
        assert described(option).split(";")[0] in rest[: rest.index(")") + 1], name
    ours = {f"memory_segments.{name} {described(option)}" for name, option in MEMORY_SEGMENTS.items()}
    for kind, table in FEEDFORWARD.items():
        ours |= {f"ff.{name} [{kind}] {described(option)}" for name, option in table.items()}
    theirs = set()
    for line in lines:
        words = line.split()
        if words[0] != "ff.type":
            kind_mark = words[1] + " " if words[1].startswith("[") else ""
            theirs.add(f"{words[0]} {kind_mark}{line[line.rindex('(') :]}")
    assert ours == theirs


# ---------------------------------------------------------------- choices


def test_ties_go_to_the_lower_index() -> None:
    torch.manual_seed(5)
    for _ in range(100):
        scores = torch.randint(0, 5, (6, 9)).float()
        for count in (1, 4, 9):
            expected = torch.sort(scores, dim=-1, descending=True, stable=True).indices[:, :count]
            assert torch.equal(largest(scores, count).sort().values, expected.sort().values)


def test_equal_experts_and_channels() -> None:
    block = make("channels").eval()
    with torch.no_grad():
        block.router.weight.copy_(block.router.weight[:1].expand_as(block.router.weight))
        block.experts.up.fill_(0.5)
    x = torch.rand(3, D)
    routing = block.router(x, None)
    assert torch.equal(routing.chosen.sort().values, torch.tensor([[0, 1]] * 3))
    weight = routing.weight[:, :1] * 0.5 * x.sum(1, keepdim=True)  # of all channels: the first three, of expert 0, stay
    torch.testing.assert_close(block(x), weight * block.experts.down[0, :3].sum(0))


def test_topk_keeps_all_that_equal_the_last() -> None:
    block = FeedForward("topk", 2, d_ff=4, k=2)
    with torch.no_grad():
        block.up.weight.zero_()
        block.up.bias.copy_(torch.tensor([1.0, 3.0, 1.0, 0.5]))
        block.down.weight.copy_(torch.tensor([[1.0, 10, 100, 1000]] * 2))
    assert block(torch.zeros(1, 2)).tolist() == [[131.0, 131.0]]


def test_product_keys_by_all_sums() -> None:
    block, (x, _) = make("pkm-found"), inputs()
    a, b = (torch.einsum("hnc,...c->...hn", keys, half) for keys, half in zip(block.subkeys, x.chunk(2, -1)))
    sums = (a[..., :, None] + b[..., None, :]).flatten(-2)
    best = sums.topk(3)
    weights = torch.softmax(best.values.flatten(-2), -1)
    expected = torch.einsum("...p,...pd->...d", weights, block.values[best.indices.flatten(-2)])
    torch.testing.assert_close(block(x), expected)


# ---------------------------------------------------------------- what is random


@torch.no_grad()
def test_dense_dropout() -> None:
    block = FeedForward("dense", D, d_ff=12, dropout=0.25)
    x = torch.randn(1, D)
    u = torch.relu(block.up(x))
    y = block(x.expand(20000, D))
    mean, variance = block.eval()(x), (0.25 / 0.75) * (u**2 @ (block.down.weight**2).T)
    torch.testing.assert_close(y.mean(0, keepdim=True), mean, rtol=0, atol=5 * float(variance.max() / 20000) ** 0.5)
    torch.testing.assert_close(y.var(0)[None], variance, rtol=0.06, atol=1e-6)


@torch.no_grad()
def test_dropout_in_experts() -> None:
    """Channels are dropped one by one and the others rescaled; evaluation drops none."""
    torch.manual_seed(1)
    block = FeedForward("moe", D, **{**MOE, "k": 5, "dropout": 0.25})
    x = torch.randn(1, D)
    w = torch.sigmoid(x @ block.router.weight.T)
    u = w[..., None] * torch.relu(torch.einsum("nd,edg->neg", x, block.experts.up))
    y = block(x.expand(20000, D))
    variance = (0.25 / 0.75) * torch.einsum("neg,egd->nd", u**2, block.experts.down**2)
    mean = torch.einsum("neg,egd->nd", u, block.experts.down)
    torch.testing.assert_close(y.mean(0, keepdim=True), mean, rtol=0, atol=5 * float(variance.max() / 20000) ** 0.5)
    torch.testing.assert_close(y.var(0)[None], variance, rtol=0.06, atol=1e-6)
    torch.testing.assert_close(block.eval()(x), mean)


@pytest.mark.parametrize("router", ["sigmoid", "softmax", "softmax_topk", "sinkhorn"])
def test_expert_dropout(router: str) -> None:
    """A pair is dropped with the given probability and ranks last; what is left is the choice among the others."""
    torch.manual_seed(1)
    block = FeedForward("moe", D, **{**MOE, "router": router, "k": 2, "expert_dropout": 0.4})
    tokens = 20000
    x = torch.randn(1, D).expand(tokens, D)
    routing = block.router(x, None)
    scores = routing.logits[0]
    rank = scores.argsort(descending=True).argsort()[routing.chosen]  # 0: the best expert
    if router != "sinkhorn":  # where all tokens are alike, Sinkhorn makes all experts alike
        best = ((rank == 0) & ~routing.dropped).any(1)
        assert abs(best.float().mean().item() - 0.6) < 0.02
        both = ((rank <= 1) & ~routing.dropped).sum(1) == 2
        assert abs(both.float().mean().item() - 0.36) < 0.02
    all_dropped = routing.dropped.all(1).float().mean().item()
    assert abs(all_dropped - 0.4**5) < 0.004
    assert (routing.weight[routing.dropped] == 0).all() and (routing.weight[~routing.dropped] > 0).all()
    assert ((block.router.eval()(x, None).weight) > 0).all()
    if router == "softmax":  # not renormalized over the experts that are left
        full = torch.softmax(scores, -1)[routing.chosen]
        torch.testing.assert_close(routing.weight, full.masked_fill(routing.dropped, 0))
    if router == "softmax_topk":
        some = ~routing.dropped.all(1)
        torch.testing.assert_close(routing.weight[some].sum(1), torch.ones(int(some.sum())))


@pytest.mark.parametrize("router", ["sigmoid", "softmax", "softmax_topk", "sinkhorn"])
@pytest.mark.parametrize("regularizer", ["entropy", "switch", "cv"])
@pytest.mark.filterwarnings("ignore:Anomaly")
def test_all_experts_dropped(router: str, regularizer: str) -> None:
    block = FeedForward("moe", D, **{**MOE, "router": router, "regularizer": regularizer, "expert_dropout": 0.5})
    for module in block.modules():
        if hasattr(module, "expert_dropout"):
            module.expert_dropout = 1.0  # more than a configuration may ask for, so that it happens to each token
    x = torch.randn(6, D, requires_grad=True)
    with torch.autograd.detect_anomaly():  # no NaN on the way either
        y = block(x)
        assert (y == 0).all()
        (y.sum() + block.reg_loss).backward()
    for tensor in (x, *block.parameters()):
        assert tensor.grad is not None and tensor.grad.isfinite().all()
    if regularizer != "entropy":
        assert block.reg_loss == 0


def test_switch_counts_pairs_that_are_not_dropped() -> None:
    block = FeedForward(
        "moe", D, **{**MOE, "k": 5, "regularizer": "switch", "expert_dropout": 0.5, "regularizer_weight": 1.0}
    )
    nn.init.zeros_(block.router.weight)
    block(torch.randn(4000, D))  # p = 1/5 everywhere, and half of the pairs are left
    assert abs(block.reg_loss.item() - 0.5) < 0.02


def test_regularizers_of_even_use() -> None:
    for regularizer, expected in (
        ("cv", 0.0),
        ("switch", 1.0),
        ("switch_mean", 1 / 25),
        ("entropy", -torch.log(torch.tensor(5.0))),
    ):
        block = FeedForward("moe", D, **{**MOE, "k": 5, "regularizer": regularizer, "regularizer_weight": 1.0})
        nn.init.zeros_(block.router.weight)
        block(torch.randn(4, D))
        block.reg_loss.backward()
        assert block.reg_loss.item() == pytest.approx(float(expected), abs=1e-6)
        assert block.router.weight.grad.isfinite().all()
    block.eval()(torch.randn(4, D))
    assert block.reg_loss == 0


def test_underflowed_probability() -> None:
    block = make("sigmoid")
    with torch.no_grad():
        block.router.weight.mul_(1e4)
    block(torch.randn(1, D))
    block.reg_loss.backward()
    assert block.reg_loss.isfinite() and block.router.weight.grad.isfinite().all()


def test_noisy_router() -> None:
    """The noise has the width softplus(W_noise x), and there is none in evaluation."""
    block = make("noisy_topk")
    nn.init.normal_(block.router.noise)
    x = torch.randn(1, D).expand(20000, D)
    logits = x @ block.router.weight.T
    noise = block.router.score(x, logits) - logits
    width = torch.nn.functional.softplus(x[0] @ block.router.noise.T)
    torch.testing.assert_close(noise.std(0), width, rtol=0.03, atol=0)
    assert noise.mean(0).abs().max() < 4 * width.max() / 20000**0.5
    block.eval()
    assert torch.equal(block.router.score(x, logits), logits)


def test_random_and_hash_choices_are_uniform() -> None:
    torch.manual_seed(1)
    table = FeedForward("moe", D, **{**MOE, "router": "hash", "regularizer": "none"}, vocab_size=20000).router.table
    drawn = (
        FeedForward("moe", D, **{**MOE, "router": "random", "regularizer": "none"})
        .router(torch.zeros(20000, D), None)
        .chosen
    )
    for choices in (table.long(), drawn):
        ordered = choices.sort(1).values
        pair = ordered[:, 0] * 5 + ordered[:, 1]
        counts = torch.bincount(pair, minlength=25)
        assert int((counts > 0).sum()) == 10 and int(counts[counts > 0].min()) > 1800 and int(counts.max()) < 2200


@pytest.mark.parametrize("name", BLOCKS)
def test_compiled(name: str) -> None:
    """One graph, except where channels are changed between an expert's two products."""
    torch._dynamo.reset()
    block, (x, tokens) = make(name), inputs()
    parts = name not in ("channels", "dropout")
    compiled = torch.compile(block, fullgraph=parts, backend="aot_eager")
    results = []
    for module in (block, compiled):
        torch.manual_seed(3)
        block.zero_grad()
        (module(x, tokens).square().sum() + block.reg_loss).backward()
        results.append([block.reg_loss.detach(), *(parameter.grad for parameter in block.parameters())])
    for got, expected in zip(*results):
        torch.testing.assert_close(got, expected)
