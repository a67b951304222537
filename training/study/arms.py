"""The arms: what a policy is rewarded with, everything else being equal."""

from dataclasses import dataclass
from typing import Any, Literal

from ravelar.tools.completion import Conversation
from ravelar.tools.errors import UnknownName
from ravelar.tools.routing import Route
from ravelar.training.routed_reward import RoutedReward
from ravelar.training.study.kit import POOL, Kit
from ravelar.training.watching import RewardWatch

ArmKind = Literal["routed", "static", "mean", "length", "oracle"]


@dataclass(frozen=True, slots=True)
class Arm:
    """One way of rewarding.

    Attributes:
        name: Its name in rows and tables.
        kind: Routed; one tool everywhere; a mean of all tools; length; the truth.
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
BY_ARM = {arm.name: arm for arm in ARMS}


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


def reward_of(arm: Arm, kit: Kit, *watches: RewardWatch) -> RoutedReward:
    """Return an arm's reward function; all arms go through the same `RoutedReward`."""
    router = kit.router if arm.tool is None else Everywhere(arm.tool)
    return RoutedReward(library=kit.library, router=router, watches=watches, name="reward")
