"""How probable a model finds texts: what ``Model.score`` and its like ask of the library."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Sequence
from typing import NamedTuple

from . import _abi
from ._generation import Text, as_bytes
from ._library import Error, Status, library


class Likelihood(NamedTuple):
    """What a model says of a text.

    Attributes:
        nats: −Σ ln p of the text's tokens, each given all before it that the model's memory reaches.
        tokens: of the text.
        greedy: whether each of them is the most probable one.
    """

    nats: float
    tokens: int
    greedy: bool


class _Work:
    """The call, in a thread of its own, so that Ctrl-C can end it."""

    def __init__(self, model: int, texts: Sequence[tuple[bytes, bytes]]) -> None:
        self._texts = texts  # the passages point into them
        self._passages = (_abi.Passage * len(texts))(*(_abi.Passage(c, len(c), t, len(t)) for c, t in texts))
        self._results = (_abi.LikelihoodResult * len(texts))()
        self._request = _abi.LikelihoodRequest(passages=ctypes.addressof(self._passages), count=len(texts))
        self._model = model
        self._failure: Error | None = None
        self._stop = ctypes.c_int()
        self._observer = _abi.Observer()
        library().sigmoe_observer_defaults_sized(ctypes.byref(self._observer), ctypes.sizeof(self._observer))
        self._observer.stop = ctypes.addressof(self._stop)

    def _call(self) -> None:
        judge = library().sigmoe_likelihoods
        status = judge(self._model, ctypes.byref(self._request), ctypes.byref(self._observer), self._results)
        if status:  # the message is this thread's
            self._failure = Error(library().sigmoe_message().decode(), Status(status))

    def run(self) -> list[Likelihood]:
        thread = threading.Thread(target=self._call, name="sigmoe score", daemon=True)
        thread.start()
        try:
            thread.join()
        finally:
            library().sigmoe_flag_set(ctypes.byref(self._stop), 1)
            thread.join()
        if self._failure:
            raise self._failure
        return [Likelihood(result.nats, result.tokens, result.greedy) for result in self._results]


def likelihoods(model: int, pairs: Sequence[tuple[Text, Text]]) -> list[Likelihood]:
    """Of each continuation behind its context, in their order."""
    return _Work(model, [(as_bytes(c, "a context"), as_bytes(t, "a continuation")) for c, t in pairs]).run()
