"""What is settled before the first call: which model does what, whether it can be paid for, and what run this is."""

from collections.abc import Mapping
from dataclasses import asdict

from ravelar.graphs.ravel_open import prices_of
from ravelar.graphs.ravel_parts import Parts
from ravelar.graphs.ravel_run import Run
from ravelar.graphs.ravel_state import ROLES, RavelContext, Role
from ravelar.tools.chat.failures import model_name
from ravelar.tools.errors import InputError
from ravelar.tools.writing.prices import FREE
from ravelar.tools.writing.replay import run_of
from ravelar.tools.writing.state import Brief, ProtocolName

_UNASKED: Mapping[ProtocolName, frozenset[Role]] = {
    "autonomous": frozenset(),
    "fixed": frozenset({"planner"}),
    "no_review": frozenset({"planner", "reviewer", "refiner"}),
    "no_refine": frozenset({"planner", "refiner"}),
}


def check_models(parts: Parts, context: RavelContext) -> dict[str, str]:
    """Return the names of the models by the roles that the protocol asks.

    Raises:
        ModelUnavailable: if a role has none, or it can't be opened.
        InputError: if money is limited and a model's price is not known.
    """
    roles = [role for role in ROLES if role not in _UNASKED[context.protocol]]
    models: dict[str, str] = {role: model_name(parts.chat_of(context, role)) for role in roles}
    if context.max_cost is not None:
        prices = prices_of(context)
        if unknown := sorted({name for name in models.values() if prices.find(name) is None}):
            raise InputError(
                f"max_cost {context.max_cost}: no price is known of {', '.join(unknown)}; give prices=FILE"
            )
    return models


def tell_run(run: Run, brief: Brief, models: Mapping[str, str]) -> str:
    """Write down what run this is; return its name.

    A process may have been killed after that and before anything else: then the name is there already.

    Raises: InputError: if the log is of another run.
    """
    protocol = run.context.protocol
    if there := run.open.log.events:
        first = run_of(there)
        same = (first["brief"], first["protocol"]) == (brief, protocol)
        if not same or any(event["kind"] not in {"run", "resumed"} for event in there):
            raise InputError(f"the event log {run.open.log.path} holds another run: {first['run']}")
        return str(first["run"])
    replay = any(name.partition(":")[0] in FREE for name in models.values())
    told = {"limits": asdict(run.limits), "models": dict(models), "replay": replay}
    run.note("run", run=run.state["run"], brief=brief, protocol=protocol, **told, version=_version())
    return run.state["run"]


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415  read once a run

    try:
        return version("ravelar")
    except PackageNotFoundError:
        return "unknown"
