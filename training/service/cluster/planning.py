"""Which deployments there are, and which tools each holds: a pure function of cards, settings and GPUs."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ravelar.tools.card import ToolCard
from ravelar.tools.errors import InputError, UnknownName
from ravelar.training.service.cluster.settings import ClusterSettings, Replicas

ROUTING = "routing"
VERIFIERS = "verifiers"
_SHARED_KINDS = ("verifier", "metric")  # cheap, on the CPU; what loads a model or waits for one stands alone


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment of Ray Serve.

    Attributes:
        name: Its name within the application.
        tools: The tools that its replicas hold.
        replicas: How many there may be, and what each takes; `gpus` is a number.
    """

    name: str
    tools: tuple[str, ...]
    replicas: Replicas


def plan(cards: Sequence[ToolCard], settings: ClusterSettings, *, gpus: float) -> list[Deployment]:
    """Return the deployments: the verifiers together, every other tool by itself.

    Args:
        cards: The cards of the tools there are.
        settings: How many replicas each may have, and what they take.
        gpus: How many GPUs the cluster has.

    Raises:
        UnknownName: if the settings name a tool that there is not.
        InputError: if a replica is to have more GPUs than the cluster.
    """
    for name in settings.alone:
        if name not in {card.name for card in cards}:
            raise UnknownName("reward tool", name, [card.name for card in cards])
    together = tuple(card.name for card in cards if shared(card) and card.name not in settings.alone)
    deployments = [Deployment(VERIFIERS, together, _with_gpus(settings.verifiers, None, gpus))] if together else []
    taken = {ROUTING, VERIFIERS}
    for card in cards:
        if card.name not in together:
            replicas = settings.alone.get(card.name, settings.models)
            deployments.append(Deployment(_name(card, taken), (card.name,), _with_gpus(replicas, card, gpus)))
    return deployments


def shared(card: ToolCard) -> bool:
    """Say whether a tool is cheap enough to share a deployment with others."""
    return card.kind in _SHARED_KINDS


def needed_cpus(deployments: Iterable[Deployment], settings: ClusterSettings) -> float:
    """Return the cores that the fewest replicas of all deployments reserve."""
    wanted = [settings.routing, *(one.replicas for one in deployments)]
    return sum(replicas.fewest * replicas.cpus for replicas in wanted)


def _with_gpus(replicas: Replicas, card: ToolCard | None, there: float) -> Replicas:
    wanted = replicas.gpus
    if wanted is None:
        wanted = 1.0 if card is not None and _runs_a_model(card) and there >= 1 else 0.0
    if wanted > there:
        whose = card.name if card else VERIFIERS
        raise InputError(f"{whose}: a replica is to have {wanted:g} GPUs, and the cluster has {there:g}")
    return Replicas(fewest=replicas.fewest, most=replicas.most, cpus=replicas.cpus, gpus=wanted, busy=replicas.busy)


def _runs_a_model(card: ToolCard) -> bool:
    """Say whether the tool loads a reward model itself, and does not ask one behind an address."""
    return card.kind == "reward_model" and not card.provenance.source.startswith(("http://", "https://"))


def _name(card: ToolCard, taken: set[str]) -> str:
    """Make a name for a tool's deployment of letters, digits, "-" and "_", unlike all others."""
    base = name = re.sub(r"[^a-z0-9_-]", "-", card.name)
    count = 2
    while name in taken:
        name, count = f"{base}-{count}", count + 1
    taken.add(name)
    return name
