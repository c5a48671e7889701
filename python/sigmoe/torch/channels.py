"""The channels of experts by torch's own operators, for what has to see or change them between the two products."""

from __future__ import annotations

import torch
from torch import Tensor

from ._reference import Grouping, combine, product, tokens_of


def expert_channels(x: Tensor, up: Tensor, chosen: Tensor, grouping: Grouping) -> Tensor:
    """ReLU(x_t · up_e) for each expert e of chosen [N, K]. x [N, d], up [E, d, G]; returns [N, K, G]."""
    hidden = torch.relu(product(x.index_select(0, tokens_of(chosen, grouping)), up, grouping))
    return hidden[grouping.position].view(*chosen.shape, -1)


def sum_channels(u: Tensor, down: Tensor, chosen: Tensor, grouping: Grouping) -> Tensor:
    """Σ_k u_tk · down_e with e = chosen_tk. u [N, K, G], down [E, G, v]; returns [N, v]."""
    return combine(product(u.flatten(0, 1)[grouping.order], down, grouping), chosen, grouping)
