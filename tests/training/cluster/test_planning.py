"""Which deployments there are: the verifiers together, what loads a model by itself."""

import math

import pytest

from ravelar.tools.card import Provenance, ToolCard, ToolKind
from ravelar.tools.errors import InputError, UnknownName
from ravelar.training.service.cluster.planning import Deployment, needed_cpus, plan
from ravelar.training.service.cluster.settings import ClusterSettings, Replicas


def card(name: str, kind: ToolKind, source: str = "built in") -> ToolCard:
    return ToolCard(name=name, kind=kind, task="t", summary="s", provenance=Provenance(source=source))


CARDS = [card("math", "verifier"), card("bleu", "metric"), card("a/rm", "reward_model"), card("judge", "judge")]


def by_name(cards: list[ToolCard], settings: ClusterSettings | None = None, gpus: float = 0) -> dict[str, Deployment]:
    return {one.name: one for one in plan(cards, settings or ClusterSettings(), gpus=gpus)}


def test_verifiers_and_metrics_share_a_deployment_and_all_others_stand_alone() -> None:
    assert {name: one.tools for name, one in by_name(CARDS).items()} == {
        "verifiers": ("math", "bleu"),
        "a-rm": ("a/rm",),
        "judge": ("judge",),
    }


def test_a_reward_model_takes_a_whole_gpu_where_there_are_gpus() -> None:
    there = by_name(CARDS, gpus=2)
    assert (there["a-rm"].replicas.gpus, there["judge"].replicas.gpus, there["verifiers"].replicas.gpus) == (1, 0, 0)
    assert by_name(CARDS, gpus=0)["a-rm"].replicas.gpus == 0


def test_a_reward_model_behind_an_address_takes_no_gpu() -> None:
    there = by_name([card("far", "reward_model", "http://127.0.0.1:8000")], gpus=2)
    assert there["far"].replicas.gpus == 0


def test_a_gpu_that_is_not_there_is_named_before_anything_is_deployed() -> None:
    with pytest.raises(InputError, match=r"a/rm: a replica is to have 0\.5 GPUs, and the cluster has 0"):
        plan(CARDS, ClusterSettings(alone={"a/rm": Replicas(gpus=0.5)}), gpus=0)


def test_a_verifier_named_alone_leaves_the_others() -> None:
    there = by_name(CARDS, ClusterSettings(alone={"math": Replicas(most=9)}))
    assert there["verifiers"].tools == ("bleu",)
    assert (there["math"].tools, there["math"].replicas.most) == (("math",), 9)


def test_a_tool_that_there_is_not_can_not_stand_alone() -> None:
    with pytest.raises(UnknownName, match="no reward tool 'maths'; did you mean 'math'"):
        plan(CARDS, ClusterSettings(alone={"maths": Replicas()}), gpus=0)


def test_names_of_deployments_never_collide() -> None:
    cards = [card(name, "reward_model") for name in ("a/b", "a.b", "routing", "verifiers")]
    names = [one.name for one in plan([*cards, card("math", "verifier")], ClusterSettings(), gpus=0)]
    assert names == ["verifiers", "a-b", "a-b-2", "routing-2", "verifiers-2"]


def test_cores_are_counted_with_the_routing() -> None:
    settings = ClusterSettings(verifiers=Replicas(fewest=2, cpus=1.5), models=Replicas(fewest=3, cpus=1, gpus=None))
    assert needed_cpus(plan(CARDS, settings, gpus=math.inf), settings) == 0.5 + 3 + 3 + 3


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: Replicas(fewest=0), "1 <= fewest <= most"),
        (lambda: Replicas(fewest=5, most=4), "1 <= fewest <= most"),
        (lambda: Replicas(cpus=-1), "cpus is -1"),
        (lambda: ClusterSettings(deaths=0), "deaths is 0"),
        (lambda: ClusterSettings(address="ray://host:10001"), "HOST:PORT or 'auto'"),
    ],
)
def test_settings_that_can_not_be_say_so(made: object, said: str) -> None:
    with pytest.raises(InputError, match=said):
        made()  # type: ignore[operator]
