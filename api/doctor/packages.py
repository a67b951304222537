"""Python, the base packages, the extras, torch and GPUs: from their metadata, without importing any of them."""

import importlib.metadata
import importlib.util
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement

from ravelar.doctor.findings import Finding

_OLDEST = (3, 11)
_NOT_FOR_USERS = frozenset({"dev", "docs", "mutants"})
_GPU_S = 3.0
_CUDA_S = 30.0
_CUDA = re.compile(r"^cuda[^=\n]*=\s*(?:'([\d.]+)'|None)", re.MULTILINE)


def look_at_python() -> list[Finding]:
    """Return whether this Python will do, and whether every base package is there as it must be."""
    version = platform.python_version()
    fits = sys.version_info >= _OLDEST
    found = [
        Finding(
            "Python",
            "python",
            "works" if fits else "broken",
            f"{version} ({platform.python_implementation()}, {platform.system()} {platform.machine()})",
            "" if fits else f"install Python {_OLDEST[0]}.{_OLDEST[1]} or newer",
        )
    ]
    lacks = [problem for requirement in _requirements("") if (problem := _problem(requirement))]
    said = "; ".join(lacks) if lacks else f"ravelar {importlib.metadata.version('ravelar')}, all packages of the base"
    fix = "pip install --upgrade ravelar" if lacks else ""
    return [*found, Finding("Python", "base", "broken" if lacks else "works", said, fix)]


def look_at_extras() -> list[Finding]:
    """Return each extra: there, not there, or there in a version that does not fit."""
    names = importlib.metadata.metadata("ravelar").get_all("Provides-Extra") or []
    return [_extra(name) for name in names if name not in _NOT_FOR_USERS]


def _extra(name: str) -> Finding:
    requirements = list(_requirements(name))
    lacks = [problem for requirement in requirements if (problem := _problem(requirement))]
    install = f"pip install 'ravelar[{name}]'"
    if not lacks:
        versions = ", ".join(f"{one.name} {importlib.metadata.version(one.name)}" for one in requirements)
        return Finding("extras", name, "works", versions)
    unfit = [problem for problem in lacks if not problem.startswith("no ")]
    return Finding("extras", name, "broken" if unfit else "missing", "; ".join(lacks), install)


def _requirements(extra: str) -> Iterator[Requirement]:
    """Yield what an extra asks for on this machine; "" is the base."""
    for text in importlib.metadata.requires("ravelar") or []:
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is None:
            if not extra:
                yield requirement
        elif marker.evaluate({"extra": extra}) and (extra == "" or not marker.evaluate({"extra": ""})):
            yield requirement


def _problem(requirement: Requirement) -> str:
    """Return what is wrong with a package, or ""."""
    try:
        version = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return f"no {requirement.name}"
    fits = requirement.specifier.contains(version, prereleases=True)
    return "" if fits else f"{requirement.name} is {version}, needed: {requirement.specifier}"


def look_at_torch() -> list[Finding]:
    """Return torch's version and build, and the GPUs that the driver names; torch is only imported to try a GPU."""
    gpus, installed = _gpus(), importlib.util.find_spec("torch")
    seen = f"GPU: {', '.join(gpus)}" if gpus else "no NVIDIA GPU seen"
    if installed is None or installed.origin is None:
        return [Finding("torch", "torch", "missing", f"not installed; {seen}", "pip install 'ravelar[models]'")]
    version, cuda = importlib.metadata.version("torch"), _cuda_of(Path(installed.origin).with_name("version.py"))
    said = f"{version}, {f'build for CUDA {cuda}' if cuda else 'CPU build'}; {seen}"
    if not gpus:
        return [Finding("torch", "torch", "works", said)]
    if cuda is None:
        fix = "for the GPU, install a CUDA build: see pytorch.org/get-started"
        return [Finding("torch", "torch", "missing", said, fix)]
    if why_not := _tried_on_gpu():
        fix = "mend the driver, or install a build for its CUDA version"
        return [Finding("torch", "torch", "broken", f"{said}; {why_not}", fix)]
    return [Finding("torch", "torch", "works", f"{said}; a sum on the GPU is right")]


def _cuda_of(version_file: Path) -> str | None:
    """Return the CUDA version for which torch was built, read from its own file; None for a CPU build."""
    try:
        found = _CUDA.search(version_file.read_text(encoding="utf-8"))
    except OSError:
        return None
    return found[1] if found else None


def _gpus() -> list[str]:
    """Return the NVIDIA GPUs by name and memory; none where the driver's tool is not there or does not answer."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    ask = [tool, "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        done = subprocess.run(ask, capture_output=True, text=True, timeout=_GPU_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [line.strip() for line in done.stdout.splitlines() if line.strip()] if done.returncode == 0 else []


def _tried_on_gpu() -> str:
    """Return why torch can't add on the GPU, or ""; in a process of its own, since importing torch takes seconds."""
    code = "import torch; assert (torch.ones(8, device='cuda') + 1).sum().item() == 16"
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=_CUDA_S - 1, check=False
        )
    except subprocess.TimeoutExpired:
        return f"no sum on the GPU within {_CUDA_S - 1:g} s"
    return "" if done.returncode == 0 else f"no sum on the GPU: {done.stderr.strip().splitlines()[-1][:200]}"
