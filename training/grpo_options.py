"""The settings of a GRPO run: our options beside TRL's own, from a configuration file and flags.

    flags over file over default; every option of TRL's GRPOConfig and ModelConfig is passed through as it is

This file imports neither TRL nor torch before `read_settings` is called, so that help stays light.
"""

import difflib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn, cast

from ravelar.tools.errors import InputError
from ravelar.tools.extras import need
from ravelar.tools.scoring import describe
from ravelar.training.mixture import Mixture, read_mixture
from ravelar.training.recipes import RECIPES

if TYPE_CHECKING:
    from trl.trainer.grpo_config import GRPOConfig
    from trl.trainer.model_config import ModelConfig

OnHacking = Literal["log", "pause", "stop"]
ON_HACKING: tuple[OnHacking, ...] = ("log", "pause", "stop")


@dataclass
class RunOptions:
    """Ravelar's own options of a GRPO run; each field's `help` says what it means."""

    data: list[str] = field(
        default_factory=list,
        metadata={"help": "Data sets, each [RECIPE=]FILE or a name on the Hub; weights and more: `mixture` in a file."},
    )
    on_unknown: str = field(
        default="abstain", metadata={"help": "What becomes of prompts no tool fits: abstain, acquire, fallback:TOOL."}
    )
    acquire_probes: str | None = field(
        default=None, metadata={"help": "For acquire: a file of labelled completions or preference pairs."}
    )
    acquire_settings: str | None = field(
        default=None, metadata={"help": 'For acquire: the RLAR graph\'s settings, {"model": "openai:NAME"}.'}
    )
    reward_time_limit_s: float = field(default=120.0, metadata={"help": "Most seconds a batch may take a tool."})
    check: list[str] = field(
        default_factory=list,
        metadata={"help": "Independent checks, each TOOL=CHECK, or CHECK for all: tools that a sample is scored with."},
    )
    check_share: float = field(default=0.25, metadata={"help": "Least share of each batch that is checked."})
    check_spare_s: float = field(
        default=0.1,
        metadata={"help": "Seconds of a step that checks may take beyond that share; up to all are checked."},
    )
    on_hacking: str = field(
        default="log", metadata={"help": "What a sign of reward hacking does: log, pause (ask a person), stop."}
    )
    stop_on_hacking: bool = field(default=False, metadata={"help": "The same as --on_hacking stop."})
    resume: bool = field(default=False, metadata={"help": "Go on from the last finished checkpoint in --output_dir."})
    accept_changed_library: bool = field(
        default=False, metadata={"help": "Resume although tools, routes or data differ from the checkpoint's."}
    )
    dry_run: bool = field(default=False, metadata={"help": "Check everything, show what would be trained, and end."})

    def __post_init__(self) -> None:
        if self.on_hacking not in ON_HACKING:
            raise InputError(f"on_hacking is {self.on_hacking!r}; allowed: {', '.join(ON_HACKING)}")
        if self.stop_on_hacking:
            self.on_hacking = "stop"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a run is told.

    Attributes:
        run: Our own options.
        mixture: The data.
        grpo: TRL's options of the trainer.
        model: TRL's options of the model, PEFT among them.
    """

    run: RunOptions
    mixture: Mixture
    grpo: "GRPOConfig"
    model: "ModelConfig"

    @property
    def output(self) -> Path:
        """The run's folder."""
        return Path(str(self.grpo.output_dir)).expanduser()

    @property
    def acquire_settings(self) -> dict[str, Any]:
        """The RLAR graph's settings, for acquire.

        Raises: InputError: if they are neither a mapping nor one as JSON.
        """
        given: Any = self.run.acquire_settings or {}
        try:
            settings = json.loads(given) if isinstance(given, str) else given
        except ValueError as error:
            raise InputError(f"acquire_settings is no JSON: {error}: {given[:100]!r}") from error
        if not isinstance(settings, dict):
            raise InputError(f"acquire_settings: a mapping is needed, got {str(given)[:100]!r}")
        return settings

    @property
    def on_hacking(self) -> OnHacking:
        """What a sign of reward hacking does."""
        return cast(OnHacking, self.run.on_hacking)

    @property
    def checks(self) -> dict[str, str]:
        """Name of a reward tool to that of the tool that checks it; "*" is all others."""
        pairs = [given.rpartition("=") for given in self.run.check]
        return {tool if equals else "*": check for tool, equals, check in pairs}


def read_settings(arguments: Sequence[str]) -> Settings:
    """Read a run's settings from flags and the file that `--config` names.

    Raises:
        InputError: for an option that nobody knows (with a suggestion), a value that can't be one, a file that can't
            be read, or a run without data.
    """
    need("trl", extra="train", what="training")
    need("yaml", extra="train", what="training")
    path, flags = _take_config(arguments)
    config = _read_config(path) if path is not None else {}
    mixture = config.pop("mixture", None) or {}
    run, grpo, model = _parsed(config, flags, path)
    return Settings(run, _mixture(run, mixture, grpo.seed), grpo, model)


def describe_options() -> str:
    """Return our own options as lines of help."""
    lines = []
    for one in fields(RunOptions):
        lines.append(f"  --{one.name}\n      {one.metadata['help']}")
    return "\n".join(lines)


def _take_config(arguments: Sequence[str]) -> tuple[Path | None, list[str]]:
    """Take `--config FILE` or `--config=FILE` out of the flags."""
    rest, path = list(arguments), None
    for i, word in enumerate(rest):
        if word == "--config":
            if i + 1 == len(rest):
                raise InputError("--config needs a file")
            path, rest[i : i + 2] = rest[i + 1], []
            break
        if word.startswith("--config="):
            path = rest.pop(i).partition("=")[2]
            break
    return (None if path is None else Path(path).expanduser()), rest


def _read_config(path: Path) -> dict[str, Any]:
    import yaml  # noqa: PLC0415  only where a file is read

    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path} can't be read as YAML: {' '.join(str(error).split())}") from error
    if not isinstance(config, dict) or not all(isinstance(name, str) for name in config):
        raise InputError(f"{path}: a mapping of options is needed, got {type(config).__name__}")
    return config


def _parsed(
    config: dict[str, Any], flags: list[str], path: Path | None
) -> "tuple[RunOptions, GRPOConfig, ModelConfig]":
    from trl.scripts.utils import TrlParser  # noqa: PLC0415  ten seconds with torch
    from trl.trainer.grpo_config import GRPOConfig  # noqa: PLC0415
    from trl.trainer.model_config import ModelConfig  # noqa: PLC0415

    class Parser(TrlParser):
        def error(self, message: str) -> NoReturn:  # argparse would print three hundred options and exit
            raise InputError(message)

    types: Any = (RunOptions, GRPOConfig, ModelConfig)
    parser = Parser(types, allow_abbrev=False, add_help=False)
    lists = {action.dest for action in parser._actions if action.nargs == "+"}
    options = {option for action in parser._actions for option in action.option_strings}
    for name in config:
        if f"--{name}" not in options:
            raise _unknown(name, [option.removeprefix("--") for option in options], f"{path}: ")
    parser.set_defaults_with_config(
        **{name: [value] if name in lists and isinstance(value, str) else value for name, value in config.items()}
    )
    try:
        run, grpo, model, rest = parser.parse_args_into_dataclasses(
            flags, return_remaining_strings=True, look_for_args_file=False
        )
    except InputError:
        raise
    except (ValueError, TypeError, ImportError, RuntimeError, OSError) as error:  # what TRL's own checks raise
        raise InputError(f"TRL refuses the options: {describe(error)}") from error
    if rest:
        raise _unknown(rest[0].partition("=")[0], options, "")
    return run, grpo, model


def _unknown(name: str, known: Collection[str], where: str) -> InputError:
    close = difflib.get_close_matches(name, sorted(known), n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return InputError(f"{where}no option {name!r}{hint} (TRL's GRPOConfig and ModelConfig, and ravelar's own)")


def _mixture(run: RunOptions, settings: Mapping[str, Any], seed: int) -> Mixture:
    """Take the sources that flags name, else those of the file."""
    if not isinstance(settings, Mapping):
        raise InputError(f"mixture: a mapping is needed, got {type(settings).__name__}")
    sources = [_source(given) for given in run.data] or settings.get("sources")
    if not sources:
        raise InputError("no data: give --data [RECIPE=]FILE, or `mixture: {sources: [...]}` in the file of --config")
    return read_mixture({"seed": seed, **settings, "sources": sources})


def _source(given: str) -> dict[str, str]:
    recipe, equals, data = given.partition("=")
    if equals:
        return {"recipe": recipe, "data": data}
    return {"recipe": given} if given in RECIPES and not Path(given).exists() else {"data": given}
