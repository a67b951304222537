"""From entries back to tools: built when they first score, and failing alone."""

import pytest

from ravelar.tools.adopted.build import Adopted, Workshop, build_tool, with_adopted
from ravelar.tools.adopted.entry import CompositeRecipe, HubRecipe, JudgeRecipe, RemoteRecipe, WrittenRecipe
from ravelar.tools.calibration import LogisticMap
from ravelar.tools.card import ToolCard
from ravelar.tools.errors import HubUnreachable, InputError, ToolUnavailable
from ravelar.tools.library import Library
from ravelar.tools.reward import Triple
from ravelar.tools.sandbox.unsafe import UnsafeSandbox
from ravelar.tools.scoring import score, score_or_abstain

HALF = "def verify(prompt, completion, reference):\n    return 1.0 if completion == reference else 0.25\n"
HUB = HubRecipe(repo="a/b", revision="0" * 40, adapter="sequence")
TRIPLES = [Triple("?", "yes", "yes"), Triple("?", "no", "yes")]


@pytest.fixture(scope="module")
def sandbox():
    return UnsafeSandbox()


@pytest.fixture
def workshop(sandbox):
    return Workshop(open_sandbox=lambda: sandbox)


def test_a_written_verifier_scores_again_under_its_own_card(workshop, make_entry):
    entry = make_entry(source=HALF)
    tool = build_tool(entry, workshop=workshop)
    assert tool.card == entry.card
    assert [reward.value for reward in score_or_abstain(tool, TRIPLES)] == [1.0, 0.25]
    assert score_or_abstain(tool, TRIPLES)[0].tool == "haiku"


def test_limits_and_profile_come_from_the_recipe(workshop, make_entry):
    slow = WrittenRecipe(source="def verify(p, c, r):\n    while True: pass\n", wall_s=0.5, cpu_s=0.3)
    (reward,) = score_or_abstain(build_tool(make_entry(recipe=slow), workshop=workshop), TRIPLES[:1])
    assert "0.3" in reward.reason or "0.5" in reward.reason


def test_the_entrys_calibration_is_applied_and_the_raw_score_kept(make_entry, fake_tool):
    card = ToolCard(
        name="haiku", kind="reward_model", task="x", summary="x", low=float("-inf"), high=float("inf"),
        calibration=LogisticMap(slope=1.0, intercept=0.0, n=1),
    )  # fmt: skip
    raw = fake_tool("another_name", lambda triple: 0.0, low=-50, high=50)
    tool = build_tool(make_entry(card=card, recipe=HUB), workshop=Workshop(open_hub=lambda recipe: raw))
    (reward,) = score_or_abstain(tool, TRIPLES[:1])
    assert (reward.value, reward.raw, reward.tool) == (0.5, 0.0, "haiku")


@pytest.mark.parametrize(
    ("recipe", "opener"),
    [
        (HUB, "open_hub"),
        (RemoteRecipe(url="http://127.0.0.1:1/score", protocol="json"), "open_remote"),
        (JudgeRecipe(model="openai:x", rubric="Be strict."), "open_judge"),
    ],
)
def test_other_tools_are_opened_by_what_the_caller_gives_with_the_recipe(make_entry, fake_tool, recipe, opener):
    given = []

    def open_it(recipe):
        given.append(recipe)
        return fake_tool()

    tool = build_tool(make_entry(recipe=recipe), workshop=Workshop(**{opener: open_it}))
    assert given == [], "nothing is opened before it scores"
    tool.score(TRIPLES)
    tool.score(TRIPLES)
    assert given == [recipe]
    (reward,) = score_or_abstain(build_tool(make_entry(recipe=recipe), workshop=Workshop()), TRIPLES[:1])
    assert reward.value is None
    assert "not set up" in reward.reason


@pytest.mark.parametrize("error", [HubUnreachable("429"), InputError("bad"), OSError("disk"), MemoryError("much")])
def test_a_tool_that_cannot_be_built_is_unscored_with_the_reason_and_harms_no_other(make_entry, fake_tool, error):
    def fail(recipe):
        raise error

    tool = build_tool(make_entry(recipe=HUB), workshop=Workshop(open_hub=fail))
    library = Library([tool, fake_tool("other")])
    rewards = score([Triple("?", "c", None, {"tool": name}) for name in ("haiku", "other")], library=library)
    assert rewards[0].value is None
    assert f"{type(error).__name__}: {error}" in rewards[0].reason
    assert rewards[1].value == 1.0


def test_building_is_tried_again_after_a_while_and_not_at_every_batch(make_entry, fake_tool):
    now, tries = [0.0], []

    def build():
        tries.append(now[0])
        if len(tries) < 3:
            raise HubUnreachable("down")
        return fake_tool()

    tool = Adopted(make_entry(), build, clock=lambda: now[0])
    for now[0] in (0.0, 10.0, 29.0, 31.0, 40.0):
        with pytest.raises(ToolUnavailable, match="down"):
            tool.score(TRIPLES)
    assert tries == [0.0, 31.0]
    now[0] = 70.0
    assert tool.score(TRIPLES) == [1.0, 1.0]


def test_the_library_holds_the_adopted_tools_in_use(store, workshop, make_entry, fake_tool):
    base = Library([fake_tool("exact")])
    store.adopt(make_entry(source=HALF))
    store.adopt(make_entry("dates"))
    store.retire("dates", "x")
    store.keep_unchecked(make_entry("units"))
    library = with_adopted(base, store, workshop)
    assert library.names == ["exact", "haiku"]
    rewards = score([Triple("?", "no", "yes", {"task": "haiku"})], library=library)
    assert (rewards[0].tool, rewards[0].value) == ("haiku", 0.25)
    assert base.names == ["exact"]


def test_composites_find_their_parts_among_all_tools(store, workshop, make_entry, fake_tool):
    store.adopt(make_entry("both", recipe=CompositeRecipe(weights={"haiku": 1, "exact": 3})))
    store.adopt(make_entry(source=HALF))
    library = with_adopted(Library([fake_tool("exact")]), store, workshop)
    (reward,) = score_or_abstain(library["both"], [Triple("?", "no", "yes")])
    assert reward.value == pytest.approx(0.25 * 0.25 + 0.75)


def test_composites_that_hold_themselves_or_lack_a_part_say_so(store, workshop, make_entry, fake_tool):
    store.adopt(make_entry("one", recipe=CompositeRecipe(weights={"two": 1, "exact": 1})))
    store.adopt(make_entry("two", recipe=CompositeRecipe(weights={"one": 1})))
    store.adopt(make_entry("three", recipe=CompositeRecipe(weights={"gone": 1})))
    library = with_adopted(Library([fake_tool("exact")]), store, workshop)
    for name, said in (("one", "part of itself"), ("two", "part of itself"), ("three", "no reward tool 'gone'")):
        (reward,) = score_or_abstain(library[name], TRIPLES[:1])
        assert reward.value is None
        assert said in reward.reason


def test_an_entry_that_cannot_be_read_is_there_and_says_so(store, workshop, make_entry):
    later = make_entry("dates").model_dump(mode="json") | {"novelty": 1}
    store._shelf.add(("ravelar", "library", "entries"), make_entry("dates").version, later)
    store.adopt(make_entry("dates"))
    store.adopt(make_entry(source=HALF))
    library = with_adopted(Library([]), store, workshop)
    assert score_or_abstain(library["dates"], TRIPLES[:1])[0].value is None
    assert "novelty" in score_or_abstain(library["dates"], TRIPLES[:1])[0].reason
    assert score_or_abstain(library["haiku"], TRIPLES[:1])[0].value == 1.0
