"""verl and verifiers: their calls as they make them, from many threads or tasks, and what they read."""

import asyncio
import inspect
import pickle
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import numpy
import pytest

from ravelar.tools.builtin import builtin_library
from ravelar.tools.card import ToolCard
from ravelar.tools.errors import InputError, NumberNeeded
from ravelar.tools.library import Library
from ravelar.tools.reward import RawScore, Triple
from ravelar.training.adapters.scorer import Scorer
from ravelar.training.adapters.verifiers_task import TaskReward
from ravelar.training.adapters.verl import ComputeScore
from ravelar.training.service.lanes import LaneSettings


@pytest.fixture
def scorer() -> Iterator[Scorer]:
    opened = Scorer(builtin_library)
    yield opened
    opened.close()


class Model:
    """A reward model that takes as long for a batch as for one."""

    card = ToolCard(name="model", kind="reward_model", task="t", summary="s")

    def __init__(self) -> None:
        self.batches: list[int] = []

    def score(self, triples: Sequence[Triple]) -> Sequence[RawScore]:
        time.sleep(0.05)
        self.batches.append(len(triples))
        return [float(triple.text) for triple in triples]


def verl_call(compute: ComputeScore, solution: str, truth: Any = "42", **extra_info: Any) -> dict[str, Any]:
    """Call as verl's reward managers do: by keywords, with what they add to `extra_info` themselves."""
    extra_info = {"prompt": "6*7?", "num_turns": None, "rollout_reward_scores": {}} | extra_info
    return compute(data_source="openai/gsm8k", solution_str=solution, ground_truth=truth, extra_info=extra_info)


def test_verl_reads_a_score_and_the_same_keys_for_every_sample(scorer: Scorer) -> None:
    compute = ComputeScore(scorer)
    right, wrong = verl_call(compute, "It is 42."), verl_call(compute, "It is 41.")
    assert (right["score"], wrong["score"], right["scored"], right["tool"]) == (1.0, 0.0, 1.0, "math_answer")
    lost = compute("jokes", "ha", None, {"prompt": "Tell me a joke."}, unscored=0.5)
    assert (lost["score"], lost["scored"]) == (0.5, 0.0)
    assert right.keys() == wrong.keys() == lost.keys()


def test_verl_is_refused_a_number_that_nobody_named(scorer: Scorer) -> None:
    with pytest.raises(NumberNeeded, match="no reference"):
        verl_call(ComputeScore(scorer), "ha", None, prompt="Tell me a joke.")


def test_verl_must_be_told_where_the_prompt_stands(scorer: Scorer) -> None:
    compute = ComputeScore(scorer)
    with pytest.raises(InputError, match="no prompt at 'prompt', but 'index'"):
        compute("openai/gsm8k", "It is 42.", "42", {"index": 3})
    assert compute("openai/gsm8k", "It is 42.", "42", {"index": 3}, prompt_key=None)["score"] == 1.0
    assert compute("x", "It is 42.", "42", {"question": "6*7?"}, prompt_key="question")["score"] == 1.0


def test_lists_that_parquet_made_arrays_are_lists_again(scorer: Scorer) -> None:
    messages = numpy.array([{"role": "user", "content": "Which?\nA. one\nB. two"}], dtype=object)
    scored = verl_call(ComputeScore(scorer), "B", "B", prompt=messages, options=numpy.array(["one", "two"]))
    assert (scored["tool"], scored["score"]) == ("choice", 1.0)


def test_verl_takes_it_for_a_plain_function_that_can_be_pickled(scorer: Scorer) -> None:
    compute = ComputeScore(scorer)
    assert not inspect.iscoroutinefunction(compute)
    other: ComputeScore = pickle.loads(pickle.dumps(compute))
    assert verl_call(other, "It is 42.")["score"] == 1.0
    other._scorer.close()


def test_calls_from_many_threads_are_joined_into_batches_of_a_reward_model() -> None:
    model = Model()
    scorer = Scorer(lambda: Library([model]))
    compute = ComputeScore(scorer)
    with ThreadPoolExecutor(32) as threads:
        numbers = [i / 64 for i in range(64)]
        scored = list(threads.map(lambda x: compute("d", str(x), None, {"prompt": "p", "tool": "model"}), numbers))
    scorer.close()
    assert [one["score"] for one in scored] == numbers
    assert max(model.batches) > 8


def test_a_tool_that_hangs_costs_its_own_reward_and_no_more() -> None:
    let_go = threading.Event()

    class Hangs(Model):
        def score(self, triples: Sequence[Triple]) -> Sequence[RawScore]:
            let_go.wait(30)
            return [0.0] * len(triples)

    scorer = Scorer(lambda: Library([Hangs()]), None, LaneSettings(time_limit_s=0.2))
    with pytest.raises(NumberNeeded, match="ToolTimeout"):
        ComputeScore(scorer)("d", "x", None, {"prompt": "p", "tool": "model"})
    let_go.set()
    scorer.close()


class TaskData(SimpleNamespace):
    """The part of verifiers' `TaskData` that is used: a frozen pydantic model."""

    def model_dump(self, *, mode: str, exclude_none: bool) -> dict[str, Any]:
        assert (mode, exclude_none) == ("json", True)
        return {name: value for name, value in vars(self).items() if value is not None}


def verifiers_call(reward: TaskReward, reply: str, **fields: Any) -> float:
    """Call as verifiers' `Task.score` does: the parameters' names are looked up, and the result awaited."""
    there = {"task": TaskData(**fields), "trace": SimpleNamespace(last_reply=reply), "runtime": None}
    named = {name: there[name] for name in inspect.signature(reward).parameters}
    return asyncio.run(_awaited(reward, named))


async def _awaited(reward: TaskReward, named: dict[str, Any]) -> float:
    return await reward(**named)


def test_verifiers_scores_the_last_reply_against_the_tasks_answer(scorer: Scorer) -> None:
    reward = TaskReward(scorer)
    assert verifiers_call(reward, "It is 42.", idx=0, prompt="6*7?", answer="42", task="math") == 1.0
    assert verifiers_call(reward, "It is 41.", idx=0, prompt="6*7?", reference="42", system_prompt="Be brief.") == 0.0


def test_verifiers_has_its_own_word_for_unscored_which_is_to_raise(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NumberNeeded, match="no reference"):
        verifiers_call(TaskReward(scorer), "ha", prompt="Tell me a joke.")
    assert verifiers_call(TaskReward(scorer, unscored=0.5), "ha", prompt="Tell me a joke.") == 0.5
    monkeypatch.setenv("RAVELAR_UNSCORED", "0.25")
    assert verifiers_call(TaskReward(scorer), "ha", prompt="Tell me a joke.") == 0.25
    monkeypatch.setenv("RAVELAR_UNSCORED", "null")
    with pytest.raises(InputError, match="'error', or a finite number"):
        verifiers_call(TaskReward(scorer), "ha", prompt="Tell me a joke.")


def test_a_field_that_the_task_lacks_is_named(scorer: Scorer) -> None:
    with pytest.raises(InputError, match="no field 'solution'; fields: answer"):
        verifiers_call(TaskReward(scorer, reference="solution"), "x", prompt="p", answer="42")


def test_what_trainers_name_in_their_configuration_is_there() -> None:
    from ravelar.trainers import compute_score, task_reward  # noqa: PLC0415  as a trainer does, by its name

    assert verl_call(compute_score, "It is 42.")["score"] == 1.0
    assert verifiers_call(task_reward, "It is 42.", prompt="6*7?", answer="42") == 1.0
    compute_score._scorer.close()
