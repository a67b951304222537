"""What the service's routes take and return, for `/openapi.json`. Requests are read by `reading.py`, not by these."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ravelar.tools.card import ToolCard


class TripleIn(BaseModel):
    """One completion; further columns travel along to routing and tools (`options`, `json_schema` ...)."""

    model_config = ConfigDict(extra="allow")

    prompt: str | list[dict[str, Any]] = Field(description="Text, or chat messages.")
    completion: str | list[dict[str, Any]] = Field(description="Text, or chat messages.")
    reference: Any = Field(default=None, description="What decides, if anything does: any JSON value.")
    task: str | None = Field(default=None, description="The task's label, which routes it.")
    tool: str | None = Field(default=None, description="The tool to score this one with, instead of routing.")


class ScoreRequest(BaseModel):
    """Completions to be scored."""

    triples: list[TripleIn]
    tool: str | None = Field(default=None, description="Score all of them with this tool instead of routing.")


class RewardOut(BaseModel):
    """What a completion earns."""

    value: float | None = Field(description="In [0, 1], higher is better; null if unscored.")
    tool: str | None = Field(description="The tool that was asked; null if none fits.")
    reason: str | None = Field(description="Why it is unscored, or a remark.")
    raw: float | None = Field(description="The tool's own figure, before calibration.")
    detail: dict[str, Any] | None = Field(description="What the tool kept beside it.")


class ScoreReply(BaseModel):
    """One reward per triple, in order."""

    rewards: list[RewardOut]


class OpenRlhfRequest(BaseModel):
    """What OpenRLHF's remote reward POSTs."""

    query: list[str]
    prompts: list[str]
    labels: list[Any]


class OpenRlhfReply(BaseModel):
    """What it reads."""

    rewards: list[float | None]
    scores: list[float | None]
    extra_logs: dict[str, Any]


class SlimeRequest(BaseModel):
    """What slime's remote reward POSTs."""

    prompt: str | list[dict[str, Any]]
    response: str
    label: Any = None


class ToolsReply(BaseModel):
    """The cards of the tools there are."""

    tools: list[ToolCard]


class Health(BaseModel):
    """What the service says of itself; further fields are the backend's own."""

    model_config = ConfigDict(extra="allow")

    ready: bool
    draining: bool
    open_requests: int


class Problem(BaseModel):
    """Why a request was refused."""

    detail: str


_REFUSALS = {
    400: "The body is no JSON, or no JSON that can be relied on.",
    401: "No token, or a wrong one.",
    408: "The body did not arrive in time.",
    413: "The body, or the batch, is too long.",
    422: "A field is missing, unknown or of a wrong type; a tool of that name is not there.",
    429: "Too much is waiting; Retry-After says when to ask again.",
    503: "The service is ending.",
}
_ROUTES: Mapping[str, tuple[str, type[BaseModel] | None, type[BaseModel] | None]] = {
    "/score": ("Score completions, each with the tool that fits it.", ScoreRequest, ScoreReply),
    "/openrlhf": ("OpenRLHF's --reward.remote_url.", OpenRlhfRequest, OpenRlhfReply),
    "/slime": ("slime's --rm-url: one sample, one number.", SlimeRequest, None),
    "/tools": ("The cards of the tools there are.", None, ToolsReply),
    "/health": ("How the service is; 200 as long as it lives.", None, Health),
    "/ready": ("200 if it takes requests, 503 if it does not (any more).", None, Health),
    "/metrics": ("Counters for Prometheus.", None, None),
}


def describe_route(path: str) -> dict[str, Any]:
    """Return what FastAPI needs to document a route whose handler reads and writes raw bytes."""
    summary, takes, gives = _ROUTES[path]
    responses: dict[int | str, Any] = {200: {"model": gives} if gives else {}}
    if takes is not None:
        responses |= {status: {"model": Problem, "description": text} for status, text in _REFUSALS.items()}
    extra = {}
    if takes is not None:
        schema = takes.model_json_schema()
        schema = _inline(schema, schema.pop("$defs", {}))
        extra = {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
    return {"summary": summary, "responses": responses, "openapi_extra": extra, "response_model": None}


def _inline(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """Return a schema with its references replaced by what they name: these are no components of the document."""
    if isinstance(schema, list):
        return [_inline(part, definitions) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inline(definitions[schema["$ref"].rsplit("/", 1)[-1]], definitions)
    return {key: _inline(part, definitions) for key, part in schema.items()}
