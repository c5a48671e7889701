"""MoE against plain loops, its random numbers, and the state_dicts that it reads."""

from __future__ import annotations

import copy
import functools
import pickle
from pathlib import Path
from typing import Any

import oracle
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sigmoe.torch import MoE

D, E, G, K = 6, 8, 4, 3
FORMS = [(mode, after) for mode in ("sigmoid", "softmax", "sinkmoid") for after in (False, True)]


def make(**options: Any) -> MoE:
    torch.manual_seed(1)
    layer = MoE(D, E, G, K, **options)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return layer


def expected(layer: MoE, x: Tensor, mode: str, after: bool, activation: Any, sel_input: Tensor | None = None) -> Tensor:
    """The output for ``x [B, S, d]``, from the layer's parameters."""
    logits = (x if sel_input is None else sel_input) @ layer.expert_sel.T
    if mode == "sinkmoid" and layer.training:
        order = torch.stack([oracle.sinkhorn(rows, layer.sinkhorn_n_iters) for rows in logits])
    else:
        order = logits  # sigmoid and softmax keep the order
    rows = []
    for t in range(logits[..., 0].numel()):
        chosen = order.reshape(-1, E)[t].topk(K).indices
        row = logits.reshape(-1, E)[t]
        if mode == "softmax":
            weight = F.softmax(row[chosen], -1) if after else F.softmax(row, -1)[chosen]
        else:
            weight = 1 / (1 + torch.exp(-row[chosen]))
        y = torch.zeros(layer.v_dim, dtype=x.dtype)
        for e, w in zip(chosen, weight):
            channels = x.reshape(-1, D)[t] @ layer.keys[e]
            if layer.bias is not None:
                channels = channels + layer.bias[e]
            y = y + w * (activation(channels) @ layer.values[e])
        rows.append(y if layer.o_bias is None else y + layer.o_bias)
    return torch.stack(rows).view(*x.shape[:-1], -1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("activation", [F.relu, F.silu, torch.tanh])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(("mode", "after"), FORMS)
def test_against_loops(mode: str, after: bool, bias: bool, activation: Any, training: bool, dtype: torch.dtype) -> None:
    options = {"selection_mode": mode, "activation_after_topk": after, "bias": bias, "activation": activation}
    layer = make(v_dim=5, **options).to(dtype).train(training)
    x = torch.randn(2, 7, D, dtype=dtype, requires_grad=True)
    reference, y_and_reg = copy.deepcopy(layer).double(), layer(x)
    z = x.detach().double().requires_grad_()
    y = expected(reference, z, mode, after, activation)
    reg = oracle.entropy(z @ reference.expert_sel.T)
    precision = 1e-10 if dtype == torch.float64 else 1e-5
    close = functools.partial(torch.testing.assert_close, rtol=precision, atol=precision)
    close(y_and_reg[0].double(), y)
    close(y_and_reg[1].double(), reg)
    slope = torch.linspace(-1, 1, y.numel(), dtype=torch.float64).view_as(y)
    gradients = torch.autograd.grad((y_and_reg[0] * slope).sum() + y_and_reg[1], [x, *layer.parameters()])
    wanted = torch.autograd.grad((y * slope).sum() + reg, [z, *reference.parameters()])
    for a, b in zip(gradients, wanted):
        close(a.double(), b)


def test_the_router_reads_its_own_input() -> None:
    layer = make().double()
    x, sel = torch.randn(2, 1, 5, D, dtype=torch.float64)
    torch.testing.assert_close(layer(x, sel)[0], expected(layer, x, "sigmoid", False, F.relu, sel))
    assert (layer(x)[0] - layer(x, sel)[0]).abs().max() > 1e-3


GELU_TANH = functools.partial(F.gelu, approximate="tanh")


@pytest.mark.parametrize("activation", ["relu2", F.gelu, nn.GELU(approximate="tanh"), GELU_TANH])
def test_named_activations_are_the_librarys(activation: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = make(activation=activation)
    x = torch.randn(9, D)
    y = layer(x)[0]
    monkeypatch.setattr(layer, "_activation_name", None)
    torch.testing.assert_close(layer(x)[0], y)
    monkeypatch.setattr(layer, "_by_torch", None)
    with pytest.raises(TypeError):
        layer(x)


def test_dropout_drops_channels_in_training_alone() -> None:
    layer = make(dropout=0.5)
    x = torch.randn(200, D)
    torch.manual_seed(1)
    first = layer(x)[0]
    torch.manual_seed(1)
    again = layer(x)[0]
    assert torch.equal(first, again) and not torch.equal(first, layer(x)[0])
    mean = torch.stack([layer(x)[0] for _ in range(400)]).mean(0)
    layer.eval()
    exact = layer(x)[0]
    assert torch.equal(exact, layer(x)[0])
    assert (mean - exact).abs().mean() < 0.1 * exact.abs().mean() < (first - exact).abs().mean()


def test_dropped_experts_serve_no_token() -> None:
    layer = make(expert_dropout=0.4)
    x = torch.randn(500, D)
    logits = F.linear(x, layer.expert_sel)
    index, weight = layer._choose(logits)
    served = torch.zeros(500, E).scatter_(1, index, 1)
    best = torch.zeros(500, E).scatter_(1, logits.topk(K).indices, 1)
    kept = (served * best).sum() / best.sum()
    assert 0.5 < kept < 0.75
    assert torch.isfinite(weight[weight > 0]).all()
    layer.eval()
    assert torch.equal(layer._choose(logits)[0].sort().values, logits.topk(K).indices.sort().values)


def test_initial_weights() -> None:
    torch.manual_seed(1)
    layer = MoE(64, 16, 32, 4, weight_std_scale=0.5, bias=True)
    assert layer.keys.std().item() == pytest.approx(0.5 * 64**-0.5, rel=0.02)
    assert layer.values.std().item() == pytest.approx(0.5 * (16 * 32) ** -0.5, rel=0.02)
    assert layer.expert_sel.std().item() == pytest.approx(0.5 * 64**-0.5, rel=0.1)
    norms = layer.expert_sel.norm(dim=1)
    assert norms.max() - norms.min() < 1e-5
    assert layer.bias is not None and not layer.bias.any()
    assert [name for name, _ in MoE(4, 2, 2, 1).named_parameters()] == ["keys", "values", "expert_sel"]


def spellings(layer: MoE) -> dict[str, dict[str, Tensor]]:
    """The same weights as others name them."""
    ours = {name: tensor.detach().clone() for name, tensor in layer.state_dict().items()}
    lists = {"expert_sel.weight": ours["expert_sel"], "o_bias": ours["o_bias"]}
    for i in range(E):
        lists[f"keys.{i}.weight"] = ours["keys"][i].T
        lists[f"values.{i}.weight"] = ours["values"][i].T
        lists[f"keys.{i}.bias"] = ours["bias"][i]
    flat = {
        "expert_sel.weight": ours["expert_sel"],
        "o_bias": ours["o_bias"],
        "keys": ours["keys"].transpose(1, 2).reshape(E * G, D),
        "values": ours["values"].reshape(E * G, -1).T,
        "bias": ours["bias"].reshape(-1),
    }
    return {"the public layer": ours, "lists of linears": lists, "flattened for processors": flat}


@pytest.mark.parametrize("name", ["the public layer", "lists of linears", "flattened for processors"])
def test_other_spellings_of_a_state_dict(name: str) -> None:
    layer = make(bias=True, v_dim=5)
    state = {"block." + key: tensor for key, tensor in spellings(layer)[name].items()}
    given = dict(state)
    other = nn.ModuleDict({"block": MoE(D, E, G, K, bias=True, v_dim=5)})
    other.load_state_dict(state)
    assert state == given
    for key, tensor in layer.state_dict().items():
        assert torch.equal(other.state_dict()["block." + key], tensor), key


def test_copies(tmp_path: Path) -> None:
    layer, x = make(bias=True, activation="silu"), torch.randn(9, D)
    y = layer(x)[0]
    torch.save(layer, tmp_path / "layer.pt")
    loaded = torch.load(tmp_path / "layer.pt", weights_only=False)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), loaded):
        assert torch.equal(other(x)[0], y)
        other.keys.data.zero_()
    assert torch.equal(layer(x)[0], y)


def test_compiled() -> None:
    torch._dynamo.reset()
    layer, x = make(), torch.randn(2, 9, D)
    compiled = torch.compile(layer, fullgraph=True)
    for a, b in zip(compiled(x), layer(x)):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize(
    "options", [{"selection_mode": "hash"}, {"activation": "tanh"}, {"k": 9}, {"k": 0}], ids=lambda o: str(o)
)
def test_wrong_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        MoE(**{"dmodel": D, "n_experts": E, "expert_size": G, "k": K, **options})


def _in_process(rank: int, port: int, directory: str) -> None:
    import torch.distributed as dist

    dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    torch.set_num_threads(1)
    layer = make()
    x = torch.load(f"{directory}/x.pt")[rank]
    _, reg = layer(x)
    reg.backward()
    torch.save((reg.detach(), layer.expert_sel.grad), f"{directory}/{rank}.pt")
    dist.destroy_process_group()


def test_the_regularizer_sees_all_processes(tmp_path: Path) -> None:
    import socket

    import torch.multiprocessing as mp

    x = torch.randn(2, 12, D)
    torch.save(x, tmp_path / "x.pt")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mp.spawn(_in_process, (port, str(tmp_path)), nprocs=2)
    layer = make()
    _, reg = layer(x)
    reg.backward()
    parts = [torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1)]
    for value, _ in parts:
        torch.testing.assert_close(value, reg.detach())
    torch.testing.assert_close(parts[0][1] + parts[1][1], layer.expert_sel.grad)
