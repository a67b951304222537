import math
import threading
import time

import numpy as np
import pytest

from ravelar.tools.columns import Columns
from ravelar.tools.errors import InputError, ToolUnavailable, UnknownName
from ravelar.tools.library import Library
from ravelar.tools.routing import Held, Route
from ravelar.training.acquisition import AcquisitionLimits
from ravelar.training.routed_reward import RoutedReward


def raising(error):
    def says(triple):
        raise error

    return says


def test_each_completion_earns_what_its_tool_gives(fake_tool, make, rewards_of):
    reward = make(fake_tool("half", lambda t: 0.5), fake_tool("whole", lambda t: 1))
    assert rewards_of(reward, ["half", "whole", None, "half"]) == [0.5, 1.0, None, 0.5]


def test_rewards_are_plain_floats_or_none(fake_tool, make, rewards_of):
    reward = make(fake_tool("numpy", lambda t: np.float32(0.5)), fake_tool("whole", lambda t: True))
    assert [type(value) for value in rewards_of(reward, ["numpy", "whole", None])] == [float, float, type(None)]


def test_a_tool_gets_one_batch_a_call(fake_tool, make, rewards_of):
    tool, other = fake_tool("tool"), fake_tool("other")
    rewards_of(make(tool, other), ["tool", "other", "tool", "tool"])
    assert [len(batch) for batch in tool.batches] == [3]
    assert [len(batch) for batch in other.batches] == [1]


def test_a_query_is_routed_once_however_many_completions_it_has(fake_tool, make, rewards_of):
    asked = []

    def router(prompt, reference, metadata):
        asked.append((prompt, reference))
        return Route("tool", "")

    reward = make(fake_tool("tool"), router=router)
    prompts = ["one"] * 4 + ["two"] * 4
    for _ in range(3):
        rewards_of(reward, ["x"] * 8, prompts=prompts, reference=[1] * 4 + [2] * 4)
    assert asked == [("one", 1), ("two", 2)]


def test_the_router_never_sees_a_completion(fake_tool, make, rewards_of):
    seen = []

    def router(*query):
        seen.append(query)
        return Route("tool", "")

    rewards_of(make(fake_tool("tool"), router=router), ["x"], completions=["TELL-TALE"], extra=["fine"])
    assert "TELL-TALE" not in repr(seen)
    assert "fine" in repr(seen)


@pytest.mark.slow
def test_sixteen_tools_of_one_second_take_about_one_second(fake_tool, make, rewards_of):
    def slow(triple):
        time.sleep(1)
        return 1.0

    reward = make(*(fake_tool(f"tool_{i}", slow) for i in range(16)))
    started = time.monotonic()
    assert rewards_of(reward, [f"tool_{i}" for i in range(16)]) == [1.0] * 16
    assert time.monotonic() - started < 4  # the order of magnitude: one after another they take sixteen
    assert reward.wall_s < 4


@pytest.mark.parametrize(
    ("says", "why"),
    [
        (lambda t: math.nan, "ToolCrashed"),
        (lambda t: "good", "ToolCrashed"),
        (lambda t: 1 / 0, "ToolCrashed"),
        (raising(SystemExit()), "ToolCrashed"),
        (raising(ToolUnavailable("no worker")), "ToolUnavailable"),
    ],
)
def test_a_tool_that_fails_costs_its_own_rewards_only(fake_tool, make, rewards_of, log, says, why):
    reward = make(fake_tool("failing", says), fake_tool("fine"))
    values = rewards_of(reward, ["failing", "fine", "failing"], log_metric=log.log_metric, log_extra=log.log_extra)
    assert values == [None, 1.0, None]
    assert log.metrics[0][f"routed_reward/why/{why}"] == pytest.approx(2 / 3)
    assert log.columns[0]["routed_reward/reason"][0].startswith(why)


def test_a_tool_that_hangs_costs_its_own_rewards_only(fake_tool, make, rewards_of):
    gate = threading.Event()
    try:
        reward = make(fake_tool("hanging", lambda t: float(gate.wait(30))), fake_tool("fine"), time_limit_s=0.3)
        started = time.monotonic()
        for _ in range(5):
            assert rewards_of(reward, ["hanging", "fine"]) == [None, 1.0]
        assert time.monotonic() - started < 3
        assert reward.stuck == ["hanging"]
        assert reward.tally.tools["hanging"].unscored == {"ToolTimeout": 5}
    finally:
        gate.set()


@pytest.mark.parametrize("router", [lambda *query: 1 / 0, lambda *query: None, lambda *query: Route("missing", "")])
def test_a_router_that_fails_leaves_rows_unscored(fake_tool, make, rewards_of, router):
    reward = make(fake_tool("tool"), router=router)
    assert rewards_of(reward, ["tool", "tool"]) == [None, None]
    assert reward.last.rewards[0].reason.startswith(("the router failed:", "no reward tool 'missing'"))


def test_chat_messages_and_texts_are_both_read(fake_tool, make, rewards_of):
    tool = fake_tool("tool", lambda t: float(t.text == "42" and t.question == "6 * 7?"))
    prompt = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "6 * 7?"}]
    values = rewards_of(
        make(tool),
        ["tool"] * 2,
        completions=["42", [{"role": "assistant", "content": "42"}]],
        prompts=["6 * 7?", prompt],
    )
    assert values == [1.0, 1.0]


def test_columns_become_reference_and_metadata(fake_tool, make, rewards_of):
    tool = fake_tool("tool")
    reward = make(tool, columns=Columns(reference="answer.final"))
    rewards_of(
        reward,
        ["tool"],
        answer=[{"final": 42}],
        options=[["a", "b"]],
        nothing=[None],
        environments=[object()],
        lone="x",
    )
    (triple,) = tool.batches[0]
    assert triple.reference == 42
    assert triple.metadata == {"task": "tool", "answer": {"final": 42}, "options": ["a", "b"]}


@pytest.mark.parametrize("completion", [None, 3, [{"content": "no role"}]])
def test_an_unreadable_row_costs_itself_only(fake_tool, make, rewards_of, completion):
    reward = make(fake_tool("tool"))
    assert rewards_of(reward, ["tool"] * 3, completions=["a", completion, "b"]) == [1.0, None, 1.0]
    assert reward.tally.tools[None].unscored == {"unreadable row": 1}


def test_too_few_prompts_leave_the_rest_unscored(fake_tool, make, rewards_of):
    assert rewards_of(make(fake_tool("tool")), ["tool"] * 2, prompts=["one"]) == [1.0, None]


def test_values_that_are_no_json_do_not_stop_routing(fake_tool, make, rewards_of):
    values = rewards_of(make(fake_tool("tool")), ["tool"] * 2, image=[object(), object()])
    assert values == [1.0, 1.0]


def test_no_completions_are_no_rewards(fake_tool, make, rewards_of):
    assert rewards_of(make(fake_tool("tool")), []) == []


def test_a_log_that_fails_ends_nothing(fake_tool, make, rewards_of, caplog):
    reward = make(fake_tool("tool"))

    def broken(name, value):
        raise RuntimeError("disk full")

    for _ in range(3):
        assert rewards_of(reward, ["tool"], log_metric=broken, log_extra=broken) == [1.0]
    assert [record.message for record in caplog.records] == [
        "the trainer could not log rewards: RuntimeError: disk full"
    ]


def test_the_log_has_the_same_names_at_every_step(fake_tool, make, rewards_of, log, state):
    reward = make(fake_tool("one"), fake_tool("two", lambda t: 0.0 if t.completion == "bad" else math.nan))
    steps = [["one", "two", None], ["one", "one", "one"], [None, "two", "two"], ["one"]]
    for step, tasks in enumerate(steps):
        completions = ["bad"] * len(tasks) if step == 2 else None
        rewards_of(
            reward,
            tasks,
            completions,
            trainer_state=state(step),
            log_metric=log.log_metric,
            log_extra=log.log_extra,
        )
        log.next()
    names = [{name for name in metrics if not name.endswith("/mean")} for metrics in log.metrics[:-1]]
    assert names[0] == names[1] == names[2] == names[3]
    assert all(set(columns) == {"routed_reward/tool", "routed_reward/reason"} for columns in log.columns[:-1])
    for tasks, columns in zip(steps, log.columns[:-1], strict=True):
        assert all(len(values) == len(tasks) for values in columns.values())
        assert {type(value) for values in columns.values() for value in values} == {str}
    assert all(isinstance(value, float) for metrics in log.metrics for value in metrics.values())


def test_the_figures_say_what_happened(fake_tool, make, rewards_of, log):
    reward = make(fake_tool("one", lambda t: 0.5), fake_tool("two", raising(ToolUnavailable("no"))), name="mine")
    rewards_of(reward, ["one", "one", "two", None], log_metric=log.log_metric)
    told = log.metrics[0]
    assert told == reward.figures
    assert {name: value for name, value in told.items() if not name.endswith("wall_s")} == {
        "mine/unscored": 0.5,
        "mine/unknown": 0.25,
        "mine/why/ToolUnavailable": 0.25,
        "mine/why/no_tool": 0.25,
        "mine/one/share": 0.5,
        "mine/one/unscored": 0.0,
        "mine/one/mean": 0.5,
        "mine/two/share": 0.25,
        "mine/two/unscored": 0.25,
    }
    assert told["mine/wall_s"] >= told["mine/one/wall_s"] >= 0


def test_calls_and_figures_add_up(fake_tool, make, rewards_of):
    reward = make(fake_tool("one", lambda t: 0.5))
    rewards_of(reward, ["one", "one"])
    rewards_of(reward, ["one", None])
    assert reward.calls == 2
    assert (reward.tally.tools["one"].n, reward.tally.tools["one"].mean) == (3, 0.5)
    assert reward.wall_s > 0


class Watch:
    def __init__(self, says):
        self.says, self.batches = says, []

    def see(self, batch):
        self.batches.append(batch)
        return self.says(batch)


def test_watches_see_each_batch_and_their_figures_are_logged(fake_tool, make, rewards_of, log, state):
    watch = Watch(lambda batch: {"guard/gap": 0.25, "guard/nothing": math.nan})
    reward = make(fake_tool("tool"), watches=[watch])
    rewards_of(reward, ["tool", None], completions=["a", None], trainer_state=state(7), log_metric=log.log_metric)
    (batch,) = watch.batches
    assert batch.step == 7
    assert [(t.completion, r.value, r.tool) for t, r in zip(batch.triples, batch.rewards, strict=True)] == [
        ("a", 1.0, "tool")
    ]
    assert log.metrics[0]["guard/gap"] == 0.25
    assert "guard/nothing" not in log.metrics[0]


def test_a_watch_that_fails_ends_nothing_and_hides_no_other(fake_tool, make, rewards_of, caplog):
    good = Watch(lambda batch: {"guard/gap": 1})
    reward = make(fake_tool("tool"), watches=[Watch(lambda b: 1 / 0), Watch(lambda b: None), good])
    assert rewards_of(reward, ["tool"]) == [1.0]
    assert rewards_of(reward, ["tool"]) == [1.0]
    assert reward.figures["guard/gap"] == 1.0
    assert len(caplog.records) == 2
    assert reward.last.step == -1


def test_an_unknown_query_falls_back_if_it_may(fake_tool, make, rewards_of):
    reward = make(fake_tool("tool", lambda t: 0.0), fake_tool("other"), on_unknown="fallback:other")
    assert rewards_of(reward, [None, "tool"]) == [1.0, 0.0]
    assert reward.figures["routed_reward/unknown"] == 0.5
    assert reward.figures["routed_reward/unscored"] == 0.0


def test_no_fallback_takes_the_place_of_a_tool_that_was_meant(fake_tool, make, rewards_of):
    suspended = Held(None, "the tool x is suspended")
    reward = make(fake_tool("other"), router=lambda *query: suspended, on_unknown="fallback:other")
    assert rewards_of(reward, ["x"]) == [None]
    named = RoutedReward(library=Library([fake_tool("other")]), on_unknown="fallback:other")
    assert named(["?"], ["a"], tool=["othr"]) == [None]
    assert "did you mean 'other'?" in named.last.rewards[0].reason


def test_a_changed_library_is_used_from_the_next_call_on(fake_tool, rewards_of):
    libraries = [Library([fake_tool("exact", lambda t: 0.0)])]
    reward = RoutedReward(library=lambda: libraries[-1])
    assert rewards_of(reward, ["exact"]) == [0.0]
    before = reward.library_versions
    libraries.append(Library([fake_tool("exact", lambda t: 1.0, high=2.0)]))
    assert rewards_of(reward, ["exact"]) == [0.5]
    assert reward.library_versions != before


def test_a_source_that_makes_everything_anew_changes_nothing_while_versions_are_the_same(fake_tool, rewards_of):
    asked = []

    def router():
        return lambda prompt, reference, metadata: asked.append(prompt) or Route("exact", "")

    reward = RoutedReward(library=lambda: Library([fake_tool("exact")]), router=router)
    before, threads = reward.library, threading.active_count()
    for _ in range(5):
        assert rewards_of(reward, ["exact"]) == [1.0]
    assert reward.library is before
    assert asked == ["a prompt"]
    assert threading.active_count() <= threads + 1


def test_a_library_that_can_no_longer_be_read_stays_as_it_was(fake_tool, rewards_of, caplog):
    library, trouble = Library([fake_tool("exact")]), []

    def source():
        if trouble:
            raise InputError("the disk is gone")
        return library

    reward = RoutedReward(library=source)
    trouble.append(True)
    assert rewards_of(reward, ["exact"]) == [1.0]
    assert "InputError: the disk is gone" in caplog.text


def test_calls_from_several_threads_do_not_mix(fake_tool, make, rewards_of):
    reward = make(fake_tool("tool", lambda t: float(t.completion) / 100))
    wrong = []

    def work(number):
        for _ in range(20):
            if rewards_of(reward, ["tool"] * 3, completions=[str(number)] * 3) != [number / 100] * 3:
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert reward.calls == 120


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"on_unknown": "fallback:tol"}, "no reward tool to fall back to 'tol'; did you mean 'tool'?"),
        ({"on_unknown": "zero"}, "on_unknown is 'zero'; allowed: abstain, acquire, fallback:<tool>"),
        ({"on_unknown": "fallback:"}, "on_unknown is 'fallback:'; allowed"),
        ({"on_unknown": "fallback:<tool>"}, "on_unknown is 'fallback:<tool>'; allowed"),
        ({"on_unknown": None}, "on_unknown is None; allowed"),
        ({"on_unknown": "acquire"}, "on_unknown='acquire' needs an acquirer"),
        ({"acquisition": {"wait_s": 3}}, "acquisition is dict; AcquisitionLimits are needed"),
        ({"time_limit_s": 0}, "time_limit_s is 0; a finite number of seconds above 0 is needed"),
        ({"columns": Columns(prompt="question")}, "prompt: the trainer hands the prompt over as 'prompt'"),
        ({"columns": Columns(reference="completion_ids")}, "reference: 'completion_ids' can't be its column"),
        ({"columns": Columns(reference="")}, "reference: '' can't be its column"),
        ({"columns": {"reference": "answer"}}, "columns is dict"),
        ({"watches": [print]}, "is no watch: a method `see` is needed"),
        ({"name": ""}, "name is ''"),
        ({"library": 3}, "library is int; allowed: a Library, or a callable that opens one"),
        ({"library": lambda: "no"}, "returned str, no Library"),
        ({"router": "rules"}, "router is str; allowed"),
    ],
)
def test_a_wrong_setting_is_told_when_the_object_is_made(fake_tool, make, settings, said):
    with pytest.raises(InputError) as told:
        make(fake_tool("tool"), **settings)
    assert said in str(told.value)


def test_an_unknown_fallback_says_what_there_is(fake_tool, make):
    with pytest.raises(UnknownName, match="known: one, two"):
        make(fake_tool("one"), fake_tool("two"), on_unknown="fallback:three")


def test_the_data_sets_columns_can_be_checked_before_training(fake_tool, make):
    reward = make(fake_tool("tool"), columns=Columns(reference="answer", task="meta.kind"))
    reward.check_columns(["prompt", "answer", "meta"])
    with pytest.raises(InputError, match="reference: the data set has no column 'answer'; columns: 'meta', 'prompt'"):
        reward.check_columns(["prompt", "meta"])
    with pytest.raises(InputError, match="the data set has no column 'prompt'; columns: 'question'"):
        reward.check_columns(["question"])


@pytest.mark.parametrize(
    "limits", [{"least_prompts": 0}, {"least_prompts": 513}, {"time_limit_s": 0}, {"wait_s": -1}, {"most_tasks": 0}]
)
def test_a_wrong_limit_of_acquisition_is_refused(limits):
    with pytest.raises(InputError, match=f"{next(iter(limits))} is {next(iter(limits.values()))}"):
        AcquisitionLimits(**limits)
