"""``python -m sigmoe`` is the program ``sigmoe``, and so is the wheel's command of that name."""

from __future__ import annotations

import os
import sys

from ._library import find_program


def main() -> None:
    """Becomes the program: its signals, output and exit status are the caller's to see."""
    program = find_program()
    try:
        os.execv(program, ["sigmoe", *sys.argv[1:]])
    except OSError as error:
        sys.exit(f"sigmoe: cannot run {program}: {error.strerror}")


if __name__ == "__main__":
    main()
