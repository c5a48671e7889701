"""The feedforward blocks; importing this module makes all kinds known."""

from __future__ import annotations

from .block import FeedForward
from .dense import Dense, TopK
from .mixture import MixtureOfExperts
from .pkm import ProductKeyMemory

__all__ = ["Dense", "FeedForward", "MixtureOfExperts", "ProductKeyMemory", "TopK"]
