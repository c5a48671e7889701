"""The operator against plain loops: values and gradients, in every form."""

from __future__ import annotations

from typing import Any

import oracle
import pytest
import torch
from torch import Tensor

from sigmoe.torch import experts

E, D, G, V, T, K = 5, 12, 8, 9, 11, 3
TOLERANCE = {torch.float64: 1e-12, torch.float32: 2e-6, torch.bfloat16: 2e-2}


class Case:
    """Operands in float64, rounded to `dtype`; index has skipped and repeated experts."""

    def __init__(self, dtype: torch.dtype = torch.float32, gated: bool | str = False, biases: bool = False, seed: int = 1):
        random = torch.Generator().manual_seed(seed)

        def draw(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=random, dtype=torch.float64).to(dtype).double()

        channels = 2 * G if gated else G
        self.dtype, self.gated = dtype, gated
        self.x, self.up, self.down = draw(T, D), draw(E, D, channels), draw(E, G, V)
        self.index = torch.randint(-1, E + 1, (T, K), generator=random)
        self.weight = torch.rand(T, K, generator=random).double()
        self.up_bias, self.down_bias = (draw(E, channels), draw(E, V)) if biases else (None, None)
        self.dy = draw(T, V)

    def tensors(self) -> dict[str, Tensor]:
        names = ("x", "up", "down", "weight", "up_bias", "down_bias")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def leaves(self, dtype: torch.dtype) -> dict[str, Tensor]:
        """In `dtype`, but weight, which is f32 beside bf16."""
        narrow = torch.float32 if dtype == torch.bfloat16 else dtype
        return {
            name: tensor.to(narrow if name == "weight" else dtype, copy=True).requires_grad_()
            for name, tensor in self.tensors().items()
        }

    def expected(self, activation: str) -> tuple[Tensor, dict[str, Tensor]]:
        leaves = self.leaves(torch.float64)
        y = oracle.experts(index=self.index, activation=activation, gated=self.gated, **leaves)
        return y.detach(), dict(zip(leaves, torch.autograd.grad(y, list(leaves.values()), self.dy)))


def assert_near(actual: Tensor, expected: Tensor, dtype: torch.dtype, name: str = "") -> None:
    assert actual.shape == expected.shape, name
    scale = expected.abs().max().item() + 1e-30
    error = (actual.double() - expected).abs().max().item() / scale if expected.numel() else 0
    assert error < TOLERANCE[dtype], (name, error)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("layout", ["edg", "egd"])
@pytest.mark.parametrize("biases", [False, True])
@pytest.mark.parametrize("gated", [False, True, "interleaved"])
@pytest.mark.parametrize("activation", list(oracle.ACTIVATIONS))
def test_values_and_gradients(activation: str, gated: bool | str, biases: bool, layout: str, dtype: torch.dtype) -> None:
    case = Case(dtype, gated, biases)
    expected, gradients = case.expected(activation)
    given = case.leaves(dtype)
    if layout == "egd":
        given["up"] = given["up"].detach().mT.contiguous().requires_grad_()
        given["down"] = given["down"].detach().mT.contiguous().requires_grad_()
    y = experts(index=case.index, activation=activation, gated=gated, layout=layout, **given)
    assert y.dtype == dtype
    assert_near(y, expected, dtype, "y")
    y.backward(case.dy.to(dtype))
    for name, tensor in given.items():
        assert tensor.grad is not None and tensor.grad.dtype == tensor.dtype
        turned = layout == "egd" and name in ("up", "down")
        assert_near(tensor.grad.mT if turned else tensor.grad, gradients[name], dtype, name)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("layout", ["edg", "egd"])
def test_transposed_views_are_the_other_layout(layout: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case(dtype)
    expected, gradients = case.expected("relu")
    given = case.leaves(dtype)
    kept = {name: given[name].detach() for name in ("up", "down")}
    if layout == "edg":  # the view is [E, d, H], the memory [E, H, d]
        kept = {name: tensor.mT.contiguous() for name, tensor in kept.items()}
    for name, tensor in kept.items():
        given[name] = tensor.requires_grad_()
    views = {**given, "up": given["up"].mT, "down": given["down"].mT}
    if dtype == torch.float32:
        from sigmoe.torch import _native

        seen = []
        fill = _native._Call.__init__

        def spy(self: Any, *arguments: Any) -> None:
            fill(self, *arguments)
            seen.append((self.handle.call.up, self.handle.call.down))

        monkeypatch.setattr(_native._Call, "__init__", spy)
    y = experts(index=case.index, layout=layout, **views)
    assert_near(y, expected, dtype)
    y.backward(case.dy.to(dtype))
    for name in ("up", "down"):
        gradient = given[name].grad
        assert gradient is not None and gradient.is_contiguous()
        assert_near(gradient.mT if layout == "edg" else gradient, gradients[name], dtype, name)
    if dtype == torch.float32:  # nothing was copied, forward and backward
        assert seen == [(given["up"].data_ptr(), given["down"].data_ptr())] * 2


def test_one_transposed_weight_beside_one_that_is_not() -> None:
    case = Case()
    expected, gradients = case.expected("relu")
    given = case.leaves(torch.float32)
    memory = given["up"].detach().mT.contiguous().requires_grad_()
    y = experts(index=case.index, **{**given, "up": memory.mT})
    assert_near(y, expected, torch.float32)
    y.backward(case.dy.float())
    assert memory.grad is not None
    assert_near(memory.grad.mT, gradients["up"], torch.float32)


def strided(x: Tensor) -> Tensor:
    return torch.cat([x, x], 1)[:, : x.shape[1]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("form", [strided, lambda x: x.T.contiguous().T, lambda x: x[:1].clone().expand(T, -1)])
def test_any_strides_of_tokens(form: Any, dtype: torch.dtype) -> None:
    case = Case(dtype)
    case.x, case.dy = form(case.x).contiguous(), form(case.dy).contiguous()
    expected, gradients = case.expected("relu")
    given = case.leaves(dtype)
    given["x"] = form(given["x"].detach()).requires_grad_()
    assert not given["x"].is_contiguous()
    y = experts(index=case.index.T.contiguous().T, **given)
    assert_near(y, expected, dtype)
    gradient = torch.autograd.grad(y, [given["x"], given["up"]], form(case.dy.to(dtype)))
    assert_near(gradient[0], gradients["x"], dtype)
    assert_near(gradient[1], gradients["up"], dtype)


def test_weights_that_are_slices_of_larger_ones() -> None:
    case = Case()
    expected, _ = case.expected("relu")
    wide = torch.cat([case.up, case.up], 2).float()[:, :, :G]
    y = experts(case.x.float(), wide, case.down.float(), case.index, case.weight.float())
    assert_near(y, expected, torch.float32)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("wanted", ["x", "up", "down", "weight", "up_bias", "down_bias"])
def test_each_gradient_alone(wanted: str, dtype: torch.dtype) -> None:
    case = Case(dtype, gated=True, biases=True)
    _, gradients = case.expected("silu")
    given = {name: tensor.detach() for name, tensor in case.leaves(dtype).items()}
    given[wanted].requires_grad_()
    experts(index=case.index, activation="silu", gated=True, **given).backward(case.dy.to(dtype))
    assert given[wanted].grad is not None
    assert_near(given[wanted].grad, gradients[wanted], dtype, wanted)
    assert all(tensor.grad is None for name, tensor in given.items() if name != wanted)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_no_weight_is_weight_one_and_int32_is_an_index(dtype: torch.dtype) -> None:
    case = Case(dtype)
    case.weight = None
    expected, gradients = case.expected("relu")
    given = case.leaves(dtype)
    y = experts(index=case.index.int(), **given)
    assert_near(y, expected, dtype)
    y.backward(case.dy.to(dtype))
    assert given["x"].grad is not None
    assert_near(given["x"].grad, gradients["x"], dtype)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_unserved_experts_and_tokens_have_zero_gradients(dtype: torch.dtype) -> None:
    case = Case(dtype, biases=True)
    case.index = torch.full((T, K), 2)
    case.index[3:5] = E
    given = case.leaves(dtype)
    experts(index=case.index, **given).sum().backward()
    for name, rows in (("up", [0, 1, 3, 4]), ("down", [0, 1, 3, 4]), ("up_bias", [0]), ("x", [3, 4]), ("weight", [3, 4])):
        gradient = given[name].grad
        assert gradient is not None and not gradient[rows].any() and gradient.any(), name


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_skipped_pairs_weight_is_not_looked_at(dtype: torch.dtype) -> None:
    case = Case(dtype)
    expected, gradients = case.expected("relu")
    skipped = (case.index < 0) | (case.index >= E)
    assert skipped.any()
    case.weight = case.weight.masked_fill(skipped, float("nan"))
    given = case.leaves(dtype)
    y = experts(index=case.index, **given)
    assert_near(y, expected, dtype)
    y.backward(case.dy.to(dtype))
    for name, tensor in given.items():
        assert tensor.grad is not None
        assert_near(tensor.grad, gradients[name], dtype, name)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_no_tokens(dtype: torch.dtype) -> None:
    given = Case(dtype).leaves(dtype)
    x = torch.zeros(0, D, dtype=dtype, requires_grad=True)
    y = experts(x, given["up"], given["down"], torch.zeros(0, K, dtype=torch.int64))
    assert y.shape == (0, V)
    y.sum().backward()
    assert given["up"].grad is not None and not given["up"].grad.any()


def test_leading_dimensions() -> None:
    case = Case()
    given = {name: tensor.detach() for name, tensor in case.leaves(torch.float32).items()}
    flat = experts(index=case.index, **given)
    cut = {**given, "x": given["x"][:10].view(2, 1, 5, D), "weight": given["weight"][:10].view(2, 1, 5, K)}
    y = experts(index=case.index[:10].view(2, 1, 5, K), **cut)
    assert torch.equal(y, flat[:10].view(2, 1, 5, V))
    one = experts(given["x"][0], given["up"], given["down"], case.index[0], given["weight"][0])
    assert torch.allclose(one, flat[0], atol=1e-6)


def test_the_same_bits_again_and_with_any_number_of_threads() -> None:
    random = torch.Generator().manual_seed(1)
    x, up = torch.randn(300, 64, generator=random), torch.randn(8, 64, 32, generator=random)
    down, index = torch.randn(8, 32, 64, generator=random), torch.randint(0, 8, (300, 4), generator=random)
    threads, results = torch.get_num_threads(), []
    try:
        for count in (1, 2, 3, 2):
            torch.set_num_threads(count)
            leaves = [tensor.clone().requires_grad_() for tensor in (x, up, down)]
            y = experts(*leaves, index)
            y.square().sum().backward()
            results.append([y.detach(), *(leaf.grad for leaf in leaves)])
    finally:
        torch.set_num_threads(threads)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"up": torch.zeros(E, D + 1, G)}, "do not fit"),
        ({"down": torch.zeros(E + 1, G, V)}, "do not fit"),
        ({"gated": True}, "do not fit"),
        ({"layout": "egd"}, "do not fit"),
        ({"index": torch.zeros(T + 1, K, dtype=torch.int64)}, "index"),
        ({"index": torch.zeros(T, 0, dtype=torch.int64), "weight": None}, "slots"),
        ({"index": torch.zeros(T, K)}, "int64 or int32"),
        ({"weight": torch.zeros(T, K + 1)}, "weight"),
        ({"up_bias": torch.zeros(E, G + 1)}, "up_bias"),
        ({"down_bias": torch.zeros(E, G)}, "down_bias"),
        ({"activation": "tanh"}, "activation is one of relu"),
        ({"gated": "second"}, "gate is one of"),
        ({"layout": "gde"}, "layout is one of"),
        ({"x": torch.zeros(T, D, dtype=torch.int64)}, "must be the same"),
        ({"up": torch.zeros(E, D, G, dtype=torch.bfloat16)}, "must be the same"),
    ],
)
def test_operands_that_do_not_fit_are_refused(change: dict[str, Any], sentence: str) -> None:
    case = Case()
    given: dict[str, Any] = {"index": case.index, **{k: t.detach() for k, t in case.leaves(torch.float32).items()}}
    with pytest.raises((ValueError, TypeError), match=sentence):
        experts(**{**given, **change})


@pytest.mark.skipif(not hasattr(torch, "_grouped_mm"), reason="this PyTorch has no _grouped_mm")
@pytest.mark.parametrize("gated", [False, True])
@pytest.mark.parametrize("layout", ["edg", "egd"])
def test_grouped_mm_as_on_a_gpu(layout: str, gated: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    from sigmoe.torch import _native, _reference

    random = torch.Generator().manual_seed(1)
    x, up, down = (torch.randn(*s, generator=random) for s in ((40, 16), (E, 16, 48 if gated else 24), (E, 24, 32)))
    index, weight = torch.randint(-1, E + 1, (40, 3), generator=random), torch.rand(40, 3, generator=random)
    index[index == 1] = 2  # an expert without tokens
    results = []
    for by_torch in (False, True):
        monkeypatch.setattr(_native, "serves", lambda x, by_torch=by_torch: not by_torch)
        monkeypatch.setattr(_reference, "_by_grouped_mm", lambda *a: True)
        leaves = [tensor.bfloat16().requires_grad_() for tensor in (x, up, down)]
        views = [leaves[0], *leaves[1:]] if layout == "edg" else [leaves[0], leaves[1].mT, leaves[2].mT]
        y = experts(*views, index, weight, activation="silu", gated=gated, layout=layout)
        y.float().square().sum().backward()
        results.append([y.detach(), *(leaf.grad for leaf in leaves)])
    for ours, grouped in zip(*results):
        assert grouped is not None and ours is not None and torch.isfinite(grouped).all()
        assert (ours.float() - grouped.float()).norm() < 2e-2 * ours.float().norm()
