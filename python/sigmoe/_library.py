"""The shared library: finding it, its functions, and its failures as exceptions."""

from __future__ import annotations

import ctypes
import enum
import functools
import os
import shutil
from pathlib import Path

from . import _abi

_NAME = "libsigmoe.so.0"


class Status(enum.IntEnum):
    """``sigmoe_status``: why a call failed."""

    OK = 0
    BAD_ARGUMENT = 1
    BAD_FORMAT = 2
    IO = 3
    NO_MEMORY = 4
    NOT_FINITE = 5
    INTERRUPTED = 6


class Error(Exception):
    """A call of the library failed. The text is its sentence for users, ``status`` is its kind."""

    def __init__(self, message: str, status: Status) -> None:
        super().__init__(message, status)
        self.status = status

    def __str__(self) -> str:
        return str(self.args[0])


def _checkout() -> Path | None:
    """The source tree that this file lies in, if it does."""
    root = Path(__file__).resolve().parents[2]
    return root if (root / "include" / "sigmoe.h").exists() and (root / "CMakeLists.txt").exists() else None


def _find(own: str, built: str) -> Path | None:
    """A wheel's own file, else the one in ``build/`` of the source tree; None where the package is neither's, but the system's."""
    package, root = Path(__file__).resolve().parent, _checkout()
    if (package / own).exists():
        return package / own
    return root / "build" / built if root else None


def find_library() -> Path:
    """The file that ``SIGMOE_LIBRARY`` names, else the package's or the source tree's, else the name of the system's library."""
    named = os.environ.get("SIGMOE_LIBRARY")
    if named:
        return Path(named)
    return _find(f"lib/{_NAME}", _NAME) or Path(_NAME)


def find_program() -> Path:
    """The program ``sigmoe``: the package's or the source tree's, else the one in ``PATH``."""
    return _find("bin/sigmoe", "sigmoe") or Path(shutil.which("sigmoe") or "sigmoe")


@functools.lru_cache(maxsize=None)
def library() -> ctypes.CDLL:
    """The library with its functions declared. Calls let other threads of Python run."""
    path = find_library()
    try:
        opened = ctypes.CDLL(str(path))
    except OSError as error:
        raise ImportError(
            f"sigmoe needs its shared library {path}, which cannot be loaded ({error}): reinstall the package, build the "
            "library (./run build), or name it in the environment variable SIGMOE_LIBRARY"
        ) from error
    _abi.declare(opened)
    return opened


def check(status: int) -> None:
    """Raises what a call of the library returned, unless it succeeded."""
    if status:
        raise Error(library().sigmoe_message().decode(), Status(status))


def version() -> str:
    text: bytes = library().sigmoe_version()
    return text.decode()
