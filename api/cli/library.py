"""`ravelar library`: adopted reward tools, listed, shown, shared, measured again and taken out of use."""

import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

EPILOG = """\b
Examples:
  ravelar library list
  ravelar library show haiku_syllables --source --history
  ravelar library export shared/ haiku_syllables
  ravelar library import shared/ --probes labelled.jsonl
  ravelar library retire haiku_syllables --reason "counts 'fire' as one"

\b
Adopted tools are kept at RAVELAR_LIBRARY, or else in your own data folder; on
each command --library names another place: a path, sqlite:///PATH, or
postgresql://USER@HOST/DATABASE.
"""


@click.group("library", epilog=EPILOG)
def command() -> None:
    """List, show, share and retire adopted reward tools."""


def _place(function: F) -> F:
    return click.option("--library", "url", metavar="URL", help="Where the tools are; see above.")(function)


def _as_json(function: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead.")(function)


def _reason(function: F) -> F:
    return click.option("--reason", default="", help="Why; kept with the record.")(function)


def _hub(function: F) -> F:
    return click.option("--endpoint", metavar="URL", help="The Hub's address, if not huggingface.co.")(function)


@command.command("list")
@click.option("--all", "everything", is_flag=True, help="Also suspended, retired and unchecked tools.")
@_as_json
@_place
def list_tools(url: str | None, as_json: bool, everything: bool) -> None:
    """List the adopted tools: kind, version, and how sure their evidence is."""
    from ravelar.cli import library_table as shown  # noqa: PLC0415  not for `--help`

    store = _open(url)
    rows = shown.rows_of(store, everything=everything) if store.place.exists else []
    if as_json:
        click.echo(json.dumps(rows))
    elif rows:
        shown.show_rows(rows)
    else:
        click.echo(f"no adopted tools at {store.place}")


@command.command("show")
@click.argument("name")
@click.option("--version", help="Another version than the one in use; a hash's beginning does.")
@click.option("--source", is_flag=True, help="Print a written verifier's source, or the recipe, alone.")
@click.option("--history", is_flag=True, help="Print all that happened to the tool as well.")
@_as_json
@_place
def show(  # noqa: PLR0913  one flag each
    name: str, *, version: str | None, source: bool, history: bool, as_json: bool, url: str | None
) -> None:
    """Print NAME's card and evidence, its source, its history."""
    from ravelar.cli import library_table as shown  # noqa: PLC0415

    store = _existing(url)
    chosen = version or store.present(name)
    entry = store.entry(name, chosen)
    if as_json:
        click.echo(shown.as_json(entry, store.history(name) if history else None))
    elif source:
        click.echo(shown.source_of(entry))
    else:
        click.echo(shown.described(entry))
    if history and not as_json:
        click.echo("\n" + shown.told(store.history(name), store.refused(name)))


@command.command("export")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.argument("names", nargs=-1)
@click.option("--probes", type=click.Path(exists=True, dir_okay=False), help="Labelled rows to go with one tool.")
@_place
def export(folder: Path, names: Sequence[str], *, probes: str | None, url: str | None) -> None:
    """Write the tools NAMES, or all in use, to FOLDER: source, card, evidence."""
    from ravelar.recheck import read_probe_file  # noqa: PLC0415
    from ravelar.tools.adopted.folder import export_folder  # noqa: PLC0415

    if probes and len(names) != 1:
        raise click.UsageError("--probes belong to one tool; name it")
    store = _existing(url)
    entries = [store.entry(name) for name in names] if names else store.entries()
    given = {names[0]: read_probe_file(probes)} if probes else None
    for path in export_folder(entries, folder, probes=given):
        click.echo(path)


def _taking(function: F) -> F:
    for option in (
        click.option("--probes", type=click.Path(exists=True, dir_okay=False), help="Your own labelled rows."),
        click.option("--for", "name", metavar="NAME", help="Which tool --probes are for, if there are several."),
        click.option("--trust-probes", is_flag=True, help="Let the probes that came with a tool decide."),
        click.option("--allow", multiple=True, metavar="WHAT", help="A repository whose code may run, or an address."),
        click.option("--sandbox", type=click.Choice(["local", "e2b", "unsafe"]), default="local", help="For checking."),
    ):
        function = option(function)
    return function


@command.command("import")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@_taking
@_as_json
@_place
def import_tools(folder: Path, *, url: str | None, as_json: bool, **taking: Any) -> None:
    """Take in the tools of FOLDER; each is checked again on probes before it is in use.

    Without probes a tool is kept as unchecked, and not used. Exit code 1: a tool was refused.
    """
    _take(folder, url, as_json=as_json, **taking)


@command.command("pull")
@click.argument("repo")
@click.option("--revision", default="main", show_default=True, help="Branch, tag or commit.")
@_taking
@_hub
@_as_json
@_place
def pull(repo: str, *, revision: str, endpoint: str | None, url: str | None, as_json: bool, **taking: Any) -> None:
    """Take in the tools of REPO on the Hugging Face Hub, as `import` does."""
    from ravelar.tools.adopted.sharing import pull_folder  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="ravelar-pull-") as folder:
        commit = _hub_call(lambda: pull_folder(repo, folder, revision=revision, endpoint=endpoint))
        _take(Path(folder), url, as_json=as_json, source=f"{repo}@{commit}", **taking)


@command.command("push")
@click.argument("repo")
@click.argument("names", nargs=-1)
@click.option("--public", is_flag=True, help="Make a new repository public.")
@_hub
@_place
def push(repo: str, names: Sequence[str], *, public: bool, endpoint: str | None, url: str | None) -> None:
    """Put the tools NAMES, or all in use, into REPO on the Hugging Face Hub; HF_TOKEN says who you are."""
    from ravelar.tools.adopted.folder import export_folder  # noqa: PLC0415
    from ravelar.tools.adopted.sharing import push_folder  # noqa: PLC0415

    store = _existing(url)
    with tempfile.TemporaryDirectory(prefix="ravelar-push-") as folder:
        export_folder([store.entry(name) for name in names] if names else store.entries(), folder)
        click.echo(_hub_call(lambda: push_folder(folder, repo, private=not public, endpoint=endpoint)))


@command.command("retire")
@click.argument("name")
@click.option("--version", help="Another version than the one in use.")
@_reason
@_place
def retire(name: str, *, version: str | None, reason: str, url: str | None) -> None:
    """Take NAME out of use; nothing is deleted, and `rollback` brings a version back."""
    record = _existing(url).retire(name, reason, version=version)
    click.echo(f"{name} {record.version} is retired")


@command.command("rollback")
@click.argument("name")
@click.option("--to", metavar="VERSION", help="This version, even if it is retired.")
@_reason
@_place
def rollback(name: str, *, to: str | None, reason: str, url: str | None) -> None:
    """Go back to the version of NAME that was in use before."""
    record = _existing(url).rollback(name, reason, to=to)
    click.echo(f"{name} {record.version} is in use again")


@command.command("suspend")
@click.argument("name")
@_reason
@_place
def suspend(name: str, *, reason: str, url: str | None) -> None:
    """Take NAME out of use until it is resumed."""
    record = _existing(url).suspend(name, reason)
    click.echo(f"{name} {record.version} is suspended")


@command.command("resume")
@click.argument("name")
@_reason
@_place
def resume(name: str, *, reason: str, url: str | None) -> None:
    """Bring the suspended tool NAME back into use."""
    record = _existing(url).resume(name, reason)
    click.echo(f"{name} {record.version} is in use again")


@command.command("evaluate")
@click.argument("name")
@click.option("--probes", required=True, type=click.Path(exists=True, dir_okay=False), help="Labelled rows.")
@click.option("--half", type=click.Choice(["all", "held_out", "shown"]), default="all", show_default=True)
@click.option("--version", help="Another version than the one in use.")
@click.option("--sandbox", type=click.Choice(["local", "e2b", "unsafe"]), default="local", help="For verifiers.")
@_as_json
@_place
def evaluate(  # noqa: PLR0913  one flag each
    name: str, *, probes: str, half: Any, version: str | None, sandbox: str, as_json: bool, url: str | None
) -> None:
    """Measure NAME again on probes: rows with prompt, completion, reference and label."""
    from ravelar.recheck import evaluate_again, read_probe_file  # noqa: PLC0415
    from ravelar.tools.adopted.model_card import measured  # noqa: PLC0415

    trial = evaluate_again(_existing(url), name, read_probe_file(probes), half=half, version=version, sandbox=sandbox)
    click.echo(trial.model_dump_json() if as_json else "\n".join([name, *measured(trial)]))


def _take(  # noqa: PLR0913  what the options say
    folder: Path,
    url: str | None,
    *,
    probes: str | None,
    name: str | None,
    trust_probes: bool,
    allow: Sequence[str],
    sandbox: str,
    as_json: bool,
    source: str = "",
) -> None:
    from ravelar.recheck import read_probe_file, recheck_with  # noqa: PLC0415
    from ravelar.tools.adopted.folder import read_folder  # noqa: PLC0415
    from ravelar.tools.adopted.importing import import_folder  # noqa: PLC0415

    names = [entry.task.label for entry, _ in read_folder(folder)]
    if probes and name is None and len(names) != 1:
        raise click.UsageError(f"--probes belong to one tool; name it with --for: {', '.join(names)}")
    given = {name or names[0]: read_probe_file(probes)} if probes else None
    store = _open(url)
    done = import_folder(
        folder,
        store,
        recheck=recheck_with(store, sandbox),
        probes=given,
        trust_probes=trust_probes,
        allow=allow,
        source=source or str(folder.absolute()),
    )
    rows = [{"name": one.name, "version": one.version, "state": one.state, "reason": one.reason} for one in done]
    click.echo(json.dumps(rows) if as_json else "\n".join(f"{r['name']}  {r['state']}: {r['reason']}" for r in rows))
    if any(one.state == "refused" for one in done):
        raise SystemExit(1)


def _open(url: str | None) -> Any:
    from ravelar.tools.adopted.store import open_store  # noqa: PLC0415  not for `--help`

    return open_store(url, who="ravelar library")


def _existing(url: str | None) -> Any:
    from ravelar.tools.errors import InputError  # noqa: PLC0415

    store = _open(url)
    if not store.place.exists:
        raise InputError(f"no tools were adopted yet: there is no library at {store.place}")
    return store


def _hub_call(call: Callable[[], str]) -> str:
    from ravelar.tools.errors import HubError  # noqa: PLC0415

    try:
        return call()
    except HubError as error:
        raise click.ClickException(str(error)) from error
