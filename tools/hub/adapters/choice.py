"""Which adapter reads a folder, or why the folder is refused; decided by its files alone."""

import math
import re
from dataclasses import dataclass
from typing import Literal, get_args

from ravelar.tools.errors import RepositoryRefused, UnknownName
from ravelar.tools.hub.adapters.folder import ModelFolder
from ravelar.tools.hub.adapters.options import AdapterOptions

VALUE_HEAD = "v_head.summary.weight"
"""The tensor by which a text generator with a value head is known."""

AdapterName = Literal["classifier", "value_head", "pair", "steps", "custom"]
Direction = Literal["higher", "lower"]

_ENCODERS = ("bert", "electra", "mpnet", "xlm", "nezha", "ernie", "funnel", "canine")  # deberta, roberta ... within
_PAIRWISE = re.compile(r"pair(?:wise|ranker|rm\b|-?rm\b|-preference)", re.IGNORECASE)
_COST = re.compile(r"(?:^|[^a-z])(?:cost|toxicity|toxic|harm|harmful|harmfulness|unsafe)(?:$|[^a-z])", re.IGNORECASE)
_PROCESS = re.compile(r"processreward|(?:^|[^a-z])prm(?:$|[^a-z])", re.IGNORECASE)
_STEP_LABELS: tuple[frozenset[str], ...] = tuple(
    frozenset(pair.split("|"))
    for pair in (
        "label_0|label_1",
        "false|true",
        "incorrect|correct",
        "wrong|right",
        "bad|good",
        "negative|positive",
        "-|+",
        "0|1",
    )
)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a folder is read.

    Attributes:
        adapter: Which adapter reads it.
        auto_class: The class of `transformers` that loads it.
        score_index: Which of the head's outputs is the score.
        direction: Which raw scores are better.
        direction_from: What says so.
        low: Least raw score.
        high: Greatest raw score.
        remote_code: Whether its own code is needed (and was allowed).
    """

    adapter: AdapterName
    auto_class: str
    score_index: int
    direction: Direction
    direction_from: str
    low: float = -math.inf
    high: float = math.inf
    remote_code: bool = False


def is_encoder(model_type: str) -> bool:
    """Say whether models of a type read both ways and are scored at their first token."""
    return any(part in model_type for part in _ENCODERS)


def choose_adapter(
    folder: ModelFolder,
    *,
    adapter: str | None = None,
    options: AdapterOptions | None = None,
    allow_remote_code: bool = False,
) -> Plan:
    """Choose the adapter that reads a folder.

    Args:
        folder: What lies there.
        adapter: Take this one instead of the one that fits.
        options: What the caller says of the model.
        allow_remote_code: Whether the caller named this repository as one whose code may run.

    Raises:
        RepositoryRefused: if none fits, or the folder must not be used; the message says why.
        UnknownName: if there is no such adapter.
    """
    options = options or AdapterOptions()
    if adapter is not None and adapter not in get_args(AdapterName):
        raise UnknownName("adapter", adapter, get_args(AdapterName))
    _refuse_dangerous(folder, allow_remote_code=allow_remote_code)
    if adapter is None:
        _refuse_pairwise(folder)
    remote = bool(folder.auto_map)
    name = adapter or (_remote_adapter(folder) if remote else _native_adapter(folder, options))
    direction, said = _direction(folder, options)
    low, high = (0.0, 1.0) if name == "steps" else (-math.inf, math.inf)
    return Plan(
        adapter=name,  # type: ignore[arg-type]  # checked against the names above
        auto_class=_auto_class(folder, name),
        score_index=_score_index(folder, name, options),
        direction=direction,
        direction_from=said,
        low=low,
        high=high,
        remote_code=remote,
    )


def _refuse_dangerous(folder: ModelFolder, *, allow_remote_code: bool) -> None:
    if folder.auto_map and not allow_remote_code:
        named = ", ".join(sorted({str(value) for value in folder.auto_map.values()}))
        raise RepositoryRefused(
            f"{folder.repo} needs code of its own ({named:.200}), which is not run; "
            "allow this repository by name to run it"
        )
    if not folder.weight_files:
        if folder.pickled_files:
            held = ", ".join(folder.pickled_files[:3])
            raise RepositoryRefused(
                f"{folder.repo} has only pickled weights ({held}), which can run code when loaded; "
                "safetensors are needed"
            )
        raise RepositoryRefused(f"{folder.repo} has no weights: no *.safetensors file")


def _refuse_pairwise(folder: ModelFolder) -> None:
    said = [folder.architecture, str(folder.config.get("ranker_type", "")), folder.repo.rpartition("/")[2]]
    if any(_PAIRWISE.search(text) for text in said):
        raise RepositoryRefused(
            f"{folder.repo} compares two completions with one another and has no score of one completion alone; "
            "pairwise models are not used as reward tools"
        )


def _remote_adapter(folder: ModelFolder) -> AdapterName:
    return "steps" if _is_process(folder) else "custom"


def _is_process(folder: ModelFolder) -> bool:
    return any(_PROCESS.search(text) for text in (folder.architecture, folder.repo.rpartition("/")[2]))


def _native_adapter(folder: ModelFolder, options: AdapterOptions) -> AdapterName:
    architecture = folder.architecture
    if architecture.endswith("ForTokenClassification"):
        return "steps"
    if architecture.endswith("ForSequenceClassification"):
        if folder.has_chat_template or options.format:
            return "classifier"
        if is_encoder(str(folder.config.get("model_type", ""))):
            return "pair"
        raise RepositoryRefused(
            f"{folder.repo} has no chat template, so how a conversation becomes text is unknown; "
            "name it by the option format='... {prompt} ... {completion} ...'"
        )
    if architecture.endswith(("ForCausalLM", "ForConditionalGeneration", "LMHeadModel")):
        if _value_head(folder) and (folder.has_chat_template or options.format):
            return "value_head"
        held = "a value head but no chat template" if _value_head(folder) else "no score head"
        raise RepositoryRefused(
            f"{folder.repo} is a text generator ({architecture}) with {held}; a generative judge is used as a judge, "
            "not as a reward model"
        )
    raise RepositoryRefused(
        f"{folder.repo} has the architecture {architecture or 'none'}, which no adapter reads; adapters read "
        "*ForSequenceClassification, *ForTokenClassification, and named repositories with code of their own"
    )


def _value_head(folder: ModelFolder) -> bool:
    return VALUE_HEAD in folder.tensors


def _auto_class(folder: ModelFolder, adapter: str) -> str:
    if folder.auto_map:
        held = [key for key in folder.auto_map if key.startswith("AutoModel")]
        first = ("AutoModelForSequenceClassification", "AutoModelForTokenClassification", "AutoModel")
        return next((key for key in first if key in held), held[0] if held else "AutoModel")
    classes = {"steps": "AutoModelForTokenClassification", "value_head": "AutoModelForCausalLM"}
    return classes.get(adapter, "AutoModelForSequenceClassification")


def _score_index(folder: ModelFolder, adapter: str, options: AdapterOptions) -> int:
    """Return the output that is the score; several outputs without a named one are no reward model."""
    labels = folder.labels
    if adapter == "value_head":
        return 0
    if options.score_index is not None:
        if adapter != "custom" and options.score_index >= len(labels):
            raise RepositoryRefused(
                f"{folder.repo} has {len(labels)} outputs ({', '.join(labels)[:200]}); "
                f"score_index={options.score_index} names none of them"
            )
        return options.score_index
    if adapter == "custom" or len(labels) == 1:
        return 0
    if adapter == "steps" and (folder.auto_map or {label.lower() for label in labels} in _STEP_LABELS):
        return 1
    raise RepositoryRefused(
        f"{folder.repo} has {len(labels)} outputs ({', '.join(labels)[:200]}): a classifier into classes, no reward "
        "model with one score; name the score by the option score_index if one of them is it"
    )


def _direction(folder: ModelFolder, options: AdapterOptions) -> tuple[Direction, str]:
    """Return which raw scores are better, and what says so."""
    if options.direction is not None:
        return options.direction, "the caller"
    said = {
        "score_type": str(folder.config.get("score_type", "")),
        "its label": folder.labels[0] if len(folder.labels) == 1 else "",
        "its architecture": re.sub(r"(?<=[a-z])(?=[A-Z])", "-", folder.architecture),
        "its name": folder.repo.rpartition("/")[2],
    }
    for where, text in said.items():
        if _COST.search(text.replace("_", "-")):
            return "lower", f"{where} ({text})"
    return "higher", "default"
