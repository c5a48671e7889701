"""Layers for PyTorch, and the operators below them. Each name is imported when it is first used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._experts import experts as experts
    from ._product_keys import product_key_top_k as product_key_top_k
    from ._product_keys import weighted_rows as weighted_rows
    from .feedforward import FeedForward as FeedForward
    from .moe import MoE as MoE
    from .transformer_xl import TransformerXL as TransformerXL

_HOMES = {
    "FeedForward": "feedforward",
    "MoE": "moe",
    "TransformerXL": "transformer_xl",
    "experts": "_experts",
    "product_key_top_k": "_product_keys",
    "weighted_rows": "_product_keys",
}
__all__ = list(_HOMES)

# They register the operators, torch.ops.sigmoe.
from . import _experts as _experts
from . import _product_keys as _product_keys


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module("." + _HOMES[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
