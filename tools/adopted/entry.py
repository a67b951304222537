"""A library entry: a tool that was adopted, with its task, its card, its evidence, and how it is built again."""

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ravelar.tools.card import ToolCard
from ravelar.tools.evidence.trial import Trial
from ravelar.tools.task import TaskSpec


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WrittenRecipe(_Frozen):
    """A verifier's source, run in the sandbox."""

    form: Literal["written"] = "written"
    source: str
    profile: str = "core"
    wall_s: float = 5.0
    cpu_s: float = 2.0


class HubRecipe(_Frozen):
    """A reward model of the Hub at a pinned revision, run in this process.

    Attributes:
        repo: "owner/name".
        revision: The commit, 40 hexadecimal digits.
        adapter: Which adapter of `tools.hub` reads it.
        options: What the adapter needs to know (score index, step reduction, token limit ...).
        remote_code: Whether the repository's own code runs; only ever true where the caller named it.
    """

    form: Literal["hub"] = "hub"
    repo: str = Field(pattern=r"^[^/\s]+/[^/\s]+$")
    revision: str = Field(pattern=r"^[0-9a-f]{40}$")
    adapter: str
    options: Mapping[str, str | int | float | bool] = {}
    remote_code: bool = False


class RemoteRecipe(_Frozen):
    """A reward model behind HTTP.

    Attributes:
        url: Where it is asked.
        protocol: Which dialect it speaks; see `tools.hub.remote`.
        model: The model's name there, if the dialect needs one.
        options: What the dialect needs to know.
    """

    form: Literal["remote"] = "remote"
    url: str
    protocol: str
    model: str | None = None
    options: Mapping[str, str | int | float | bool] = {}


class JudgeRecipe(_Frozen):
    """A language model that judges by a rubric.

    Attributes:
        model: "provider:name", as `init_chat_model` takes it.
        rubric: What it judges by.
        options: Mode, repeats, scale and the hash of the prompt.
    """

    form: Literal["judge"] = "judge"
    model: str
    rubric: str
    options: Mapping[str, str | int | float | bool] = {}


class CompositeRecipe(_Frozen):
    """Other tools of the library, joined after calibration with fixed weights."""

    form: Literal["composite"] = "composite"
    weights: Mapping[str, float]


Recipe = Annotated[
    WrittenRecipe | HubRecipe | RemoteRecipe | JudgeRecipe | CompositeRecipe, Field(discriminator="form")
]


class Entry(_Frozen):
    """One version of an adopted tool.

    Attributes:
        task: What it is for; `task.label` is the tool's name.
        card: What is known of it, calibration and evidence included.
        recipe: How it is built again.
        trial: What it did on the held-out half of the probes.
    """

    task: TaskSpec
    card: ToolCard
    recipe: Recipe
    trial: Trial

    @cached_property
    def version(self) -> str:
        """Name the version by what decides its scores: task, recipe, range, direction and calibration.

        Evidence is left out: whoever measures the same tool again adopts the same version.
        """
        decides = {
            "task": self.task.label,
            "recipe": self.recipe.model_dump(mode="json"),
            "card": self.card.model_dump(mode="json", include={"name", "kind", "low", "high", "direction"}),
            "calibration": None if self.card.calibration is None else _decisive(self.card.calibration),
        }
        text = json.dumps(decides, sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _decisive(calibration: BaseModel) -> dict[str, object]:
    return calibration.model_dump(mode="json", exclude={"n", "probes"})
