"""What all feedforward blocks have in common."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from .options import Option, did_you_mean, read_feedforward


class FeedForward(nn.Module):
    """A feedforward block of any kind; ``FeedForward("dense", d, d_ff=f)`` is ``Linear``, ``ReLU``, ``Linear``.

    ``kind`` and ``options`` are named as in the key ``ff`` of config.json:

    * ``dense``: d_ff
    * ``topk``: d_ff, k, norm_compensation: only the k largest channels of each token are summed
    * ``pkm``: n_heads, n_subkeys, knn, activation, init: a product-key memory
    * ``moe``: n_experts, expert_size, k, router, expert_dropout, dropout, regularizer, regularizer_weight, channels_kept,
      init

    ``dense`` and ``topk`` also take ``dropout``, of their channels; in a model that is the model's. ``n_layers`` is the
    number of layers of the model around, which scales initial weights. ``vocab_size`` is needed by the hash router alone.

    After each forward pass ``reg_loss`` (a scalar) is the regularizer times its weight: add it to the loss. It is 0 in
    evaluation. With torch.distributed it is that of all ranks' tokens together, so all ranks must run the block.
    """

    kinds: dict[str, type[FeedForward]] = {}
    extra_options: dict[str, Option] = {}  # of a block by itself, beyond those of config.json

    def __init_subclass__(cls, kind: str | None = None, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        if kind is not None:
            FeedForward.kinds[kind] = cls

    def __new__(cls, kind: str = "", *arguments: Any, **options: Any) -> FeedForward:
        # Subclasses are made without a kind when they are copied or unpickled.
        if cls is FeedForward:
            if kind not in cls.kinds:
                hint = did_you_mean(str(kind), cls.kinds) or f"; known: {', '.join(cls.kinds)}"
                raise ValueError(f"there is no feedforward block {kind!r}{hint}")
            cls = cls.kinds[kind]
        return super().__new__(cls)

    def __init__(
        self, kind: str, d_model: int, *, n_layers: int = 1, vocab_size: int | None = None, **options: Any
    ) -> None:
        super().__init__()
        self.kind = kind
        self.d_model = d_model
        self.n_layers = n_layers
        self.vocab_size = vocab_size
        self.options = read_feedforward(kind, d_model, options, self.extra_options)
        self.reg_loss = torch.zeros(())
        self.build()
        self.reset_parameters()

    def build(self) -> None:
        """Declares the parameters."""
        raise NotImplementedError

    def reset_parameters(self) -> None:
        """Draws the initial weights."""
        raise NotImplementedError

    def compute(self, x: Tensor, tokens: Tensor | None) -> tuple[Tensor, Tensor]:
        """From x [N, d] and token ids [N] to y [N, d] and the regularizer."""
        raise NotImplementedError

    def forward(self, x: Tensor, tokens: Tensor | None = None) -> Tensor:
        """x [..., d_model] to y of the same shape; ``tokens`` [...] are the token ids, which the hash router needs."""
        if x.shape[-1] != self.d_model:
            raise ValueError(f"the input's last dimension is {x.shape[-1]}, the block's d_model is {self.d_model}")
        y, self.reg_loss = self.compute(x.reshape(-1, self.d_model), None if tokens is None else tokens.reshape(-1))
        return y.reshape(x.shape)

    @property
    def initial_scale(self) -> float:
        """sqrt(2 / L), the scale of initial weights in a pre-LN model of L layers."""
        return float((2.0 / self.n_layers) ** 0.5)

    def __getstate__(self) -> dict[str, Any]:
        # The regularizer's graph belongs to a pass and not to the module.
        return {**self.__dict__, "reg_loss": self.reg_loss.detach()}

    def extra_repr(self) -> str:
        options = ", ".join(f"{name}={value!r}" for name, value in self.options.items())
        return f"{self.kind!r}, {self.d_model}, {options}"
