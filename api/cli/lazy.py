"""A group of commands whose modules are imported when the command is used, and whose unknown names get a hint."""

import difflib
import importlib
from collections.abc import Mapping
from typing import Any

import click


class LazyGroup(click.Group):
    """A group whose commands live in modules of their own, each as `command`.

    Args:
        known: Name of each command to what it does in one line, in the order in which they are listed.
        modules: Where they live: the module's name before the command's, such as "ravelar.cli.". A dash of
            a command's name is an underscore there.
        settings: What `click.Group` takes.
    """

    def __init__(self, *, known: Mapping[str, str], modules: str = "ravelar.cli.", **settings: Any) -> None:
        super().__init__(**settings)
        self._known, self._modules = known, modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands' names, in the order in which they are used."""
        return list(self._known)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        if cmd_name not in self._known:
            return None
        command: click.Command = importlib.import_module(self._modules + cmd_name.replace("-", "_")).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one may have been meant."""
        close = difflib.get_close_matches(args[0], self._known, n=1)
        if args[0] not in self._known and not args[0].startswith("-"):
            hint = f" Did you mean {close[0]!r}?" if close else ""
            ctx.fail(f"No such command {args[0]!r}.{hint} Commands: {', '.join(self._known)}.")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self._known.items()))
