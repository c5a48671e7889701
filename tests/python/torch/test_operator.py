"""What torch expects of an operator, and what it does with it."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import Tensor

from sigmoe.torch import experts

E, D, G, V, T, K = 4, 8, 6, 5, 7, 2
OP = torch.ops.sigmoe.experts.default


def operands(dtype: torch.dtype = torch.float32, grad: bool = True, channels: int = G) -> list[Tensor]:
    """x, up, down, index, weight."""
    random = torch.Generator().manual_seed(2)
    shapes = ((T, D), (E, D, channels), (E, G, V), (T, K))
    x, up, down, weight = (torch.randn(*s, generator=random, dtype=torch.float64).to(dtype) for s in shapes)
    index = torch.randint(-1, E + 1, (T, K), generator=random)
    for tensor in (x, up, down, weight):
        tensor.requires_grad_(grad)
    return [x, up, down, index, weight]


KINDS = ("test_schema", "test_autograd_registration", "test_faketensor", "test_aot_dispatch_dynamic")
# PyTorch 2.4 has no tolerance for bfloat16 here.
PRECISION = {"atol": 2e-2, "rtol": 2e-2} if "atol" in inspect.signature(torch.library.opcheck).parameters else {}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("grad", [False, True])
def test_opcheck(dtype: torch.dtype, grad: bool) -> None:
    given = operands(dtype, grad, 2 * G)
    biases = [torch.ones(E, 2 * G, dtype=dtype), torch.ones(E, V, dtype=dtype, requires_grad=grad)]
    torch.library.opcheck(OP, (*given, *biases, "silu", "first", "edg"), test_utils=KINDS, **PRECISION)
    turned = [given[0], given[1].detach().mT.contiguous().mT, given[2].detach().mT.contiguous().mT, *given[3:]]
    torch.library.opcheck(OP, (*turned, None, None, "gelu", "interleaved", "edg"), test_utils=KINDS, **PRECISION)
    plain = operands(dtype, grad)
    torch.library.opcheck(OP, tuple(plain[:4]), test_utils=KINDS, **PRECISION)


@pytest.mark.parametrize("activation", ["relu", "relu2", "gelu", "gelu_tanh", "silu"])
@pytest.mark.parametrize("gated", [False, True, "interleaved"])
def test_gradcheck(activation: str, gated: bool | str) -> None:
    x, up, down, index, weight = operands(torch.float64, channels=2 * G if gated else G)
    biases = torch.randn(E, up.shape[2], dtype=torch.float64), torch.randn(E, V, dtype=torch.float64)

    def of(x: Tensor, up: Tensor, down: Tensor, weight: Tensor, up_bias: Tensor, down_bias: Tensor) -> Tensor:
        options: dict[str, Any] = {"activation": activation, "gated": gated}
        return experts(x, up, down, index, weight, up_bias=up_bias, down_bias=down_bias, **options)

    assert torch.autograd.gradcheck(of, (x, up, down, weight, *(b.requires_grad_() for b in biases)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_compiled_without_a_graph_break(dtype: torch.dtype) -> None:
    def loss(x: Tensor, up: Tensor, down: Tensor, index: Tensor, weight: Tensor) -> Tensor:
        return experts(torch.tanh(x), up, down, index, weight.sigmoid(), activation="silu").float().square().sum()

    torch._dynamo.reset()
    compiled = torch.compile(loss, fullgraph=True, dynamic=True)
    for tokens in (T, 3):
        results = []
        for function in (loss, compiled):
            given = operands(dtype)
            cut = [tensor[:tokens] if i in (0, 3, 4) else tensor for i, tensor in enumerate(given)]
            value = function(*cut)
            value.backward()
            results.append([value.detach(), *(given[i].grad for i in (0, 1, 2, 4))])
        precision = 2e-2 if dtype == torch.bfloat16 else 1e-5
        for a, b in zip(*results):
            torch.testing.assert_close(a, b, rtol=precision, atol=precision)


def test_compiled_without_gradients() -> None:
    torch._dynamo.reset()
    given = operands(grad=False)
    compiled = torch.compile(lambda *a: experts(*a) * 2, fullgraph=True)
    torch.testing.assert_close(compiled(*given), experts(*given) * 2)


@pytest.mark.parametrize("cast", [torch.bfloat16, torch.float16])
def test_autocast_casts_all_but_the_routings_weights(cast: torch.dtype) -> None:
    given = operands()
    with torch.autocast("cpu", dtype=cast):
        y = experts(*given)
    narrow = [tensor.detach().to(cast) if i in (0, 1, 2) else tensor.detach() for i, tensor in enumerate(given)]
    assert y.dtype == cast
    assert torch.equal(y, experts(*narrow))
    y.float().sum().backward()
    assert all(given[i].grad is not None and given[i].grad.dtype == torch.float32 for i in (0, 1, 2, 4))
    doubles = operands(torch.float64)
    with torch.autocast("cpu", dtype=cast):
        assert experts(*doubles).dtype == torch.float64
    with torch.autocast("cpu", enabled=False):
        assert experts(*operands()).dtype == torch.float32


def test_vmap_is_refused_in_a_sentence() -> None:
    x, up, down, index, weight = operands(grad=False)
    with pytest.raises(NotImplementedError, match="cannot be used under vmap"):
        torch.vmap(lambda x: experts(x, up, down, index, weight))(torch.stack([x, x]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_second_derivatives_are_refused_in_a_sentence(dtype: torch.dtype) -> None:
    given = operands(dtype)
    (gradient,) = torch.autograd.grad(experts(*given).square().sum(), given[0], create_graph=True)
    with pytest.raises(NotImplementedError, match="no second derivative"):
        gradient.sum().backward()


def test_meta_tensors() -> None:
    given = [tensor.to("meta") for tensor in operands(grad=False)]
    y = experts(*given)
    assert y.device.type == "meta" and y.shape == (T, V)


def test_float16_goes_through_torch() -> None:
    given = operands(grad=False)
    half = [tensor.half() if tensor.is_floating_point() else tensor for tensor in given]
    torch.testing.assert_close(experts(*half).float(), experts(*given), rtol=2e-2, atol=2e-2)


def python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300).stdout


def test_importing_changes_no_number_of_threads() -> None:
    code = "import torch; n = torch.get_num_threads(); import sigmoe.torch; from sigmoe.torch import experts; "
    use = "experts(torch.ones(2, 4), torch.ones(3, 4, 2), torch.ones(3, 2, 4), torch.zeros(2, 1, dtype=torch.int64)); "
    assert python(code + use + "print(torch.get_num_threads() - n)") == "0\n"


def test_there_is_one_openmp() -> None:
    code = "import torch, sigmoe.torch; print(open('/proc/self/maps').read())"
    loaded = {line.split()[-1] for line in python(code).splitlines() if len(line.split()) == 6}
    if any("libdnnl" in path for path in loaded):
        pytest.skip("this library was built with oneDNN, which the wheel's is not")
    assert len({path for path in loaded if any(word in path for word in ("gomp", "iomp", "libomp"))}) == 1


FORKING = """
import os, torch
from sigmoe.torch import experts
def results():
    random = torch.Generator().manual_seed(3)
    shapes = (512, 32), (4, 32, 16), (4, 16, 32)
    leaves = [torch.randn(*shape, generator=random, requires_grad=True) for shape in shapes]
    y = experts(*leaves, torch.randint(0, 4, (512, 2), generator=random))
    y.sum().backward()
    return [y.detach(), *(leaf.grad for leaf in leaves)]
before = results()
child = os.fork()
if child == 0:
    os._exit(0 if all(torch.equal(a, b) for a, b in zip(before, results())) else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_in_a_child_after_fork() -> None:
    assert python(FORKING) == "0\n"


# A child each time: the library asks which allocation is to fail at its first one.
FAILING = """
import os, torch, traceback
import sigmoe
from sigmoe._library import Status
from sigmoe.torch import experts
def results():
    random = torch.Generator().manual_seed(3)
    shapes = (40, 24), (4, 24, 16), (4, 16, 24)
    leaves = [torch.randn(*shape, generator=random, requires_grad=True) for shape in shapes]
    y = experts(*leaves, torch.randint(0, 4, (40, 2), generator=random), torch.rand(40, 2, generator=random), activation="silu")
    y.square().sum().backward()
    return [y.detach(), *(leaf.grad for leaf in leaves)]
def child(n):
    os.environ["SIGMOE_FAIL_ALLOCATION"] = str(n)
    try:
        results()
        return 2
    except sigmoe.Error as error:
        assert error.status == Status.NO_MEMORY and str(error), error
    again = results()
    assert all(x.isfinite().all() and x.any() for x in again)
    assert all(torch.equal(a, b) for a, b in zip(results(), again))
    return 0
def outcome(n):
    process = os.fork()
    if process == 0:
        code = 1
        try:
            code = child(n)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
failed = 0
while (code := outcome(failed)) == 0:
    failed += 1
print(failed if code == 2 else f"allocation {failed}: exit status {code}")
"""


def test_each_allocation_may_fail() -> None:
    assert int(python(FAILING)) > 3


def test_scratch_memory_of_few_kinds_is_kept() -> None:
    from sigmoe.torch import _native

    index = torch.zeros(2, 1, dtype=torch.int64)
    for width in range(1, 2 * _native._KINDS_KEPT):
        y = experts(torch.ones(2, width), torch.ones(1, width, 3), torch.ones(1, 3, width), index)
        assert torch.equal(y, torch.full((2, width), 3.0 * width))
    assert len(_native._idle) == _native._KINDS_KEPT


def test_many_python_threads_at_once() -> None:
    from concurrent.futures import ThreadPoolExecutor

    given = operands(grad=False)
    expected = experts(*given)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: experts(*given), range(200)))
    assert all(torch.equal(y, expected) for y in results)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("gate", ["none", "first", "interleaved"])
@pytest.mark.parametrize("activation", ["relu", "relu2", "gelu", "gelu_tanh", "silu"])
def test_the_saved_bytes_are_as_many_as_the_library_writes(activation: str, gate: str, dtype: torch.dtype) -> None:
    from sigmoe._library import library
    from sigmoe.torch import _native

    for layout in ("edg", "egd"):
        handle = _native._Handle(_native.Sizes(5, 7, 11, 13), activation, gate, layout, dtype)
        needed = library().sigmoe_experts_saved_bytes(handle.pointer, 17, 3)
        assert _native.saved_size(17 * 3, 11, activation, gate, layout, dtype) == needed > 0
