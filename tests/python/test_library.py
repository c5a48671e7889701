"""Finding the library and the program, without numpy and torch."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sigmoe
from sigmoe import _library


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def test_version_is_three_numbers_and_the_programs() -> None:
    assert [part.isdigit() for part in sigmoe.__version__.split(".")] == [True] * 3
    out = subprocess.run([sys.executable, "-m", "sigmoe", "--version"], capture_output=True, text=True, check=True)
    assert out.stdout == f"sigmoe {sigmoe.__version__}\n"


def test_the_programs_status_and_arguments_pass_through() -> None:
    out = subprocess.run([sys.executable, "-m", "sigmoe", "trian"], capture_output=True, text=True, check=False)
    assert out.returncode == 2
    assert 'trian' in out.stderr


def test_importing_loads_neither_numpy_nor_torch() -> None:
    out = python("import sigmoe, sys; sigmoe.__version__; print([m for m in ('numpy', 'torch') if m in sys.modules])")
    assert out.stdout == "[]\n", out.stderr


def test_a_missing_library_says_what_to_do(tmp_path: Path) -> None:
    out = python("import sigmoe; sigmoe.__version__", SIGMOE_LIBRARY=str(tmp_path / "none.so"))
    assert out.returncode == 1
    assert "SIGMOE_LIBRARY" in out.stderr and "none.so" in out.stderr


def test_the_named_library_is_the_one_that_is_loaded() -> None:
    own = str(_library.find_library())
    out = python("from sigmoe import _library; print(_library.library()._name)", SIGMOE_LIBRARY=own)
    assert out.stdout.strip() == own


def test_without_a_library_of_its_own_the_package_uses_the_systems(tmp_path: Path) -> None:
    """As Debian's packages: the modules in one place, the library and the program where the system looks for them."""
    own = _library.find_library().resolve()
    shutil.copytree(Path(_library.__file__).parent, tmp_path / "modules" / "sigmoe", ignore=shutil.ignore_patterns("lib", "bin"))
    (tmp_path / "system").mkdir()
    (tmp_path / "system" / _library._NAME).symlink_to(own)
    (tmp_path / "system" / "sigmoe").symlink_to(_library.find_program().resolve())
    place = str(tmp_path / "system")
    of_wheel = own.parents[2] / "sigmoe.libs"  # a wheel's library looks there, beside itself, for those that it needs
    out = python("from sigmoe import _library; print(_library.version(), _library.library()._name, _library.find_program())",
                 PYTHONPATH=str(tmp_path / "modules"), LD_LIBRARY_PATH=f"{place}:{of_wheel}", PATH=place)
    assert out.stdout == f"{_library.version()} {_library._NAME} {place}/sigmoe\n", out.stderr
    out = python("import sigmoe; sigmoe.__version__", PYTHONPATH=str(tmp_path / "modules"), PATH=place)
    assert _library._NAME in out.stderr and "reinstall" in out.stderr


def test_a_failure_is_an_exception_with_the_librarys_sentence(tmp_path: Path) -> None:
    with pytest.raises(sigmoe.Error, match="there is no model") as caught:
        sigmoe.Model.load(tmp_path / "none")
    assert caught.value.status is _library.Status.IO


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError):
        sigmoe.nothing  # noqa: B018
