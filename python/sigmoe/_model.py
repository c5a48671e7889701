"""Trained models."""

from __future__ import annotations

import ctypes
import json
import os
import weakref
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

from . import _abi, _generation, _likelihood
from ._generation import Request
from ._library import check, library
from ._likelihood import Likelihood
from ._tokenizer import Tokenizer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from typing_extensions import Unpack

    from ._generation import Options, Text


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
        self._streams = False
        self._directory: bytes | None = None
        self._tokenizer: Tokenizer | None = None
        self._close = weakref.finalize(self, library().sigmoe_model_free, handle)

    @classmethod
    def load(cls, directory: str | os.PathLike[str], *, threads: int = 0, dtype: str = "f32") -> Model:
        """Reads a model directory, or the newest checkpoint of a run.

        Args:
            directory: a directory with ``config.json`` and ``model.safetensors``, or a run of ``sigmoe train``.
            threads: that it computes with; 0: as many as the process may use. No bit of the results depends on it.
            dtype: of the operands of matrix products: "f32"; "bf16", which keeps their weights in half the memory; or "int8",
                which keeps the large ones in a quarter, the rest being f32.
        """
        if dtype not in _abi.DTYPES:
            raise ValueError(f"`dtype` is {dtype!r}; it must be one of {', '.join(_abi.DTYPES)}")
        path = os.fsencode(directory)
        handle = ctypes.c_void_p()
        config = _configuration(path)
        check(library().sigmoe_model_load_as(path, threads, _abi.DTYPES[dtype], ctypes.byref(handle)))
        assert handle.value is not None
        model = cls(handle.value, config)
        model._directory = os.path.abspath(path)
        return model

    def close(self) -> None:
        """Frees its memory now; the model cannot be used any more."""
        if self._close.alive:
            self._open()
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

    @overload
    def generate(self, prompt: Text, **options: Unpack[Options]) -> str: ...  # type: ignore[overload-overlap] # a str is one

    @overload
    def generate(self, prompt: Sequence[Text], **options: Unpack[Options]) -> list[str]: ...

    def generate(self, prompt: Text | Sequence[Text], **options: Unpack[Options]) -> str | list[str]:
        """Continues a prompt, or each of several, with tokens that are drawn from the model's scores.

        The texts are those of ``sigmoe generate``. The memory of ``logits`` is neither used nor changed.

        Args:
            prompt: a str stands for its UTF-8 bytes; an empty one for a newline, or, with SentencePiece, for a space.
            max_new_tokens: a continuation ends after so many, unless a stop string ends it before (200).
            do_sample: False takes the most probable token each time, whatever the next five say of it (True).
            temperature: divides the scores (1).
            top_k: keeps so many of the most probable tokens; 0: all (0).
            top_p: keeps of these the fewest that together have at least this probability (1).
            min_p: keeps those with at least this share of the most probable one's probability (0).
            repetition_penalty: above 1 makes tokens that the text has less probable (1).
            seed: determines the text, with the prompt: neither threads nor the prompts beside it matter (0).
            stop_strings: a text or texts before which a continuation ends (None).
            context: tokens before a segment that attention looks back on; None: as in evaluation (None).
            batch_size: prompts to continue together, 1 to 8 (8).
            return_full_text: begins with the prompt (False).

        Returns:
            The continuation; of a sequence of prompts a list, in their order. U+FFFD stands for bytes that make no character.
        """
        if isinstance(prompt, (str, bytes)):
            return _generation.texts(self._open(), Request([prompt], **options))[0]
        return _generation.texts(self._open(), Request(prompt, **options))

    def stream(self, prompt: Text, **options: Unpack[Options]) -> Iterator[str]:
        """The text of ``generate``, in parts: each as soon as its characters are whole.

        Until the iterator has ended or is closed, the model cannot be used otherwise.

        Args:
            prompt: as of ``generate``, but only one.
            options: those of ``generate``.
        """
        self._open()
        return self._stream(Request([prompt], **options))

    def _stream(self, request: Request) -> Iterator[str]:
        handle = self._open()
        self._streams = True
        try:
            yield from _generation.parts(handle, request)
        finally:
            self._streams = False

    @property
    def tokenizer(self) -> Tokenizer:
        """How texts become tokens and tokens become texts."""
        if self._tokenizer is None:
            if self._directory is None:
                raise ValueError("the model comes from no directory, where its tokenizer would be")
            self._tokenizer = Tokenizer.of_model(self._directory)
        return self._tokenizer

    def encode(self, text: Text) -> NDArray[np.int32]:
        """The token ids ``[tokens]`` of a text; a str stands for its UTF-8 bytes."""
        return self.tokenizer.encode(text)

    def tokens(self, text: Text) -> NDArray[np.int32]:
        """``encode`` by its older name."""
        return self.encode(text)

    def decode(self, ids: Any, errors: str = "replace") -> str:
        """The text of token ids ``[tokens]``.

        Args:
            ids: numpy, torch, DLPack or a list.
            errors: what becomes of bytes that make no character, as of ``bytes.decode``; "replace": U+FFFD.
        """
        return self.tokenizer.decode(ids, errors)

    def score(self, context: Text, continuation: Text) -> Likelihood:
        """How probable the model finds a continuation of a context: −Σ ln p of its tokens.

        An empty context stands for a newline, or, with SentencePiece, for a space. The memory of ``logits`` is neither used nor
        changed.
        """
        return self.score_all([(context, continuation)])[0]

    def score_all(self, pairs: Iterable[tuple[Text, Text]]) -> list[Likelihood]:
        """``score`` of each pair of context and continuation, in their order.

        What contexts have in common is computed once. The results have the same bits as of each alone.
        """
        return _likelihood.likelihoods(self._open(), list(pairs))

    def score_text(self, text: Text) -> Likelihood:
        """How probable the model finds a whole document, of any length: its first token follows a newline, as in ``score``."""
        return self.score("", text)

    def _open(self) -> int:
        if not self._close.alive:
            raise ValueError("the model has been closed")
        if self._streams:
            raise ValueError("the model is at work on a text: let its stream end, or close it")
        return self._handle

    def __repr__(self) -> str:
        c = self.config
        return f"<sigmoe.Model {c['ff']['type']}, {c['n_layers']} layers, d_model {c['d_model']}>"
