"""The code that the documentation shows runs, and prints what it says it prints."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PYTHON = re.compile(r"^```python\n(.*?)^```(?:\n+^```text\n(.*?)^```)?", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"```(?:bash|sh)\n(.*?)```", re.DOTALL)
BLOCKS = [(page.name, code, said) for page in PAGES for code, said in PYTHON.findall(page.read_text())]
COMMANDS = [
    (page.name, line)
    for page in PAGES
    for block in COMMAND.findall(page.read_text())
    for line in block.splitlines()
    if line.startswith("ravelar ")
]


@pytest.mark.parametrize(("page", "code", "said"), BLOCKS, ids=[page for page, _, _ in BLOCKS])
def test_python_in_the_docs_runs_as_printed(page: str, code: str, said: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    if said:
        assert done.stdout.strip() == said.strip()


@pytest.mark.parametrize(("page", "line"), COMMANDS, ids=[line for _, line in COMMANDS])
def test_commands_in_the_docs_run(page: str, line: str, tmp_path: Path) -> None:
    arguments = line.split(" #", maxsplit=1)[0].split()[1:]
    arguments = [str(ROOT / word) if word.startswith("examples/") else word for word in arguments]
    done = subprocess.run(
        [sys.executable, "-m", "ravelar", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_docs_show_code_and_commands() -> None:
    assert len(BLOCKS) >= 3
    assert len(COMMANDS) >= 3
