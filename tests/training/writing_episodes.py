"""Episodes of programs, and crews that break, for the tests of the writing environment."""

from collections.abc import Callable
from typing import Any

from ravelar.tools.writing.limits import Limits
from ravelar.training.ravel_env import RavelEnvironments, RavelPlanner, RavelWriter
from ravelar.training.writing_env.crew import Assignment, Crew
from ravelar.training.writing_env.programs import Programs, program_crew
from ravelar.training.writing_env.telling import tell_result

BRIEF = {"instruction": "Harbour days, for children.", "sections": 2}


def planner(crew: Crew | None = None, seed: int = 3, **limits: Any) -> RavelPlanner:
    """Return a planner's environment that was reset."""
    made = RavelEnvironments(crew or program_crew(weak=0.0), "planner", Limits(**limits), tell_result)()
    assert isinstance(made, RavelPlanner)
    made.reset(brief=BRIEF, seed=seed)
    return made


def writer(crew: Crew | None = None, seed: int = 3, **limits: Any) -> RavelWriter:
    """Return a writer's environment that was reset."""
    made = RavelEnvironments(crew or program_crew(), "writer", Limits(**limits), tell_result)()
    assert isinstance(made, RavelWriter)
    made.reset(brief=BRIEF, seed=seed)
    return made


def finish(environment: RavelPlanner) -> RavelPlanner:
    """Write the article without a wrong step."""
    environment.outline()
    for name in environment.state["order"]:
        environment.draft(section=name)
        environment.review(section=name)
    environment.finish()
    return environment


def broken_at(role: str, error: Exception) -> Crew:
    """Return a crew of which one member breaks."""

    def breaks(_: Assignment) -> Any:
        raise error

    crew = Programs(weak=0.0).crew()
    members: dict[str, Callable[[Assignment], Any]] = {
        name: getattr(crew, name) for name in ("outliner", "drafter", "reviewer", "refiner")
    }
    return Crew(**{**members, role: breaks})
