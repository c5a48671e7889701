"""What users hand over as arrays, in the form that the library reads: numpy, torch, anything with DLPack, lists."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def view(array: Any) -> NDArray[Any]:
    """The same memory as a numpy array where there is memory (numpy, ``__dlpack__`` on the processor), else a new array."""
    if isinstance(array, np.ndarray):
        return array
    if hasattr(array, "__dlpack__"):
        if hasattr(array, "__dlpack_device__") and array.__dlpack_device__()[0] != 1:
            raise ValueError("the array is not in the processor's memory: copy it there first, as with .cpu()")
        return np.from_dlpack(array)
    return np.asarray(array)


def token_ids(tokens: Any) -> NDArray[np.int32]:
    """``[batch, length]`` or ``[length]``, int32, contiguous; not copied if it is so already."""
    ids = view(tokens)
    if ids.ndim not in (1, 2):
        raise ValueError(f"tokens have shape {list(ids.shape)}: [length] or [batch, length] is needed")
    if ids.dtype.kind not in "iu":
        raise TypeError(f"tokens are whole numbers, not {ids.dtype}")
    if ids.dtype != np.int32 and ids.size and (ids.max() > 2**31 - 1 or ids.min() < -(2**31)):
        raise ValueError("a token does not fit 32 bits")
    return np.ascontiguousarray(ids, dtype=np.int32)


def output(out: Any, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """`out` as an array that the library may write to."""
    array = view(out)
    if array.shape != shape or array.dtype != np.float32 or not array.flags.c_contiguous:
        raise ValueError(f"`out` must be contiguous float32 of shape {list(shape)}, not {array.dtype} {list(array.shape)}")
    if not array.flags.writeable:
        raise ValueError("`out` cannot be written to")
    return array
