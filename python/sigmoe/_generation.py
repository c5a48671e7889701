"""Texts that go on: what ``Model.generate`` and ``Model.stream`` ask of the library."""

from __future__ import annotations

import ctypes
import operator
import queue
import threading
from collections.abc import Iterator, Sequence
from typing import Any, TypedDict, Union

from . import _abi
from ._library import Error, Status, library

Text = Union[str, bytes]


class Options(TypedDict, total=False):
    """What ``Request`` can be given."""

    max_new_tokens: int
    do_sample: bool
    temperature: float
    top_k: int
    top_p: float
    min_p: float
    repetition_penalty: float
    seed: int
    stop_strings: Text | Sequence[Text] | None
    context: int | None
    batch_size: int
    return_full_text: bool


def _within(name: str, value: int, low: int, high: int) -> int:
    """A whole number that fits the library's integer, which ctypes would cut off."""
    number = operator.index(value)
    if not low <= number <= high:
        raise ValueError(f"`{name}` is {number}; it must be {low} to {high}")
    return number


def _count(name: str, value: int) -> int:
    return _within(name, value, 0, 2**63 - 1)


def as_bytes(text: Text, what: str) -> bytes:
    if isinstance(text, str):
        return text.encode()
    if isinstance(text, bytes):
        return text
    raise TypeError(f"{what} must be str or bytes, not {type(text).__name__}")


def _stop_bytes(stop: Text | Sequence[Text] | None) -> list[bytes]:
    texts = [] if stop is None else [stop] if isinstance(stop, (str, bytes)) else list(stop)
    stops = [as_bytes(text, "a stop string") for text in texts]
    if any(b"\0" in text for text in stops):
        raise ValueError("a stop string cannot contain a zero byte")
    return stops


class Request:
    """A ``sigmoe_generate_request``, and the memory that it points to."""

    def __init__(
        self,
        prompts: Sequence[Text],
        *,
        max_new_tokens: int = 200,
        do_sample: bool = True,
        temperature: float = 1,
        top_k: int = 0,
        top_p: float = 1,
        min_p: float = 0,
        repetition_penalty: float = 1,
        seed: int = 0,
        stop_strings: Text | Sequence[Text] | None = None,
        context: int | None = None,
        batch_size: int = 8,
        return_full_text: bool = False,
    ) -> None:
        texts = [as_bytes(prompt, "a prompt") for prompt in prompts]
        stops = _stop_bytes(stop_strings)
        self.count = len(texts)
        self._prompts = (ctypes.c_char_p * len(texts))(*texts)
        self._sizes = (ctypes.c_size_t * len(texts))(*map(len, texts))
        self._stops = (ctypes.c_char_p * len(stops))(*stops)
        self.struct = _abi.GenerateRequest()
        library().sigmoe_generate_defaults_sized(ctypes.byref(self.struct), ctypes.sizeof(self.struct))
        values: dict[str, Any] = {
            "prompts": ctypes.addressof(self._prompts),
            "prompt_sizes": ctypes.addressof(self._sizes),
            "prompt_count": len(texts),
            "max_tokens": _count("max_new_tokens", max_new_tokens),
            "temperature": temperature if do_sample else 0.0,
            "top_k": _count("top_k", top_k),
            "top_p": top_p,
            "min_p": min_p,
            "repetition_penalty": repetition_penalty,
            "seed": _within("seed", seed, 0, 2**64 - 1),
            "stop": ctypes.addressof(self._stops),
            "stop_count": len(stops),
            "context": -1 if context is None else _count("context", context),
            "batch": _count("batch_size", batch_size),
            "echo": bool(return_full_text),
        }
        for name, value in values.items():
            setattr(self.struct, name, value)


class _Work:
    """The call, in a thread of its own: so that Ctrl-C can end it, and its parts can be taken one by one.

    ``parts`` receives each part of the text if ``streams``, and None when the call has ended.
    """

    def __init__(self, model: int, request: Request, streams: bool) -> None:
        self.parts: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._model = model
        self._request = request
        self._results = (_abi.Generation * request.count)()
        self._failure: Error | None = None
        self._stop = ctypes.c_int()
        self._observer = _abi.Observer()
        library().sigmoe_observer_defaults_sized(ctypes.byref(self._observer), ctypes.sizeof(self._observer))
        self._observer.stop = ctypes.addressof(self._stop)
        if streams:
            request.struct.text = self._receiver = _abi.TEXT_RECEIVER(self._receive)
        self._thread = threading.Thread(target=self._run, name="sigmoe generate", daemon=True)

    def _receive(self, receiver: int | None, prompt: int, part: int, size: int) -> None:
        self.parts.put(ctypes.string_at(part, size).decode())

    def _run(self) -> None:
        try:
            status = library().sigmoe_generate(
                self._model, ctypes.byref(self._request.struct), ctypes.byref(self._observer), self._results
            )
            if status:  # the message is this thread's
                self._failure = Error(library().sigmoe_message().decode(), Status(status))
        finally:
            self.parts.put(None)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends the call, if it has not ended, and waits for that."""
        library().sigmoe_flag_set(ctypes.byref(self._stop), 1)
        if self._thread.is_alive():
            self._thread.join()

    def check(self) -> None:
        self._thread.join()
        if self._failure:
            raise self._failure

    def texts(self) -> list[str]:
        return [ctypes.string_at(result.text, result.size).decode() for result in self._results]

    def free(self) -> None:
        for result in self._results:
            library().sigmoe_free(result.text)


def texts(model: int, request: Request) -> list[str]:
    """The text of each prompt, in their order."""
    if request.count == 0:
        return []
    work = _Work(model, request, streams=False)
    try:
        work.start()
        work.parts.get()
        work.check()
        return work.texts()
    finally:
        work.stop()
        work.free()


def parts(model: int, request: Request) -> Iterator[str]:
    """The text of the one prompt, as it becomes known."""
    work = _Work(model, request, streams=True)
    try:
        work.start()
        yield from iter(work.parts.get, None)
        work.check()
    finally:
        work.stop()
        work.free()
