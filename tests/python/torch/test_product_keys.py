"""The operators of a product-key memory, against plain formulas and against each other."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sigmoe.torch import product_key_top_k, weighted_rows

T, H, N, COUNT, ROWS, WIDTH, SLOTS = 9, 2, 7, 4, 12, 5, 6


def halves(dtype: torch.dtype, grad: bool = True) -> list[Tensor]:
    random = torch.Generator().manual_seed(3)
    return [torch.randn(T, H, N, generator=random, dtype=torch.float64).to(dtype).requires_grad_(grad) for _ in range(2)]


def memory(dtype: torch.dtype, grad: bool = True) -> tuple[Tensor, Tensor, Tensor]:
    random = torch.Generator().manual_seed(4)
    rows = torch.randn(ROWS, WIDTH, generator=random, dtype=torch.float64).to(dtype).requires_grad_(grad)
    weight = torch.randn(T, SLOTS, generator=random, dtype=torch.float64).to(dtype)
    weight[:, 1] = 0
    return rows, torch.randint(ROWS, (T, SLOTS), generator=random), weight.requires_grad_(grad)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("ties", [False, True])
def test_search_finds_what_sorting_all_sums_finds(dtype: torch.dtype, ties: bool) -> None:
    a, b = (half.round() if ties else half for half in halves(dtype, grad=False))
    scores, index = product_key_top_k(a, b, COUNT)
    sums = (a[..., :, None] + b[..., None, :]).flatten(-2)
    expected = sums.sort(dim=-1, descending=True, stable=True)
    assert torch.equal(scores, expected.values[..., :COUNT])
    assert torch.equal(index, expected.indices[..., :COUNT])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_sum_is_the_plain_one(dtype: torch.dtype) -> None:
    rows, index, weight = memory(dtype)
    dy = torch.randn(T, WIDTH, dtype=dtype)
    results = []
    for sum_rows in (weighted_rows, lambda rows, index, weight: (weight[..., None] * rows[index]).sum(1)):
        y = sum_rows(rows, index, weight)
        results.append((y, *torch.autograd.grad(y, (rows, weight), dy)))
    for ours, plain in zip(*results):
        torch.testing.assert_close(ours, plain)


def test_gradcheck() -> None:
    rows, index, weight = memory(torch.float64)
    assert torch.autograd.gradcheck(lambda r, w: weighted_rows(r, index, w), (rows, weight))
    a, b = halves(torch.float64)
    assert torch.autograd.gradcheck(lambda a, b: product_key_top_k(a, b, COUNT)[0], (a, b))


def test_float32_gradient_of_the_search() -> None:
    given = [halves(dtype) for dtype in (torch.float32, torch.float64)]
    found = [torch.autograd.grad(product_key_top_k(*g, COUNT)[0].square().sum(), g) for g in given]
    for ours, exact in zip(*found):
        torch.testing.assert_close(ours.double(), exact, rtol=1e-5, atol=1e-5)


def test_opcheck() -> None:
    torch.library.opcheck(torch.ops.sigmoe.product_key_top_k.default, (*halves(torch.float32), COUNT))
    torch.library.opcheck(torch.ops.sigmoe.weighted_rows.default, memory(torch.float32))


def test_compiled_without_a_graph_break() -> None:
    def loss(a: Tensor, b: Tensor, rows: Tensor) -> Tensor:
        scores, index = product_key_top_k(a, b, COUNT)
        return weighted_rows(rows, index.flatten(1) % ROWS, scores.flatten(1).relu()).square().sum()

    torch._dynamo.reset()
    results = []
    for function in (loss, torch.compile(loss, fullgraph=True)):
        given = [*halves(torch.float32), memory(torch.float32)[0]]
        results.append(torch.autograd.grad(function(*given), given))
    for eager, compiled in zip(*results):
        torch.testing.assert_close(eager, compiled)


def test_second_derivatives_are_refused() -> None:
    rows, index, weight = memory(torch.float32)
    (gradient,) = torch.autograd.grad(weighted_rows(rows, index, weight).square().sum(), rows, create_graph=True)
    with pytest.raises(NotImplementedError, match="no second derivative"):
        gradient.sum().backward()


def test_what_does_not_fit_is_refused() -> None:
    a, b = halves(torch.float32)
    with pytest.raises(ValueError, match="count between 1 and n - 1"):
        product_key_top_k(a, b, N)
    rows, index, weight = memory(torch.float32)
    with pytest.raises(ValueError, match="must be"):
        weighted_rows(rows, index[:, :2], weight)
    index[3, 2] = ROWS
    with pytest.raises(Exception, match=r"is 12 at \[3, 2\]"):
        weighted_rows(rows, index, weight)
