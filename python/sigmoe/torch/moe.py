"""σ-MoE as a layer: a twin of github.com/RobertCsordas/moe_layer that computes on processors, too."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import torch
import torch.distributed
import torch.nn.functional as F
from torch import Tensor, nn

from . import _reference
from ._activation import as_function, name_of
from ._experts import experts

_SELECTIONS = ("sigmoid", "softmax", "sinkmoid")


def _distributed() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def _over_processes(local: Tensor) -> Tensor:
    """The sum over all processes; its gradient is that of this process's part."""
    total = local.detach().clone()
    torch.distributed.all_reduce(total)
    return local + (total - local.detach())


def _logsumexp(x: Tensor, dim: int) -> Tensor:
    """Over `dim` and, in a process group, over all processes."""
    if not _distributed():
        return x.logsumexp(dim)
    most = x.detach().amax(dim, keepdim=True)
    torch.distributed.all_reduce(most, op=torch.distributed.ReduceOp.MAX)
    return _over_processes((x - most).exp().sum(dim)).log() + most.squeeze(dim)


def _log_mean(x: Tensor, dim: int) -> Tensor:
    count = torch.tensor(float(x.shape[dim]), device=x.device)
    if _distributed():
        torch.distributed.all_reduce(count)
        return _logsumexp(x, dim) - count.log()
    return x.logsumexp(dim) - math.log(x.shape[dim])


class MoE(nn.Module):
    """A mixture of experts in the place of a feedforward block; no norm and no residual connection inside.

    ``forward`` returns the output and a regularizer: the negative entropy of the mean expert distribution. Add it to the
    loss, times about 0.001.

    Args:
        dmodel: width of the input, d.
        n_experts: E.
        expert_size: inner width of an expert, G.
        k: experts that serve a token.
        dropout: of channels inside the experts.
        selection_mode: "sigmoid"; "softmax" over all experts; "sinkmoid": chosen by Sinkhorn's algorithm in training and by
            the sigmoid otherwise, weighted by the sigmoid (S-BASE).
        activation_after_topk: the selection's activation sees the chosen logits alone.
        activation: of the channels: a function, a module, or one of "relu", "relu2", "gelu", "gelu_tanh", "silu". The
            library computes these; other functions, and dropout, go through torch's operators.
        bias: of the channels, and of the output.
        v_dim: width of the output, v; None: d.
        sinkhorn_n_iters: iterations of Sinkhorn's algorithm.
        expert_dropout: probability that an expert is not available to a token in training.
        weight_std_scale: factor of the initial weights: 1 with norms after the blocks, sqrt(2 / n_layers) with norms before.

    Attributes:
        keys: ``[E, d, G]``.
        values: ``[E, G, v]``.
        expert_sel: ``[E, d]``.
        bias: ``[E, G]`` or None.
        o_bias: ``[v]`` or None.
    """

    bias: nn.Parameter | None
    o_bias: nn.Parameter | None

    def __init__(
        self,
        dmodel: int,
        n_experts: int,
        expert_size: int,
        k: int,
        dropout: float = 0,
        selection_mode: str = "sigmoid",
        activation_after_topk: bool = False,
        activation: str | Callable[[Tensor], Tensor] = F.relu,
        bias: bool = False,
        v_dim: int | None = None,
        sinkhorn_n_iters: int = 3,
        expert_dropout: float = 0.0,
        weight_std_scale: float = 1.0,
    ) -> None:
        super().__init__()
        if selection_mode not in _SELECTIONS:
            raise ValueError(f"selection_mode is one of {', '.join(_SELECTIONS)}, not {selection_mode!r}")
        if not 1 <= k <= n_experts:
            raise ValueError(f"k is {k}: a token can have 1 to {n_experts} experts")
        self.k_dim = dmodel
        self.v_dim = dmodel if v_dim is None else v_dim
        self.n_experts = n_experts
        self.expert_size = expert_size
        self.k = k
        self.dropout = dropout
        self.selection_mode = selection_mode
        self.activation_after_topk = activation_after_topk
        self.activation = as_function(activation)
        self._activation_name = name_of(activation)
        self.sinkhorn_n_iters = sinkhorn_n_iters
        self.expert_dropout = expert_dropout
        self.keys = nn.Parameter(torch.empty(n_experts, dmodel, expert_size))
        self.values = nn.Parameter(torch.empty(n_experts, expert_size, self.v_dim))
        self.expert_sel = nn.Parameter(torch.empty(n_experts, dmodel))
        if bias:
            self.bias = nn.Parameter(torch.zeros(n_experts, expert_size))
            self.o_bias = nn.Parameter(torch.zeros(self.v_dim))
        else:
            self.register_parameter("bias", None)
            self.register_parameter("o_bias", None)
        self.reset_parameters(weight_std_scale)

    @torch.no_grad()
    def reset_parameters(self, std_scale: float = 1.0) -> None:
        """Draws the weights as a dense block of E·G channels would; rows of the selection have equal norms."""
        nn.init.normal_(self.keys, std=self.k_dim**-0.5 * std_scale)
        nn.init.normal_(self.values, std=(self.n_experts * self.expert_size) ** -0.5 * std_scale)
        nn.init.normal_(self.expert_sel, std=self.k_dim**-0.5 * std_scale)
        std = self.expert_sel.std()
        self.expert_sel.div_(self.expert_sel.norm(dim=1, keepdim=True))
        self.expert_sel.mul_(std / self.expert_sel.std())
        if self.bias is not None and self.o_bias is not None:
            self.bias.zero_()
            self.o_bias.zero_()

    def forward(self, input: Tensor, sel_input: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The block's output, and its regularizer.

        Args:
            input: ``[..., d]``.
            sel_input: ``[..., d]``: what experts are chosen by; None: the input.

        Returns:
            ``[..., v]``, and a scalar.
        """
        logits = F.linear(input if sel_input is None else sel_input, self.expert_sel)
        index, weight = self._choose(logits)
        if self._activation_name is not None and not (self.training and self.dropout > 0):
            out = experts(
                input, self.keys, self.values, index, weight, activation=self._activation_name, up_bias=self.bias
            )
        else:
            out = self._by_torch(input, index, weight)
        if self.o_bias is not None:
            out = out + self.o_bias
        return out, self._regularizer(logits)

    def _choose(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Each token's experts and their weights, both ``[..., K]``."""
        after = self.activation_after_topk or self.selection_mode == "sinkmoid"
        if self.selection_mode == "sinkmoid":
            scores = self._sinkhorn(logits.detach()) if self.training else logits.sigmoid()
        else:
            scores = logits if after else self._selection(logits)
        if self.training and self.expert_dropout > 0:
            scores = scores.masked_fill(torch.rand_like(scores) < self.expert_dropout, float("-inf"))
        weight, index = scores.topk(self.k, dim=-1, sorted=False)
        if after:
            weight = self._selection(logits.gather(-1, index))
        return index, weight

    def _selection(self, logits: Tensor) -> Tensor:
        return logits.softmax(-1) if self.selection_mode == "softmax" else logits.sigmoid()

    def _sinkhorn(self, logits: Tensor) -> Tensor:
        """Scores ``[..., A, E]`` by which experts are used more evenly, after Clark et al. (arXiv 2202.01169) and the
        public layer: in its iterations the logits are lowered by the other factor's logarithm, where the paper raises them."""
        rows, columns = logits.shape[-2:]
        of_columns = torch.zeros_like(logits[..., 0, :])
        of_rows = torch.zeros_like(logits[..., 0])
        for _ in range(self.sinkhorn_n_iters):
            of_rows = math.log(rows) - (logits - of_columns[..., None, :]).logsumexp(-1)
            of_columns = math.log(columns) - _logsumexp(logits - of_rows[..., None], -2)
        return (of_columns[..., None, :] + of_rows[..., None] + logits).exp()

    def _regularizer(self, logits: Tensor) -> Tensor:
        mean = _log_mean(F.log_softmax(logits.flatten(0, -2), dim=-1), -2)
        return (mean * mean.exp()).sum()

    def _by_torch(self, input: Tensor, index: Tensor, weight: Tensor) -> Tensor:
        """The experts with any activation, and with dropout, by torch's operators."""
        flat = index.reshape(-1, self.k)
        grouping = _reference.group(flat, self.n_experts)
        token = _reference.tokens_of(flat, grouping)
        channels = _reference.product(input.reshape(-1, self.k_dim)[token], self.keys, grouping)
        if self.bias is not None:
            channels = channels + self.bias[grouping.expert]
        hidden = self.activation(channels)
        if self.training and self.dropout > 0:
            # In the order of tokens, so that the same channels are dropped as in the public layer.
            dropped = F.dropout(hidden[grouping.position].view(*index.shape, -1), self.dropout)
            hidden = dropped.view(-1, self.expert_size)[grouping.order]
        pairs = _reference.product(hidden, self.values, grouping)
        out = _reference.combine(pairs * weight.reshape(-1)[grouping.order, None], flat, grouping)
        return out.view(*input.shape[:-1], self.v_dim)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        _read_other_spellings(state_dict, prefix, self.expert_size)
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def extra_repr(self) -> str:
        sizes = f"d={self.k_dim}, n_experts={self.n_experts}, expert_size={self.expert_size}, k={self.k}"
        return f"{sizes}, v_dim={self.v_dim}, selection_mode={self.selection_mode!r}"


def _read_other_spellings(state: dict[str, Any], prefix: str, size: int) -> None:
    """Turns the names and shapes of IBM's sigma-moe into ours, in a state_dict that is about to be loaded."""

    def linears(name: str, part: str) -> list[str]:
        pattern = re.compile(re.escape(f"{prefix}{name}.") + r"(\d+)" + re.escape(f".{part}"))
        found = {int(match[1]): key for key in state if (match := pattern.fullmatch(key))}
        return [found[i] for i in sorted(found)]

    def stack(keys: list[str], turned: bool) -> Tensor:
        tensors = torch.stack([state.pop(key) for key in keys])
        return tensors.mT if turned else tensors

    for name, part, ours in (("keys", "weight", "keys"), ("values", "weight", "values"), ("keys", "bias", "bias")):
        keys = linears(name, part)
        if keys:
            state[prefix + ours] = stack(keys, turned=part == "weight")
    if prefix + "expert_sel.weight" in state:
        state[prefix + "expert_sel"] = state.pop(prefix + "expert_sel.weight")
    # After its first forward pass on a processor, that layer keeps [E·G, d], [v, E·G] and [E·G].
    keys_, values, bias = (state.get(prefix + name) for name in ("keys", "values", "bias"))
    if keys_ is not None and keys_.dim() == 2:
        state[prefix + "keys"] = keys_.view(-1, size, keys_.shape[1]).mT
    if values is not None and values.dim() == 2:
        state[prefix + "values"] = values.T.reshape(-1, size, values.shape[0])
    if bias is not None and bias.dim() == 1:
        state[prefix + "bias"] = bias.view(-1, size)
