"""The manifest: what a run was made with, so that its figures can be made again.

It is written when the run begins. A run that is resumed with other settings is refused: rows made in different ways
must not share a file.
"""

import hashlib
import json
import platform
import subprocess
import time
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from ravelar.tools.errors import InputError

_PACKAGES = ("ravelar", "langchain-core", "langgraph", "langchain-openai", "numpy", "scipy")
NAME = "manifest.json"


def open_manifest(folder: Path, stage: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stage's entry in the run's manifest: made now, or the one that is there if its settings are these.

    Args:
        folder: The run's folder; made if need be.
        stage: The stage's name, such as "write" or "judge gpt-5.2".
        settings: What decides the stage's rows, as plain JSON.

    Raises:
        InputError: if the stage was begun with other settings; names the ones that differ.
    """
    path = folder / NAME
    whole = read_manifest(folder) if path.exists() else {"stages": {}}
    given = json.loads(json.dumps(settings))
    there = whole["stages"].get(stage)
    if there is None:
        there = whole["stages"][stage] = {"settings": given, **_made_with()}
        _write(path, whole)
    elif there["settings"] != given:
        raise InputError(
            f"{folder} holds a run whose stage {stage!r} was made otherwise: {_difference(there['settings'], given)}; "
            "use another folder"
        )
    return dict(there)


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return a run's manifest.

    Raises:
        InputError: if the folder holds none, or it can't be read.
    """
    try:
        whole = json.loads((folder / NAME).read_text(encoding="utf-8"))
        assert isinstance(whole["stages"], dict)
    except FileNotFoundError:
        raise InputError(f"{folder} holds no run: there is no {NAME}") from None
    except (OSError, ValueError, KeyError, TypeError, AssertionError) as error:
        raise InputError(f"{folder / NAME} can't be read: {error!r}") from None
    return dict(whole)


def digest_of(value: Any) -> str:
    """Return a hash of a plain JSON value: 16 hexadecimal digits, the same in every process."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _made_with() -> dict[str, Any]:
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {
        "begun": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": _commit(),
        "python": platform.python_version(),
        "versions": versions,
    }


def _commit() -> str | None:
    """Return the commit of the checkout that this file lies in, with "+changes" if it is not clean."""
    here = Path(__file__).resolve().parent

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", "-C", here, *arguments], capture_output=True, text=True, timeout=10, check=True)
        return done.stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("+changes" if git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return None  # an installed package, or no git


def _difference(there: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    names = sorted(name for name in {*there, *given} if there.get(name) != given.get(name))
    return "; ".join(f"{name} was {there.get(name)!r:.80}, now {given.get(name)!r:.80}" for name in names)


def _write(path: Path, whole: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps(whole, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    beside.replace(path)
