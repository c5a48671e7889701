"""Which of the library's activations a callable is."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from .._abi import ACTIVATIONS
from ._reference import activate

_FUNCTIONS: dict[Any, str] = {
    F.relu: "relu",
    torch.relu: "relu",
    F.silu: "silu",
    F.gelu: "gelu",
}


def name_of(activation: Any) -> str | None:
    """Its name in ACTIVATIONS, or None if it is another function."""
    if isinstance(activation, str):
        return activation if activation in ACTIVATIONS else None
    if isinstance(activation, nn.ReLU):
        return "relu"
    if isinstance(activation, nn.SiLU):
        return "silu"
    if isinstance(activation, nn.GELU):
        return "gelu_tanh" if activation.approximate == "tanh" else "gelu"
    if isinstance(activation, functools.partial) and activation.func is F.gelu and not activation.args:
        return {"none": "gelu", "tanh": "gelu_tanh"}.get(activation.keywords.get("approximate", "none"))
    try:
        return _FUNCTIONS.get(activation)
    except TypeError:  # not hashable
        return None


def as_function(activation: str | Callable[[torch.Tensor], torch.Tensor]) -> Callable[[torch.Tensor], torch.Tensor]:
    """A callable, if it is a name."""
    if not isinstance(activation, str):
        return activation
    if activation not in ACTIVATIONS:
        raise ValueError(f"activation is one of {', '.join(ACTIVATIONS)} or a function, not {activation!r}")
    return functools.partial(activate, activation=activation)
