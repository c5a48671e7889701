"""Feedforward blocks and their approximations: the C library sigmoe for Python.

Importing this package needs neither torch nor numpy. ``sigmoe.torch`` holds the layers for PyTorch, ``sigmoe.transformers``
registers the experts with Hugging Face's transformers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._library import Error as Error
    from ._likelihood import Likelihood as Likelihood
    from ._model import Model as Model
    from ._tokenizer import Tokenizer as Tokenizer

__version__: str
_HOMES = {"Error": "_library", "Likelihood": "_likelihood", "Model": "_model", "Tokenizer": "_tokenizer"}
__all__ = ["Error", "Likelihood", "Model", "Tokenizer", "__version__"]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "__version__":
        value: Any = import_module("._library", __name__).version()
    elif name in _HOMES:
        value = getattr(import_module("." + _HOMES[name], __name__), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
