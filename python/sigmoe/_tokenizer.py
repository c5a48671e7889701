"""Texts as tokens, and tokens as texts."""

from __future__ import annotations

import ctypes
import os
import weakref
from typing import TYPE_CHECKING, Any

from ._library import check, library

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ._generation import Text


class Tokenizer:
    """The tokenizer of a model or of prepared data; it needs no weights. Several threads may use it."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._close = weakref.finalize(self, library().sigmoe_tokenizer_free, handle)

    @classmethod
    def of_model(cls, directory: str | os.PathLike[str] | bytes) -> Tokenizer:
        """That of a model directory, or of the newest checkpoint of a run."""
        return cls._opened(library().sigmoe_tokenizer_of_model, directory)

    @classmethod
    def of_data(cls, directory: str | os.PathLike[str] | bytes) -> Tokenizer:
        """That of what ``sigmoe data prepare`` made."""
        return cls._opened(library().sigmoe_tokenizer_of_data, directory)

    @classmethod
    def _opened(cls, function: Any, directory: str | os.PathLike[str] | bytes) -> Tokenizer:
        handle = ctypes.c_void_p()
        check(function(os.fsencode(directory), ctypes.byref(handle)))
        assert handle.value is not None
        return cls(handle.value)

    @property
    def vocab_size(self) -> int:
        """How many tokens there are: ids are below it."""
        return int(library().sigmoe_tokenizer_vocab_size(self._handle))

    def encode(self, text: Text) -> NDArray[np.int32]:
        """The token ids of a text, as prepared data have them.

        Args:
            text: a str stands for its UTF-8 bytes.

        Returns:
            ``[tokens]``.
        """
        import numpy as np

        raw = text.encode() if isinstance(text, str) else bytes(text)
        count = ctypes.c_int64(len(raw))
        while True:
            ids = np.empty(count.value, np.int32)
            room = len(ids)
            encode = library().sigmoe_tokenizer_encode
            check(encode(self._handle, raw, len(raw), ids.ctypes.data, room, ctypes.byref(count)))
            if count.value <= room:
                return ids[: count.value]

    def decode_bytes(self, ids: Any) -> bytes:
        """The text of token ids, which need not be UTF-8 where tokens are bytes.

        Args:
            ids: ``[tokens]``: numpy, torch, DLPack or a list.
        """
        import numpy as np

        from . import _arrays

        tokens = _arrays.token_ids(np.zeros(0, np.int32) if isinstance(ids, (list, tuple)) and not ids else ids)
        if tokens.ndim != 1:
            raise ValueError(f"tokens have shape {list(tokens.shape)}: [tokens] is needed")
        text, size = ctypes.c_void_p(), ctypes.c_size_t()
        decode = library().sigmoe_tokenizer_decode
        check(decode(self._handle, tokens.ctypes.data, len(tokens), ctypes.byref(text), ctypes.byref(size)))
        try:
            return ctypes.string_at(text.value or 0, size.value)
        finally:
            library().sigmoe_free(text)

    def decode(self, ids: Any, errors: str = "replace") -> str:
        """The text of token ids.

        Args:
            ids: ``[tokens]``: numpy, torch, DLPack or a list.
            errors: what becomes of bytes that make no character, as of ``bytes.decode``; "replace": U+FFFD.
        """
        return self.decode_bytes(ids).decode(errors=errors)
