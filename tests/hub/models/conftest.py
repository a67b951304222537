"""Tiny models: the trained candidates, made once a session, and untrained ones of each family, made where needed."""

import importlib.util
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from needs import skip_without

# ruff: noqa: PLC0415  torch is loaded by the tests that need it

skip_without("torch", "reward models need the extra `models`")
skip_without("transformers", "reward models need the extra `models`")

NAME = "tests_hub_tiny_models"  # the name under which other tests of the Hub load it too: the candidates are made once


def _tiny() -> ModuleType:
    if NAME not in sys.modules:
        spec = importlib.util.spec_from_file_location(NAME, Path(__file__).parents[1] / "tiny_models.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[NAME] = module
        spec.loader.exec_module(module)
    return sys.modules[NAME]


@pytest.fixture(scope="session")
def tiny() -> ModuleType:
    import torch

    torch.set_num_threads(1)
    return _tiny()


@pytest.fixture(scope="session")
def candidates(tiny: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    pytest.importorskip("trl", reason="the candidates are trained with TRL")
    return tiny.candidates_in(tmp_path_factory.getbasetemp() / "tiny-candidates")


@pytest.fixture
def copy_of(candidates: dict[str, Any], tmp_path: Path) -> Callable[[str], Path]:
    """Copy a candidate's folder, so that it can be spoiled."""

    def copy(name: str) -> Path:
        return Path(shutil.copytree(candidates[name].folder, tmp_path / f"copy-of-{name}"))

    return copy


@pytest.fixture(scope="session")
def untrained(tiny: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Make an untrained model of a family: a folder with a random, but complete, model in it."""
    made: dict[str, Path] = {}

    def make(family: str, head: str, *, tokenizer: dict[str, Any] | None = None, **config: Any) -> Path:
        import torch
        import transformers

        key = f"{family} {head} {tokenizer} {config}"
        if key not in made:
            torch.manual_seed(5)
            words = tiny.make_tokenizer(**(tokenizer or {}))
            auto = getattr(transformers, f"AutoModelFor{head}")
            model = auto.from_config(tiny.tiny_config(family, words, **config))
            made[key] = tiny.save(tmp_path_factory.mktemp("untrained"), model, words)
        return made[key]

    return make
