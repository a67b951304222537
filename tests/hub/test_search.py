"""Searching: a union of queries, in an order that does not change, that survives queries that fail."""

import pytest

from ravelar.tools.errors import HubUnreachable, InputError
from ravelar.tools.hub.client import HubClient
from ravelar.tools.hub.search import queries, search


def test_models_are_found_by_tag_pipeline_architecture_data_and_name(hub, client, reward_model_files) -> None:
    plain = {"architectures": ["LlamaForCausalLM"]}
    hub.add("a/by-tag", reward_model_files(plain), tags=["RLHF"])
    hub.add("b/math-pipeline", reward_model_files(plain), pipeline_tag="text-ranking")
    hub.add("c/math-reward-lm", reward_model_files(plain), pipeline_tag="text-generation")
    hub.add("d/math-reward-untagged", reward_model_files({"architectures": ["Qwen2ForRewardModel"]}))
    hub.add("e/trained", reward_model_files(readme="---\ndatasets:\n- nvidia/HelpSteer2\n---\n"))
    hub.add("f/math-chat", reward_model_files(plain), pipeline_tag="text-generation", tags=["chat"])
    found = {each.repo: each.ways for each in search(client(hub), ["math"], limit=50)}
    assert found["a/by-tag"] == ("tag RLHF",)
    assert found["b/math-pipeline"] == ("pipeline text-ranking",)
    assert found["c/math-reward-lm"] == ("name",)
    assert set(found["d/math-reward-untagged"]) == {"architecture Qwen2ForRewardModel", "name"}
    assert "trained on nvidia/HelpSteer2" in found["e/trained"]
    assert "f/math-chat" not in found


def test_the_order_is_rewards_then_words_then_ways_then_downloads_then_name(hub, client, reward_model_files) -> None:
    hub.add("a/popular", reward_model_files(), tags=["reward-model"], downloads=9_000)
    hub.add("b/twice", reward_model_files(), tags=["reward-model", "RLHF"], downloads=5)
    hub.add("c/same", reward_model_files(), tags=["reward-model"], downloads=7)
    hub.add("d/same", reward_model_files(), tags=["reward-model"], downloads=7)
    hub.add("z/haiku", reward_model_files(), tags=["reward-model"], downloads=1)
    hub.add("a/haiku-sentiment", reward_model_files(), pipeline_tag="text-classification", downloads=10**6)
    first = search(client(hub), ["haiku"], limit=10)
    assert [each.repo for each in first] == ["z/haiku", "b/twice", "a/popular", "c/same", "d/same", "a/haiku-sentiment"]
    assert first == search(client(hub), ["haiku"], limit=10)
    assert first.found[0].terms == 1


def test_a_model_found_often_stands_once_and_the_limit_holds(hub, client, reward_model_files) -> None:
    for n in range(7):
        hub.add(f"a/reward-{n}", reward_model_files(), tags=["reward-model", "reward_model", "RLHF"], downloads=n)
    found = search(client(hub), [], limit=3)
    assert [each.repo for each in found] == ["a/reward-6", "a/reward-5", "a/reward-4"]


def test_pages_are_followed(hub_server, client, reward_model_files) -> None:
    with hub_server(page_size=2) as hub:
        for n in range(5):
            hub.add(f"a/reward-{n}", reward_model_files(), tags=["reward-model"])
        assert len(search(client(hub), [], limit=10)) == 5
        pages = [dict(asked.query).get("cursor") for asked in hub.requests if ("filter", "reward-model") in asked.query]
    assert pages == [None, "2", "4"]


def test_a_next_page_on_another_host_is_not_asked_for(hub, hub_server, client, reward_model_files) -> None:
    hub.add("a/judge", reward_model_files(), tags=["reward-model"])
    with hub_server() as elsewhere:
        hub.next_page = f"{elsewhere.url}/api/models?cursor=1"
        with pytest.raises(HubUnreachable, match="next page of models is at 'http://127"):
            client(hub, token="hf_secret").models([], most=10)
        assert not elsewhere.requests


def test_the_number_of_queries_is_bounded_and_what_was_left_out_is_said(hub, client) -> None:
    found = search(client(hub), ["alpha", "beta", "gamma", "delta"], limit=5, max_queries=4)
    assert (found.queries, len(hub.requests)) == (4, 4)
    assert "the word 'delta'" in found.unasked
    assert len(found.unasked) == 1 + len(queries(["alpha", "beta", "gamma"])) - 4
    assert dict(hub.requests[0].query)["search"] == "alpha"


def test_a_failing_query_is_reported_and_costs_only_its_own_finds(hub, client, reward_model_files) -> None:
    hub.add("a/judge", reward_model_files(), tags=["reward-model"], pipeline_tag="text-classification")
    hub.fault("/api/models", "garbage", times=1)
    hub.fault("/api/models", "error", times=3)
    found = search(client(hub), ["judge"], limit=5)
    assert [each.repo for each in found] == ["a/judge"]
    assert [name for name, _ in found.failures] == [
        "search judge, filter reward-model",
        "search judge, filter reward_model",
    ]
    assert "no JSON" in found.failures[0][1]
    assert "answers 500; tried 3 times" in found.failures[1][1]


def test_when_every_query_fails_the_hub_is_unreachable_after_three(hub, client) -> None:
    hub.fault("/api/models", "replaced", body=b'{"error": "no list"}')
    with pytest.raises(HubUnreachable, match=r"3 of 3 queries failed; the first .*is dict; allowed: a list"):
        search(client(hub), ["a", "b"], limit=5)
    assert len(hub.requests) == 3


def test_a_hub_that_goes_down_halfway_is_not_asked_to_the_end(hub, client, reward_model_files) -> None:
    hub.add("a/judge", reward_model_files(), tags=["reward-model"])
    asking = client(hub, retries=0)
    asking.models([], most=1)
    planned = len(queries(["judge"]))
    hub.fault("/api/models", "slow", times=1, seconds=0)
    hub.fault("/api/models", "down")
    found = search(asking, ["judge"], limit=5)
    assert [each.repo for each in found] == ["a/judge"]
    assert (found.queries, len(found.failures), len(found.unasked)) == (4, 3, planned - 4)


def test_rows_that_are_no_models_are_passed_over(hub, client) -> None:
    rows = b'[1, null, {"id": "../../etc/passwd"}, {"id": 5}, {"id": "a/..b"}, {"id": "a/reward", "tags": {"x": 1}, '
    rows += b'"config": [], "downloads": "many", "likes": -4, "pipeline_tag": 7, "gated": "auto"}]'
    hub.fault("/api/models", "replaced", body=rows)
    (found,) = search(client(hub), [], limit=5)
    assert (found.repo, found.downloads, found.likes, found.gated, found.pipeline_tag) == ("a/reward", 0, 0, True, None)


@pytest.mark.parametrize("limits", [{"limit": 0}, {"limit": 1, "max_queries": 0}])
def test_limits_below_one_are_wrong_input(limits) -> None:
    with pytest.raises(InputError, match="allowed: 1 or more"):
        search(HubClient(endpoint="http://127.0.0.1:1"), [], **limits)


def test_when_the_time_is_over_nothing_more_is_asked(hub, client) -> None:
    found = search(client(hub), ["judge"], limit=5, max_s=-1)
    assert (found.found, found.queries, len(found.unasked)) == ((), 0, len(queries(["judge"])))
    assert not hub.requests
