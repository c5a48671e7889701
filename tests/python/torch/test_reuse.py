"""Memory of large gradients: used again when it was freed, never while it is in use, and never kept beyond what was in use."""

from __future__ import annotations

import gc
import os
import threading

import torch

import sigmoe.torch
from sigmoe.torch._reuse import SMALLEST, Blocks, empty

WORDS = SMALLEST // 4


def layer(seed: int = 0) -> list[torch.Tensor]:
    torch.manual_seed(seed)
    up, down = torch.randn(8, 128, 512), torch.randn(8, 512, 128)  # 2 MiB each
    return [torch.randn(64, 128).requires_grad_(), up.requires_grad_(), down.requires_grad_()]


def backward(leaves: list[torch.Tensor], experts: int) -> None:
    torch.manual_seed(1)
    weight, index = torch.rand(64, experts).topk(1)
    for leaf in leaves:
        leaf.grad = None
    sigmoe.torch.experts(*leaves, index, weight).square().sum().backward()


def test_a_freed_gradient_is_used_again() -> None:
    leaves = layer()
    backward(leaves, 8)
    first = {leaf.grad.data_ptr() for leaf in leaves[1:]}
    backward(leaves, 8)
    assert {leaf.grad.data_ptr() for leaf in leaves[1:]} == first


def test_memory_with_old_content_gives_the_same_gradients() -> None:
    leaves = layer()
    backward(leaves, 1)
    expected = [leaf.grad.clone() for leaf in leaves]
    backward(leaves, 8)
    for leaf in leaves[1:]:
        leaf.grad.fill_(float("nan"))
    backward(leaves, 1)
    assert all(torch.equal(leaf.grad, wanted) for leaf, wanted in zip(leaves, expected))
    assert not leaves[1].grad[1:].any() and not leaves[2].grad[1:].any()


def test_what_is_in_use_is_not_given_away() -> None:
    one, two = empty([WORDS], torch.float32), empty([WORDS], torch.float32)
    view = one[5:].view(-1)
    address = one.data_ptr()
    del one
    gc.collect()
    three = empty([WORDS], torch.float32)
    assert len({address, two.data_ptr(), three.data_ptr()}) == 3
    view.fill_(1), two.fill_(2), three.fill_(3)
    assert view.unique().tolist() == [1] and two.unique().tolist() == [2]


def test_no_more_is_kept_than_was_in_use_at_one_time() -> None:
    blocks = Blocks()
    for size in range(SMALLEST, 9 * SMALLEST, SMALLEST):
        array = blocks.take(size)
        del array
        assert blocks._bytes_used + blocks._bytes_idle <= size
    large = blocks.take(8 * SMALLEST)
    assert (blocks._bytes_used, blocks._bytes_idle) == (8 * SMALLEST, 0)
    del large


def test_threads_get_memory_of_their_own() -> None:
    wrong: list[int] = []

    def fill(number: int) -> None:
        for _ in range(200):
            tensor = empty([WORDS], torch.int32).fill_(number)
            if not (tensor == number).all():
                wrong.append(number)

    threads = [threading.Thread(target=fill, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_child_process_does_not_write_into_its_parents_memory() -> None:
    tensor = empty([WORDS], torch.int32).fill_(1)
    child = os.fork()
    if child == 0:
        tensor[0] = 2  # one number: torch has no threads in a child
        os._exit(0)
    os.waitpid(child, 0)
    assert tensor.unique().tolist() == [1]
