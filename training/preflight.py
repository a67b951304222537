"""What is checked before a training step: the model, the data, the routes, and room for a checkpoint."""

import shutil
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ravelar.tools.errors import InputError
from ravelar.tools.library import Library
from ravelar.tools.reward import Triple
from ravelar.tools.routing import Route, Router, router_for
from ravelar.tools.scoring import describe
from ravelar.training.mixture import Form

if TYPE_CHECKING:
    from trl.trainer.grpo_config import GRPOConfig
    from trl.trainer.model_config import ModelConfig

_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}
_ADAM_STATES = 2  # two values a trained parameter; other optimizers keep fewer


@dataclass(frozen=True, slots=True)
class Model:
    """What is known of the policy before its weights are loaded.

    Attributes:
        name: The folder, or its name on the Hub.
        form: What prompts its tokenizer takes: chat, if it has a chat template.
        parameters: How many it has; None if that can't be told without loading it.
        trained: How many are trained; of adapters, theirs.
        saved: How many a checkpoint holds.
    """

    name: str
    form: Form
    parameters: int | None = None
    trained: int | None = None
    saved: int | None = None


@dataclass(frozen=True, slots=True)
class Routed:
    """The rows of one task that one tool gets.

    Attributes:
        task: The task's label; None where rows have none.
        tool: The tool; None if no tool fits.
        rows: How many.
        why: Why this tool, or why none; of several reasons the most frequent.
        without_reference: Rows whose tool needs a reference and that have none.
    """

    task: str | None
    tool: str | None
    rows: int
    why: str
    without_reference: int


def look_at_model(model: "ModelConfig", grpo: "GRPOConfig") -> Model:
    """Look at a model's configuration and tokenizer, not at its weights.

    Raises:
        InputError: if no model is named, or there is none of that name: no such folder, or nothing that the Hub gives.
    """
    name = model.model_name_or_path
    if not name:
        raise InputError("no model: give --model_name_or_path FOLDER, or a name on the Hub")
    from transformers import AutoConfig, AutoTokenizer  # noqa: PLC0415  not for help

    given = {"revision": model.model_revision, "trust_remote_code": grpo.trust_remote_code}
    folder = Path(name).expanduser()
    if folder.is_dir() and not _has_weights(folder):
        raise InputError(f"{folder} holds no weights: a file *.safetensors or *.bin is needed beside config.json")
    try:
        config = AutoConfig.from_pretrained(name, **given)
        tokenizer = AutoTokenizer.from_pretrained(name, **given)
    except Exception as error:  # OSError, ValueError, HTTP errors, what a repository's own code raises
        what = (
            f"the folder {folder} holds no model"
            if folder.is_dir()
            else f"no folder {name!r}, nor such a model on the Hub"
        )
        raise InputError(f"{what} that can be loaded: {describe(error)}") from error
    form: Form = "chat" if getattr(tokenizer, "chat_template", None) else "text"
    return Model(name, form, *_parameters(config, model, grpo))


def _has_weights(folder: Path) -> bool:
    return any(next(folder.glob(pattern), None) is not None for pattern in ("*.safetensors", "*.bin"))


def _parameters(config: Any, model: "ModelConfig", grpo: "GRPOConfig") -> tuple[int | None, int | None, int | None]:
    """Count parameters on torch's meta device, where they take no memory: all, trained ones, saved ones."""
    import torch  # noqa: PLC0415  not for help
    from transformers import AutoModelForCausalLM  # noqa: PLC0415
    from trl.trainer.utils import get_peft_config  # noqa: PLC0415

    try:
        with torch.device("meta"):
            policy = AutoModelForCausalLM.from_config(  # type: ignore[no-untyped-call]
                config, trust_remote_code=grpo.trust_remote_code
            )
        total = sum(parameter.numel() for parameter in policy.parameters())
        adapters = get_peft_config(model)
        if adapters is None:
            return total, total, total
        from peft import get_peft_model  # noqa: PLC0415

        adapted = get_peft_model(policy, adapters)
        trained = sum(parameter.numel() for parameter in adapted.parameters() if parameter.requires_grad)
    except Exception:  # noqa: BLE001  a model that only its own loader can build; its size stays unknown
        return None, None, None
    return total, trained, trained


def preview(
    rows: Iterable[Mapping[str, Any]], library: Library, router: Router | None
) -> tuple[list[Routed], list[tuple[str, str | None]]]:
    """Route every row; return what gets which tool, largest first, and for the stamp each query with its tool."""
    choose = router or router_for(library.names)
    whys: dict[tuple[str | None, str | None], Counter[str]] = {}
    lacking: Counter[tuple[str | None, str | None]] = Counter()
    queries: list[tuple[str, str | None]] = []
    for row in rows:
        route = _route(row, choose)
        key = (row.get("task"), route.tool)
        whys.setdefault(key, Counter())[route.reason] += 1
        needs = library[route.tool].card.needs if route.tool is not None else ()
        lacking[key] += "reference" in needs and row.get("reference") is None
        queries.append((repr((row["prompt"], row.get("reference"))), route.tool))
    routed = [
        Routed(task, tool, why.total(), why.most_common(1)[0][0], lacking[task, tool])
        for (task, tool), why in whys.items()
    ]
    return sorted(routed, key=lambda one: (-one.rows, str(one.task), str(one.tool))), queries


def _route(row: Mapping[str, Any], choose: Router) -> Route:
    given = {name: value for name, value in row.items() if value is not None}
    triple = Triple(given.pop("prompt"), "", given.pop("reference", None), given)
    return choose(triple.prompt, triple.reference, triple.metadata)


def check_routes(routed: Iterable[Routed], library: Library, *, on_unknown: str) -> None:
    """Check that rewards can be had at all.

    Raises:
        InputError: if a tool needs references and rows have none, if a tool that is named is not there, or if no row
            is routed anywhere and nothing is done about that.
    """
    groups = list(routed)
    for one in groups:
        if one.without_reference:
            raise InputError(
                f"{one.without_reference} of {one.rows} rows of the task {one.task!r} have no reference, and the tool "
                f"{one.tool!r} needs one ({one.why}); name their column (columns: {{reference: NAME}}), or another tool"
            )
        if one.tool is None and one.why.startswith("no reward tool"):
            raise InputError(f"{one.rows} rows of the task {one.task!r}: {one.why}")
    if groups and on_unknown == "abstain" and all(one.tool is None for one in groups):
        reasons = "; ".join(f"{one.task!r}: {one.why}" for one in groups[:3])
        raise InputError(f"no row is routed to a tool, so that nothing can be learnt ({reasons}); {_ADVICE}")


_ADVICE = "name one (tool: NAME), adopt one (ravelar acquire --probes PAIRS), or give --on_unknown fallback:TOOL"


@dataclass(frozen=True, slots=True)
class Room:
    """Disk for checkpoints.

    Attributes:
        checkpoint: About how many bytes one takes; None if the model's size is not known.
        model: About how many bytes the trained model takes at the end; None likewise.
        free: Bytes that are free where they go.
    """

    checkpoint: int | None
    model: int | None
    free: int


def check_room(model: Model, dtype: str | None, grpo: "GRPOConfig") -> Room:
    """Estimate what a checkpoint takes, and check that there is room for it.

    Saved parameters in their type; for the optimizer two more values of each trained one (AdamW). What
    `save_total_limit` keeps, one more while it is replaced, and the model at the end must fit.

    Raises:
        InputError: if they do not.
    """
    folder = Path(grpo.output_dir or ".").expanduser().absolute()
    free = shutil.disk_usage(next(path for path in (folder, *folder.parents) if path.exists())).free
    if model.saved is None or model.trained is None:
        return Room(None, None, free)
    size = _BYTES.get(dtype or "float32", 4)
    weights = model.saved * size
    checkpoint = weights + (0 if grpo.save_only_model else _ADAM_STATES * model.trained * size)
    kept = 0 if grpo.save_strategy == "no" else 1 if not grpo.save_total_limit else grpo.save_total_limit + 1
    needed = kept * checkpoint + weights
    if needed > free:
        raise InputError(
            f"no room in {folder}: {kept} checkpoint(s) of about {checkpoint / 1e9:,.2f} GB and the model of "
            f"{weights / 1e9:,.2f} GB are to be kept at once, {free / 1e9:,.2f} GB are free; "
            f"another --output_dir, a smaller --save_total_limit, or --save_only_model"
        )
    return Room(checkpoint, weights, free)
