"""What a release consists of besides code: container file, citation, changelog, licences, the reports about them."""

import importlib.util
import json
import re
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

import ravelar
from ravelar.cli import serve
from ravelar.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONTAINER = re.sub(r"\\\n", " ", (ROOT / "Containerfile").read_text(encoding="utf-8")).splitlines()
PINNED = re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)


def instructions(name: str) -> list[str]:
    """Return what follows an instruction of the container file, wherever it stands."""
    return [line.split(maxsplit=1)[1] for line in CONTAINER if line.startswith(f"{name} ")]


def script(name: str) -> ModuleType:
    """Import a script of `.ci` by its path."""
    spec = importlib.util.spec_from_file_location(f"ci_{name}", ROOT / ".ci" / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_the_container_copies_exists_and_is_not_ignored() -> None:
    let_in = {line[1:] for line in (ROOT / ".containerignore").read_text().splitlines() if line.startswith("!")}
    sources = {source for line in instructions("COPY") if "--from=" not in line for source in line.split()[:-1]}
    assert sources == let_in
    assert all((ROOT / source).exists() for source in sources)


def test_the_container_has_every_package() -> None:
    folders = {path for name, path in PROJECT["tool"]["setuptools"]["package-dir"].items()}
    assert folders <= {line.split()[0] for line in instructions("COPY")}


def test_the_container_runs_a_command_that_exists_as_a_user_of_its_own() -> None:
    (entry,), (command, *arguments) = json.loads(instructions("ENTRYPOINT")[0]), json.loads(instructions("CMD")[0])
    assert entry in PROJECT["project"]["scripts"]
    assert command in COMMANDS
    serve.command.make_context("serve", arguments)  # refuses flags and values that are none
    assert instructions("USER") == ["10001"]
    (extras,) = (line.split("=")[1] for line in instructions("ARG") if line.startswith("EXTRAS="))
    assert set(extras.split(",")) <= set(PROJECT["project"]["optional-dependencies"])


def test_the_containers_python_is_one_that_is_supported() -> None:
    (version,) = (line.split("=")[1] for line in instructions("ARG") if line.startswith("PYTHON="))
    assert f"Programming Language :: Python :: {version}" in PROJECT["project"]["classifiers"]


CFF_KEYS = {
    "abstract", "authors", "cff-version", "commit", "contact", "date-released", "doi", "identifiers", "keywords",
    "license", "license-url", "message", "preferred-citation", "references", "repository", "repository-artifact",
    "repository-code", "title", "type", "url", "version",
}  # fmt: skip
"""What the Citation File Format 1.2.0 allows at the top."""


def test_the_citation_file_is_one() -> None:
    cff: dict[str, Any] = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert set(cff) <= CFF_KEYS
    assert {"cff-version", "message", "title", "authors"} <= set(cff)
    assert (cff["cff-version"], cff["type"]) == ("1.2.0", "software")
    assert cff["version"] == ravelar.__version__
    assert cff["license"] == PROJECT["project"]["license"]
    for work in (cff, *cff["references"]):
        assert work["title"]
        assert work["authors"]
        assert all("name" in who or {"given-names", "family-names"} == set(who) for who in work["authors"])
    assert [work["url"] for work in cff["references"]] == list(PROJECT["project"]["urls"].values())


def test_the_changelog_begins_with_what_is_not_released() -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert all(re.fullmatch(r"\d+\.\d+\.\d+ \(\d{4}-\d\d-\d\d\)", heading) for heading in headings[1:])


def test_targets_that_pages_name_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    named = {name for page in pages for name in re.findall(r"`make ([a-z-]+)", page.read_text(encoding="utf-8"))}
    assert len(named) > 5
    assert named <= targets


def test_every_pinned_package_stands_in_the_list_of_licences() -> None:
    listed = re.findall(r"^\| ([\w.-]+) \| \d", (ROOT / "docs/licences.md").read_text(encoding="utf-8"), re.MULTILINE)
    missing = set(PINNED) - set(listed)
    assert not missing, "make licences PAGE=docs/licences.md"


def test_a_licence_is_what_the_package_says_or_unknown() -> None:
    licences = script("licences")
    assert licences.licence_of("pytest")[1] == "MIT"
    assert licences.licence_of("no-such-package-anywhere") is None
    page = licences.page({"a": ("1", "GPL-3.0-or-later"), "b": ("2", "MIT"), "c": ("3", licences.UNKNOWN)}, ["d"])
    copyleft = page.split("## Copyleft")[1].split("## By licence")[0]
    assert "| a | 1 |" in copyleft
    assert "| b | 2 |" not in copyleft
    assert "not installed where this was made: d" in page


def answer(**more: Any) -> dict[str, Any]:
    return {"name": "some", "version": "1.0", "vulns": [], **more}


@pytest.mark.parametrize(
    ("found", "status", "said"),
    [
        ([answer(), answer()], 0, "0 known weaknesses in 2 pinned packages"),
        ([answer(vulns=[{"id": "X-1", "fix_versions": ["1.1"]}])], 1, "some 1.0: X-1, mended in 1.1"),
        ([answer(vulns=[{"id": "X-1", "fix_versions": []}])], 1, "no version yet"),
        ([answer(), {"name": "lost", "skip_reason": "no answer"}], 0, "1 pinned packages; not looked up: lost"),
        ([{"name": "lost", "skip_reason": "no answer"}], 2, "0 of 1 could be looked up; of the first: no answer"),
        ([], 2, "no package was named"),
        (None, 2, "nothing is known of the pinned packages: the service is down"),
    ],
)
def test_an_audit_that_learned_nothing_is_no_success(
    tmp_path: Path, found: list[dict[str, Any]] | None, status: int, said: str
) -> None:
    program = tmp_path / "pip-audit"
    speak = "print('the service is down', file=sys.stderr)" if found is None else f"print({json.dumps(found)!r})"
    text = speak if found is None else f"print('{{\"dependencies\": ' + {json.dumps(found)!r} + '}}')"
    program.write_text(f"#!{sys.executable}\nimport sys\n{text}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    command = [sys.executable, str(ROOT / ".ci/audit.py"), str(program)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, said in done.stdout) == (status, True), done.stdout + done.stderr


def test_a_file_that_git_does_not_know_and_one_that_is_forgotten_are_told() -> None:
    contents = script("check_contents")
    wanted = contents.in_wheel({"api/py.typed", "tools/reward.py"})
    assert wanted == {"ravelar/py.typed", "ravelar/tools/reward.py"}
    assert contents.complain("w", {"ravelar/py.typed", "ravelar/tools/stale.py"}, wanted) == [
        "w lacks ravelar/tools/reward.py",
        "w has ravelar/tools/stale.py, which git does not",
    ]
    assert contents.complain("w", wanted, wanted) == []
