"""The arms: what a policy is rewarded with, everything else being equal."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ravelar.tools.completion import Conversation
from ravelar.tools.errors import UnknownName
from ravelar.tools.routing import Route, Router
from ravelar.training.routed_reward import RoutedReward
from ravelar.training.study.kit import POOL, Kit
from ravelar.training.watching import RewardWatch

ArmKind = Literal["routed", "static", "mean", "length", "oracle", "ablation"]


@dataclass(frozen=True, slots=True)
class Arm:
    """One way of rewarding.

    Attributes:
        name: Its name in rows and tables.
        kind: Routed; one tool everywhere; a mean of all tools; length; the truth; routed with a part exchanged.
        tool: The tool that scores everything; None where each query is routed.
    """

    name: str
    kind: ArmKind
    tool: str | None


ARMS: tuple[Arm, ...] = (
    Arm("routed", "routed", None),
    *(Arm(f"{name} everywhere", "static", name) for name in POOL),
    Arm("calibrated mean", "mean", "calibrated_mean"),
    Arm("standardised mean", "mean", "standardised_mean"),
    Arm("longer is better", "length", "longer_is_better"),
    Arm("oracle", "oracle", "true_accuracy"),
)
TRUE_READER = Arm("routed, true reader", "ablation", None)
"""No arm of the protocol: routed as ever, but notes are judged by the made reader and not by the model of it."""

BY_ARM = {arm.name: arm for arm in (*ARMS, TRUE_READER)}


def arm_named(name: str) -> Arm:
    """Return the arm of that name.

    Raises:
        UnknownName: if there is none.
    """
    try:
        return BY_ARM[name]
    except KeyError:
        raise UnknownName("arm", name, BY_ARM) from None


@dataclass(frozen=True, slots=True)
class Everywhere:
    """A router that sends every query to one tool."""

    tool: str

    def __call__(self, prompt: Conversation, reference: Any, metadata: Any) -> Route:
        """Return the route to the tool, whatever the query is."""
        return Route(self.tool, "the only tool of this arm")


@dataclass(frozen=True, slots=True)
class Instead:
    """A router that sends to another tool what a router sends to a tool.

    Attributes:
        router: Who routes.
        tools: Name of a tool to the name of the one that takes its place.
    """

    router: Router
    tools: Mapping[str, str]

    def __call__(self, prompt: Conversation, reference: Any, metadata: Mapping[str, Any]) -> Route:
        """Return the router's route, or the one that takes its place."""
        route = self.router(prompt, reference, metadata)
        return route._replace(tool=self.tools.get(str(route.tool), route.tool))


def reward_of(arm: Arm, kit: Kit, *watches: RewardWatch) -> RoutedReward:
    """Return an arm's reward function; all arms go through the same `RoutedReward`."""
    router: Router = kit.router if arm.tool is None else Everywhere(arm.tool)
    if arm.kind == "ablation":
        router = Instead(kit.router, {"thank_you_notes": "true_accuracy"})
    return RoutedReward(library=kit.library, router=router, watches=watches, name="reward")
