"""Trained models."""

from __future__ import annotations

import ctypes
import json
import os
import weakref
from typing import TYPE_CHECKING, Any

from ._library import check, library

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def _configuration(directory: bytes) -> dict[str, Any]:
    handle = ctypes.c_void_p()
    check(library().sigmoe_config_from_model(directory, ctypes.byref(handle)))
    try:
        text = ctypes.c_char_p()
        check(library().sigmoe_config_json(handle, ctypes.byref(text)))
        assert text.value is not None
        parsed: dict[str, Any] = json.loads(text.value)
        return parsed
    finally:
        library().sigmoe_config_free(handle)


class Model:
    """A model of the library, read by ``Model.load(DIR)``. One thread at a time may use it.

    Attributes:
        config: the contents of ``config.json``.
    """

    config: dict[str, Any]

    def __init__(self, handle: int, config: dict[str, Any]) -> None:
        self._handle = handle
        self.config = config
        self._close = weakref.finalize(self, library().sigmoe_model_free, handle)

    @classmethod
    def load(cls, directory: str | os.PathLike[str], *, threads: int = 0) -> Model:
        """Reads a model directory, or the newest checkpoint of a run.

        Args:
            directory: a directory with ``config.json`` and ``model.safetensors``, or a run of ``sigmoe train``.
            threads: that it computes with; 0: as many as the process may use. No bit of the results depends on it.
        """
        path = os.fsencode(directory)
        handle = ctypes.c_void_p()
        config = _configuration(path)
        check(library().sigmoe_model_load(path, threads, ctypes.byref(handle)))
        assert handle.value is not None
        return cls(handle.value, config)

    def close(self) -> None:
        """Frees its memory now; the model cannot be used any more."""
        self._close()

    def reset(self) -> None:
        """Forgets the text of earlier calls."""
        library().sigmoe_model_reset(self._open())

    def logits(self, tokens: Any, *, keep_memory: bool = False, out: Any = None) -> NDArray[np.float32]:
        """Scores of each token of the vocabulary as the next one, before the softmax.

        Args:
            tokens: ``[length]`` or ``[batch, length]``: numpy, torch, DLPack or lists. int32 is read where it lies.
            keep_memory: go on after the tokens of the call before; otherwise a text begins here.
            out: float32 ``[..., length, V]`` to write to, numpy or anything with DLPack; None: a new array.

        Returns:
            ``[length, V]`` or ``[batch, length, V]``: at position i what follows the tokens up to i.
        """
        from . import _arrays

        ids = _arrays.token_ids(tokens)
        shape = (*ids.shape, int(self.config["vocab_size"]))
        if out is None:
            import numpy as np

            scores = np.empty(shape, np.float32)
        else:
            scores = _arrays.output(out, shape)
        if not keep_memory:
            self.reset()
        batch, length = ids.shape if ids.ndim == 2 else (1, ids.shape[0])
        check(library().sigmoe_model_logits(self._open(), ids.ctypes.data, batch, length, scores.ctypes.data))
        return scores

    def loss(self, tokens: Any) -> float:
        """The mean over predicted tokens of −ln p(token | the tokens before it), in nats.

        Each row is a text of its own: its first token is context only, so ``[batch, n]`` predicts batch·(n − 1) tokens, each
        from all tokens before it that the model's memory reaches (``memory_segments.eval``).
        """
        import numpy as np

        from . import _arrays

        ids = np.atleast_2d(_arrays.token_ids(tokens))
        if ids.shape[0] < 1 or ids.shape[1] < 2:
            raise ValueError(f"tokens have shape {list(ids.shape)}: a loss needs 2 tokens, one to predict the other from")
        nats, segment = 0.0, int(self.config["unroll"])
        self.reset()
        for first in range(0, ids.shape[1] - 1, segment):
            inputs = ids[:, first : min(first + segment, ids.shape[1] - 1)]
            targets = ids[:, first + 1 : first + 1 + inputs.shape[1]]
            if targets.min() < 0 or targets.max() >= self.config["vocab_size"]:
                raise ValueError(f"a token is not one of the model's 0 to {self.config['vocab_size'] - 1}")
            scores = self.logits(inputs, keep_memory=True).astype(np.float64)
            scores -= scores.max(axis=-1, keepdims=True)
            chosen = np.take_along_axis(scores, targets[..., None].astype(np.int64), axis=-1)[..., 0]
            nats += float((np.log(np.exp(scores).sum(axis=-1)) - chosen).sum())
        self.reset()
        return nats / float(ids.shape[0] * (ids.shape[1] - 1))

    def tokens(self, text: str | bytes) -> NDArray[np.int32]:
        """The token ids of a text, for models of bytes. The ids of other tokenizers come from ``sigmoe data prepare``.

        Args:
            text: a str stands for its UTF-8 bytes.

        Returns:
            ``[bytes]``: the place of each byte in the model's alphabet.
        """
        import numpy as np

        tokenizer = self.config["tokenizer"]
        if tokenizer["type"] != "bytes":
            raise ValueError(f"the model's tokens are not bytes (its tokenizer is {tokenizer['type']!r})")
        raw = np.frombuffer(text.encode() if isinstance(text, str) else text, np.uint8)
        places = np.full(256, -1, np.int32)
        places[np.asarray(tokenizer["alphabet"], np.int64)] = np.arange(len(tokenizer["alphabet"]), dtype=np.int32)
        ids: NDArray[np.int32] = places[raw]
        if (ids < 0).any():
            at = int(np.argmax(ids < 0))
            raise ValueError(f"byte {raw[at]} at {at} does not occur in the text that the model was trained on")
        return ids

    def _open(self) -> int:
        if not self._close.alive:
            raise ValueError("the model has been closed")
        return self._handle

    def __repr__(self) -> str:
        c = self.config
        return f"<sigmoe.Model {c['ff']['type']}, {c['n_layers']} layers, d_model {c['d_model']}>"
