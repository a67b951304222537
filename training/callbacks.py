"""What is done at the trainer's own moments: checkpoints get their stamp, alerts pause or stop training."""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from accelerate.utils import broadcast_object_list, gather_object  # type: ignore[import-untyped]
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from ravelar.tools.library import Library
from ravelar.training.grpo_options import OnHacking
from ravelar.training.guards import HackingGuard
from ravelar.training.stamp import LibraryStamp, read_stamp, version_of, write_stamp
from ravelar.training.watched_tool import Alert

PAUSED = "paused.json"
_log = logging.getLogger(__name__)


class StampCheckpoints(TrainerCallback):
    """Writes a stamp into each checkpoint, after everything else, and the guard's state beside it.

    Args:
        stamp: What decides the rewards, as training began.
        library: Opens the library as it is now: acquiring may have added tools since.
        guard: The guard of this rank; of several ranks each keeps its own state.
    """

    def __init__(self, stamp: LibraryStamp, library: Callable[[], Library], guard: HackingGuard | None = None) -> None:
        self._stamp, self._library, self._guard = stamp, library, guard

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Write it; on all ranks, for each knows only its own guard."""
        guards = gather_object([self._guard.as_json() if self._guard else None])
        if not state.is_world_process_zero:
            return
        tools = {tool.card.name: version_of(tool) for tool in self._library()}
        checkpoint = Path(str(args.output_dir)) / f"checkpoint-{state.global_step}"
        write_stamp(checkpoint, self._stamp.model_copy(update={"tools": tools}), {"guards": guards})


def restore_guard(guard: HackingGuard, checkpoint: Path, rank: int) -> None:
    """Let a guard go on with the baselines it had at a checkpoint; with another number of ranks it begins anew."""
    guards = read_stamp(checkpoint)[1].get("guards") or []
    if rank < len(guards) and guards[rank] is not None:
        guard.restore(guards[rank])


class ActOnAlerts(TrainerCallback):
    """Pauses or stops training, on all ranks together, at the step at which any rank's guard raises an alert.

    Both save a checkpoint first. A pause lasts until a person deletes `paused.json` in the run's folder, or writes
    "continue" or "stop" into its `answer`; after "continue" the alert's baseline is taken anew.

    Attributes:
        alerts: What was acted on, of all ranks, in order.
        stopped: Whether training was stopped.

    Args:
        guard: The guard of this rank.
        action: What to do.
        poll_s: How often a paused run looks for an answer.
    """

    def __init__(self, guard: HackingGuard, action: OnHacking, *, poll_s: float = 2.0) -> None:
        self.alerts: list[Alert] = []
        self.stopped = False
        self._guard, self._action, self._poll_s = guard, action, poll_s
        self._known, self._new = len(guard.alerts), list[Alert]()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Look whether any rank has a new alert."""
        mine, self._known = self._guard.alerts[self._known :], len(self._guard.alerts)
        self._new = gather_object(mine)
        self.alerts += self._new
        if not self._new or self._action == "log":
            return
        control.should_save = True
        if self._action == "stop":
            self.stopped = control.should_training_stop = True

    def on_step_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Wait, if there was an alert at the step before; its checkpoint is written by now."""
        if self._action != "pause" or not self._new:
            return
        answer = self._answer(Path(str(args.output_dir)) / PAUSED, state)
        self._new = []
        if answer == "stop":
            self.stopped = control.should_training_stop = True
        else:
            self._guard.acknowledge()

    def _answer(self, path: Path, state: TrainerState) -> str:
        """Ask a person through a file; all ranks wait, and keep in touch so that none gives the others up."""
        if state.is_world_process_zero:
            question = {"answer": None, "answers": ["continue", "stop"], "alerts": [asdict(one) for one in self._new]}
            path.write_text(json.dumps(question, indent=2), encoding="utf-8")
            _log.warning('training is paused: delete %s to continue, or set its "answer" to "stop"', path)
        while True:
            heard = [_read_answer(path) if state.is_world_process_zero else None]
            answer = broadcast_object_list(heard)[0]
            if answer is not None:
                if state.is_world_process_zero:
                    path.unlink(missing_ok=True)
                return str(answer)
            time.sleep(self._poll_s)


def _read_answer(path: Path) -> str | None:
    """Return what a person wrote; "continue" if the file is gone, None while there is no answer."""
    try:
        answer = json.loads(path.read_text(encoding="utf-8")).get("answer")
    except FileNotFoundError:
        return "continue"
    except (OSError, ValueError, AttributeError):
        return None  # it is being written
    return answer if answer in ("continue", "stop") else None
