import threading
import time

import pytest

from ravelar.tools.library import Library
from ravelar.tools.reward import Triple
from ravelar.tools.routing import Route
from ravelar.training.acquisition import AcquisitionLimits, AcquisitionOutcome, Acquisitions
from ravelar.training.routed_reward import RoutedReward

ADOPTED = AcquisitionOutcome("made", "adopted", "it passed", "made")


class Acquirer:
    """Remembers what it was asked, and waits for its gate before it answers."""

    def __init__(self, answer=ADOPTED, wait=False):
        self.asked, self.answer, self.gate = [], answer, threading.Event()
        if not wait:
            self.gate.set()

    def __call__(self, label, triples):
        self.asked.append((label, [triple.prompt for triple in triples]))
        assert self.gate.wait(30)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


def prompts(n, *, task="limericks", start=0, text="Write a limerick about the number {}."):
    return [Triple(text.format(i), "x", None, {"task": task} if task else {}) for i in range(start, start + n)]


def ended(acquisitions, n=1):
    """Go on until so many acquisitions have ended, as calls of a trainer do."""
    for _ in range(400):
        acquisitions.go_on()
        if len(acquisitions.ended) >= n:
            return acquisitions.ended
        time.sleep(0.01)
    raise AssertionError(f"only {len(acquisitions.ended)} acquisitions ended")


def test_a_task_is_acquired_once_as_soon_as_enough_prompts_were_met():
    acquirer = Acquirer()
    acquisitions = Acquisitions(acquirer, AcquisitionLimits(least_prompts=4))
    acquisitions.offer(prompts(3))
    acquisitions.offer(prompts(3))  # the same ones again
    acquisitions.go_on()
    assert acquirer.asked == []
    acquisitions.offer(prompts(1, start=3))
    (one,) = ended(acquisitions)
    assert (one.label, one.prompts, one.outcome) == ("limericks", 4, ADOPTED)
    acquisitions.offer(prompts(9, start=10))
    acquisitions.go_on()
    assert len(acquirer.asked) == 1


def test_tasks_follow_one_another():
    acquirer = Acquirer()
    acquisitions = Acquisitions(acquirer, AcquisitionLimits(least_prompts=2))
    acquisitions.offer([*prompts(2), *prompts(2, task="sonnets")])
    assert [one.label for one in ended(acquisitions, 2)] == ["limericks", "sonnets"]


def test_no_more_tasks_are_acquired_than_allowed():
    acquirer = Acquirer()
    acquisitions = Acquisitions(acquirer, AcquisitionLimits(least_prompts=1, most_tasks=2))
    for task in ("one", "two", "three"):
        acquisitions.offer(prompts(1, task=task))
    ended(acquisitions, 2)
    acquisitions.go_on()
    assert acquisitions.under_way is None
    assert len(acquirer.asked) == 2


def test_prompts_without_a_label_are_grouped_by_likeness():
    acquirer = Acquirer()
    acquisitions = Acquisitions(acquirer, AcquisitionLimits(least_prompts=8))
    odd = prompts(4, task=None, text="Prove by induction that {} divides the product of its neighbours.")
    acquisitions.offer([*odd, *prompts(8, task=None)])
    (one,) = ended(acquisitions)
    assert one.label == ""
    assert all("limerick" in prompt for prompt in acquirer.asked[0][1])


def test_a_group_without_a_label_is_recognised_as_tried():
    acquirer = Acquirer()
    acquisitions = Acquisitions(acquirer, AcquisitionLimits(least_prompts=8))
    acquisitions.offer(prompts(8, task=None))
    ended(acquisitions)
    acquisitions.offer(prompts(40, task=None, start=100))
    acquisitions.go_on()
    assert len(acquirer.asked) == 1
    acquisitions.offer(prompts(40, task=None, text="Prove by induction that {} divides the product of its neighbours."))
    ended(acquisitions, 2)
    assert "Prove" in acquirer.asked[1][1][0]


@pytest.mark.parametrize(
    ("answer", "because"),
    [
        (ValueError("no model"), "ValueError: no model"),
        (SystemExit(1), "SystemExit"),
        (None, "TypeError: the acquirer returned NoneType; AcquisitionOutcome is needed"),
    ],
)
def test_an_acquirer_that_fails_is_noted_and_not_asked_again(answer, because):
    acquirer = Acquirer(answer)
    acquisitions = Acquisitions(acquirer, AcquisitionLimits(least_prompts=1))
    acquisitions.offer(prompts(1))
    (one,) = ended(acquisitions)
    assert one.outcome == AcquisitionOutcome(None, "failed", because)
    acquisitions.offer(prompts(1, start=1))
    acquisitions.go_on()
    assert len(acquirer.asked) == 1


def test_an_endless_acquisition_is_given_up_and_blocks_the_next_until_it_ends():
    acquirer = Acquirer(wait=True)
    acquisitions = Acquisitions(acquirer, AcquisitionLimits(least_prompts=1, time_limit_s=0.05))
    acquisitions.offer([*prompts(1), *prompts(1, task="sonnets")])
    (one,) = ended(acquisitions)
    assert one.outcome == AcquisitionOutcome(None, "gave_up", "no end after 0.05 s")
    acquisitions.go_on()
    assert acquisitions.under_way is None
    acquirer.gate.set()
    ended(acquisitions, 2)


def test_waiting_is_bounded_for_an_acquisition_and_not_for_each_call():
    acquirer = Acquirer(wait=True)
    acquisitions = Acquisitions(acquirer, AcquisitionLimits(least_prompts=1, wait_s=0.2))
    acquisitions.offer(prompts(1))
    acquisitions.go_on()
    started = time.monotonic()
    for _ in range(20):
        acquisitions.wait()
    assert 0.2 <= time.monotonic() - started < 2
    acquirer.gate.set()


class Growing:
    """A library source into which an acquirer adopts."""

    def __init__(self, tool):
        self.library, self.tool = Library([]), tool

    def __call__(self):
        return self.library

    def acquire(self, label, triples):
        self.library = Library([self.tool])
        return AcquisitionOutcome(self.tool.card.name, "adopted", "", label)


def rules(prompt, reference, metadata):
    return Route("limericks", "") if "limerick" in prompt else Route(None, "no limerick")


def reward_over(growing, **limits):
    return RoutedReward(
        library=growing,
        on_unknown="acquire",
        acquirer=growing.acquire,
        acquisition=AcquisitionLimits(least_prompts=2, **limits),
    )


def test_training_goes_on_unscored_and_the_tool_is_used_once_it_is_there(fake_tool):
    growing = Growing(fake_tool("limericks", lambda t: 0.5))
    reward = reward_over(growing)
    columns = {"task": ["limericks"] * 2}
    assert reward(["a limerick", "another limerick"], ["x", "y"], **columns) == [None, None]
    for _ in range(200):
        values = reward(["a limerick", "another limerick"], ["x", "y"], **columns)
        if values == [0.5, 0.5]:
            break
        time.sleep(0.01)
    assert values == [0.5, 0.5]
    assert [one.outcome.end for one in reward.acquisitions] == ["adopted"]


def test_where_waiting_is_allowed_the_same_batch_is_scored(fake_tool):
    growing = Growing(fake_tool("limericks", lambda t: 0.5))
    reward = reward_over(growing, wait_s=20)
    assert reward(["a limerick", "another limerick"], ["x", "y"], task=["limericks"] * 2) == [0.5, 0.5]


def test_queries_with_a_tool_do_not_wait(fake_tool):
    growing = Growing(fake_tool("limericks"))
    growing.library = Library([growing.tool])
    reward = reward_over(growing, wait_s=20)
    assert reward(["a limerick"], ["x"], task=["limericks"]) == [1.0]
    assert reward.acquisitions == []
