"""What the documentation shows runs, and prints what it says; what can't be run here says why."""

import json
import re
import shlex
import tomllib
from importlib import import_module
from pathlib import Path

import click
import pytest
import yaml
from cards_page import PAGE as CARDS
from cards_page import page as cards
from doc_blocks import BLOCKS, NEEDS, PAGES, READ, ROOT, RUN, SHOWN, Block, agrees, comparable
from doc_session import Session

import ravelar
from ravelar.cli.main import cli

RUNNABLE = [block for block in BLOCKS if block.language in RUN]
HERE = [block for block in RUNNABLE if block.why_not is None]
ELSEWHERE = [block for block in RUNNABLE if block.why_not is not None]
COMMAND_LINE = re.compile(r"^(?:[A-Z_0-9]+=\S+ )*ravelar |^ravelar$")


def pages(blocks: list[Block]) -> list[str]:
    return list(dict.fromkeys(block.page for block in blocks))


TO_THE_END = pages([block for block in HERE if "slow" in block.marks])


@pytest.mark.parametrize("page", pages([block for block in HERE if "slow" not in block.marks]))
@pytest.mark.slow
def test_what_a_page_shows_runs_as_printed(page: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if page in TO_THE_END and request.config.getoption("--slow"):
        pytest.skip("is run to its end")
    session = Session(tmp_path)
    for block in HERE:
        if block.page == page and "slow" not in block.marks:
            session.run(block)


@pytest.mark.slow  # the tutorial trains a policy
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", TO_THE_END)
def test_what_a_page_shows_runs_as_printed_to_its_end(page: str, tmp_path: Path) -> None:
    session = Session(tmp_path)
    for block in HERE:
        if block.page == page:
            session.run(block)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.place)
def test_a_block_says_what_it_is(block: Block) -> None:
    known = RUN | READ | SHOWN
    assert block.language in known, f"{block.place}: {block.language!r}; allowed: {', '.join(sorted(known))}"
    if block.language == "text":
        typed = [
            line
            for line in block.text.splitlines()
            if re.match(r"\$ |ravelar |pip |make |import |from \w+ import", line)
        ]
        assert not typed, f"{block.place} shows commands or code as text: {typed}"
    if block.language == "console":
        assert block.text.startswith("$ "), f"{block.place}: a command begins with '$ '"
    odd = {mark for mark in block.marks if not re.fullmatch(r"not run: .+|slow|figures vary|serves|.* .* .*", mark)}
    assert not odd, f"{block.place}: {odd}"


@pytest.mark.parametrize("block", ELSEWHERE, ids=lambda block: block.place)
def test_what_is_not_run_says_why_and_is_right_as_far_as_can_be_seen(block: Block) -> None:
    assert block.needs, f"{block.place}: not run: {block.why_not}; say 'needs ...'"
    assert block.needs <= NEEDS, f"{block.place}: {block.needs - NEEDS}; allowed: {', '.join(sorted(NEEDS))}"
    for name in re.findall(r"tests/[\w./]+", block.why_not or ""):
        assert (ROOT / name).exists(), f"{block.place} names {name}"
    if block.language == "pycon":
        return
    if block.language == "python":
        compile(block.text, block.place, "exec")
        return
    for command in block.commands():
        for part in re.split(r" && | \|\| | \| ", command.typed):
            understood(part, block.place)


def understood(typed: str, place: str) -> None:
    """Parse a command of ours without running it: its name and its options must be there."""
    if not COMMAND_LINE.match(typed):
        return
    words = shlex.split(typed, comments=True)
    words = words[words.index("ravelar") + 1 :]
    group, context = cli, click.Context(cli)
    while words and isinstance(group, click.Group):
        command = group.get_command(context, words[0])
        assert command is not None, f"{place}: there is no command {' '.join(words)!r}"
        group, words = command, words[1:]  # type: ignore[assignment]
    try:
        group.make_context("ravelar", words, resilient_parsing=True)
    except click.UsageError as error:
        raise AssertionError(f"{place}: {typed}: {error.format_message()}") from error


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language in READ], ids=lambda block: block.place)
def test_data_in_the_docs_can_be_read(block: Block) -> None:
    if block.language == "yaml":
        assert yaml.safe_load(block.text)
    elif block.language == "toml":
        assert tomllib.loads(block.text)
    else:
        assert json.loads(block.text)


@pytest.mark.slow
def test_the_demo_prints_what_the_readme_says(tmp_path: Path) -> None:
    recipe = re.search(r"^demo:.*\n\t\$\(BIN\)/(.*)$", (ROOT / "Makefile").read_text(), re.M)
    assert recipe
    readme = next(block for block in BLOCKS if block.page == "README.md" and "unscored, no tool" in block.text)
    typed = Block("README.md", readme.line, "console", f"$ {recipe[1]}\n{readme.text}", None, ("figures vary",))
    Session(tmp_path).run(typed)


def test_the_docs_show_code_and_commands() -> None:
    assert len([block for block in HERE if block.language == "python"]) >= 20
    assert sum(len(block.commands()) for block in HERE if block.language != "python") >= 20
    assert {page.name for page in PAGES} >= {"README.md", "tutorial.md", "cli.md"}


def test_what_is_compared_can_differ() -> None:
    said = comparable("a 1.5\n...\nend", figures=False)
    assert agrees(said, comparable("a   20,000\nx\ny\nend\n", figures=False))
    assert agrees(said, comparable("a 1\nend", figures=False))
    assert agrees(["in .../b"], ["in /home/a/b"])
    assert not agrees(["in .../b"], ["in /home/a/c"])
    assert not agrees(said, comparable("b 1\nend", figures=False))
    assert not agrees(comparable("a 1", figures=True), comparable("a 2", figures=True))


def options(command: click.Command) -> list[str]:
    """Return a command's long options; those that TRL brings are not click's."""
    flags = [flag for one in command.params if isinstance(one, click.Option) and not one.hidden for flag in one.opts]
    return [flag for flag in flags if flag.startswith("--")]


def leaves(name: str, command: click.Command) -> list[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        return [(name, command)]
    context = click.Context(command)
    found = [(f"{name} {one}", command.get_command(context, one)) for one in command.list_commands(context)]
    return [leaf for one, sub in found if sub is not None for leaf in leaves(one, sub)]


def test_every_option_stands_in_the_docs() -> None:
    text = "".join(page.read_text() for page in PAGES)
    missing = [
        f"{name} {flag}"
        for name, command in leaves("ravelar", cli)
        for flag in options(command)
        if not re.search(rf"{re.escape(flag)}(?![\w-])", text)
    ]
    assert not missing


def test_the_page_of_cards_is_what_the_cards_say() -> None:
    assert CARDS.read_text() == cards(), "make cards"


PUBLIC = ("ravelar", "ravelar.rlar", "ravelar.ravel", "ravelar.chat", "ravelar.rewards", "ravelar.trainers")
TOLD_IN_WORDS = {"__version__", "routed_reward", "compute_score", "task_reward"}


def test_every_public_name_stands_in_the_reference() -> None:
    told = "".join(page.read_text() for page in (ROOT / "docs/reference").glob("*.md"))
    whole = {
        name
        for module in re.findall(r"^::: (ravelar\.[\w.]+)$", told, re.MULTILINE)
        if (ROOT / (module.removeprefix("ravelar.").replace(".", "/") + ".py")).exists()
        for name in vars(import_module(module))
    }
    missing = [
        f"{module}.{name}"
        for module in PUBLIC
        for name in import_module(module).__all__
        if f"::: {module}.{name}\n" not in told and name not in whole | TOLD_IN_WORDS
    ]
    assert not missing
    assert all(f"`{module}`" in (ROOT / "docs/versioning.md").read_text() for module in PUBLIC)


def test_the_results_in_the_readme_are_those_of_the_cards() -> None:
    pattern = r"^\| `(\w+)`.*? \| .*? \| ([\d,]+) \| .*?\(([\d.]+) to ([\d.]+)\).* \| (\d+) \|$"
    rows = re.findall(pattern, (ROOT / "README.md").read_text(), re.MULTILINE)
    assert len(rows) >= 4
    for tool, n, low, high, unscored in rows:
        known = [one for one in ravelar.default_library()[tool].card.evidence if f"{one.n:,}" == n]
        assert any(
            [as_said(one.low, low), as_said(one.high, high), one.unscored == int(unscored)] == [True] * 3
            for one in known
        ), f"{tool}: {low} to {high}; the card says {known}"


def as_said(share: float, percent: str) -> bool:
    """Whether a share is what a text says of it in percent, to as many digits."""
    digits = len(percent.partition(".")[2])
    return round(100 * share, digits) == float(percent)
