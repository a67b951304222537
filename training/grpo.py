"""Train a model with TRL's GRPO trainer and routed rewards, from top to bottom.

    settings -> model's configuration, data, routes, room, checkpoint: all checked -> Plan
    Plan -> guard, RoutedReward, GRPOTrainer -> train -> Outcome

PEFT, vLLM (colocated or a server), precision and several processes are TRL's and accelerate's own, by their options:

    ravelar train grpo --config run.yaml
    accelerate launch -m ravelar train grpo --config run.yaml
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ravelar.tools.builtin import builtin_library
from ravelar.tools.errors import InputError, UnknownName
from ravelar.tools.scoring import describe
from ravelar.training.acquisition import Acquirer, AcquisitionLimits
from ravelar.training.checkpoints import saving_may_fail, where_to_begin
from ravelar.training.checks import Checks
from ravelar.training.grpo_options import Settings
from ravelar.training.guards import HackingGuard, calibrated_ranges
from ravelar.training.library_in_step import LibrarySource, RouterSource
from ravelar.training.mixture import load_mixture
from ravelar.training.preflight import Model, Room, Routed, check_room, check_routes, look_at_model, preview
from ravelar.training.routed_reward import RoutedReward
from ravelar.training.stamp import LibraryStamp
from ravelar.training.watched_tool import Alert

if TYPE_CHECKING:
    from datasets import Dataset  # type: ignore[import-untyped]


@dataclass(frozen=True, slots=True)
class Tools:
    """Where rewards come from.

    Attributes:
        library: Opens the tools, as they are when it is called.
        router: Opens who chooses among them; None means the built-in rules.
        acquirer: Gets a tool for a task that has none, for `on_unknown: acquire`.
        acquisition: When and for how long it does.
    """

    library: LibrarySource = builtin_library
    router: RouterSource | None = None
    acquirer: Acquirer | None = None
    acquisition: AcquisitionLimits | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A run that was checked and may begin.

    Attributes:
        settings: What was asked for.
        model: What is known of the policy.
        data: The rows, mixed.
        routed: Which rows get which tool.
        room: Disk for checkpoints.
        stamp: What decides the rewards.
        checkpoint: What to go on from; None to begin.
    """

    settings: Settings
    model: Model
    data: "Dataset"
    routed: Sequence[Routed]
    room: Room
    stamp: LibraryStamp
    checkpoint: Path | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended.

    Attributes:
        steps: The trainer's last step.
        alerts: Signs of reward hacking, of all ranks.
        stopped: Whether one of them, or a person after one, stopped it.
        folder: Where the trained model is.
    """

    steps: int
    alerts: Sequence[Alert]
    stopped: bool
    folder: Path


def plan(settings: Settings, tools: Tools) -> Plan:
    """Check everything that can be known before the first step.

    Raises:
        InputError: for a model, data, tool, option or folder that can't be used; nothing was trained or written.
    """
    library = tools.library()
    router = tools.router() if tools.router else None
    _check_tools(settings, tools, library.names)
    model = look_at_model(settings.model, settings.grpo)
    data = load_mixture(settings.mixture.model_copy(update={"form": settings.mixture.form or model.form}))
    routed, queries = preview(data, library, router)
    check_routes(routed, library, on_unknown=settings.run.on_unknown)
    room = check_room(model, settings.model.dtype, settings.grpo)
    stamp = LibraryStamp.of(library, queries)
    checkpoint = where_to_begin(
        settings.output,
        resume=settings.run.resume or settings.grpo.resume_from_checkpoint or False,
        now=stamp,
        accept_changes=settings.run.accept_changed_library,
    )
    return Plan(settings, model, data, routed, room, stamp, checkpoint)


def train(planned: Plan, tools: Tools) -> Outcome:
    """Train as planned; the model is saved to the output folder at the end.

    Raises:
        InputError: if TRL refuses model, data or options, before the first step.
        CheckpointFailed: if a checkpoint can't be written; earlier ones are intact.
    """
    from ravelar.training.callbacks import ActOnAlerts, StampCheckpoints, restore_guard  # noqa: PLC0415  torch

    run, grpo = planned.settings.run, planned.settings.grpo
    guard = _guard(planned, tools)
    if planned.checkpoint is not None:
        restore_guard(guard, planned.checkpoint, grpo.process_index)
    alerts = ActOnAlerts(guard, planned.settings.on_hacking)
    reward = RoutedReward(
        library=tools.library,
        router=tools.router,
        on_unknown=run.on_unknown,
        acquirer=tools.acquirer,
        acquisition=tools.acquisition,
        time_limit_s=run.reward_time_limit_s,
        watches=[guard],
    )
    trainer = _trainer(planned, reward, [StampCheckpoints(planned.stamp, tools.library, guard), alerts])
    folder = planned.settings.output
    with saving_may_fail(folder, main_rank=grpo.process_index == 0):
        trainer.train(resume_from_checkpoint=str(planned.checkpoint) if planned.checkpoint else None)
    trainer.save_model(str(folder))
    return Outcome(trainer.state.global_step, alerts.alerts, alerts.stopped, folder)


def _check_tools(settings: Settings, tools: Tools, names: Sequence[str]) -> None:
    """Check every tool that a setting names, and who acquires."""
    kind, _, fallback = settings.run.on_unknown.partition(":")
    named = [source.tool for source in settings.mixture.sources if source.tool is not None]
    named += [fallback] if kind == "fallback" else []
    named += [*settings.checks.values(), *(tool for tool in settings.checks if tool != "*")]
    for name in named:
        if name not in names:
            raise UnknownName("reward tool", name, names)
    if kind == "acquire" and tools.acquirer is None:
        raise InputError("on_unknown: acquire needs an acquirer; `ravelar train grpo` has one, a script passes its own")


def _guard(planned: Plan, tools: Tools) -> HackingGuard:
    run, grpo = planned.settings.run, planned.settings.grpo
    checks = planned.settings.checks
    return HackingGuard(
        Checks(tools.library, checks) if checks else None,
        ranges=calibrated_ranges(tools.library()),
        share=run.check_share,
        spare_s=run.check_spare_s,
        alpha=0.01 / grpo.world_size,  # ours: of a run, divided among its ranks
        group=grpo.num_generations or 1,
        time_limit_s=run.reward_time_limit_s,
        seed=grpo.seed,
    )


def _trainer(planned: Plan, reward: RoutedReward, callbacks: Sequence[Any]) -> Any:
    """Make TRL's trainer as TRL's own script does.

    Raises: InputError: if it refuses something.
    """
    from trl.trainer.grpo_trainer import GRPOTrainer  # noqa: PLC0415  ten seconds with torch
    from trl.trainer.utils import get_peft_config, get_quantization_config  # noqa: PLC0415

    model, grpo = planned.settings.model, planned.settings.grpo
    grpo.model_init_kwargs = {
        "revision": model.model_revision,
        "attn_implementation": model.attn_implementation,
        "dtype": model.dtype,
        **_mapping(grpo.model_init_kwargs),
    }
    try:
        return GRPOTrainer(
            model=planned.model.name,
            reward_funcs=reward,
            args=grpo,
            train_dataset=planned.data,
            peft_config=get_peft_config(model),
            quantization_config=get_quantization_config(model),
            callbacks=list(callbacks),
        )
    except (ValueError, OSError, ImportError, TypeError) as error:
        raise InputError(f"TRL can't train this: {describe(error)}") from error


def _mapping(given: Any) -> dict[str, Any]:
    """Return what TRL takes as a mapping or as its JSON text."""
    return dict(json.loads(given) if isinstance(given, str) else given or {})
