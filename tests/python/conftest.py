"""What the tests of the package share. They test the sigmoe that Python finds: ./run test gives them the checkout's."""

from __future__ import annotations

import ctypes
import json
from pathlib import Path

import pytest

from sigmoe._library import check, library


def make_model(directory: Path, **keys: str) -> Path:
    """A model directory with random weights: the preset `demo` with these keys of config.json."""
    handle, model = ctypes.c_void_p(), ctypes.c_void_p()
    functions = library()
    functions.sigmoe_config_from_preset.argtypes = [ctypes.c_char_p, ctypes.POINTER(ctypes.c_void_p)]
    functions.sigmoe_config_set.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p]
    functions.sigmoe_model_create.argtypes = [ctypes.c_void_p, ctypes.c_uint64, ctypes.c_int, ctypes.c_void_p]
    functions.sigmoe_model_save.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    check(functions.sigmoe_config_from_preset(b"demo", ctypes.byref(handle)))
    for key, value in keys.items():
        check(functions.sigmoe_config_set(handle, key.encode(), value.encode()))
    check(functions.sigmoe_model_create(handle, 1, 1, ctypes.byref(model)))
    check(functions.sigmoe_model_save(model, bytes(directory)))
    functions.sigmoe_model_free(model)
    functions.sigmoe_config_free(handle)
    return directory


def change_config(directory: Path, **members: object) -> None:
    """Other members in config.json, and no manifest, which would tell."""
    config = directory / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), **members}))
    (directory / "manifest.json").unlink(missing_ok=True)


def make_text_model(directory: Path, letters: bytes) -> Path:
    """A small one whose tokens are these bytes, which ascend."""
    make_model(directory, vocab_size=str(len(letters)), d_model="32", n_layers="1", unroll="8")
    change_config(directory, tokenizer={"type": "bytes", "alphabet": list(letters)})
    return directory


@pytest.fixture(scope="session")
def model_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("models") / "model", vocab_size="11", d_model="32", n_layers="1", unroll="8")
