"""The reward service as a FastAPI application over any backend.

    request -> door (token, length, draining) -> body -> triples -> backend.score -> rewards -> reply

What each route takes and returns stands in `/openapi.json`; docs/service.md says what each refusal means.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any, TypeVar

from fastapi import FastAPI, Request, Response

from ravelar.tools.errors import RavelarError
from ravelar.tools.reward import Reward, Triple
from ravelar.training.adapters import openrlhf, slime
from ravelar.training.service.backend import Closing, Overloaded, ScoreBackend
from ravelar.training.service.door import Door, Gate
from ravelar.training.service.metrics import Metrics
from ravelar.training.service.reading import Refused, check_rows, parse_object, triples_of
from ravelar.training.service.replies import as_json, plain, refusal, rewards_json
from ravelar.training.service.settings import ServiceSettings
from ravelar.training.service.shapes import describe_route

_LARGE = 64 * 1024  # bytes; ours: a longer body is read in a thread, so that others are answered meanwhile

Read = tuple[list[Triple], str | None]
"""The triples of a request, and the tool for all of them, if one is named."""

T = TypeVar("T")


def create_app(
    backend: ScoreBackend, settings: ServiceSettings | None = None, *, metrics: Metrics | None = None
) -> FastAPI:
    """Return the service's application; it closes the backend when it shuts down.

    Its `state.gate` is where a server says that the service is ending (`draining`), and sees how many requests are
    open.

    Args:
        backend: Who scores.
        settings: Limits, the token, and what an unscored completion is to trainers that read numbers.
        metrics: Where to count; None makes a place of its own.
    """
    chosen = settings or ServiceSettings()
    gate = Gate(chosen, metrics or Metrics())
    routes = Routes(backend, chosen, gate)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await backend.health()  # what it must start starts now, not at the first request
        yield
        gate.draining = True
        await backend.close()

    app = FastAPI(
        title="Ravelar reward service", version=version("ravelar"), lifespan=lifespan, docs_url=None, redoc_url=None
    )
    app.state.gate = gate
    app.add_middleware(Door, gate=gate)
    app.add_exception_handler(RavelarError, refuse)
    for path, answer in routes.posts().items():
        app.add_route(path, answer, methods=["POST"])  # answers, without resolving dependencies that it does not have
        app.add_api_route(path, answer, methods=["POST"], **describe_route(path))  # documents it
    for path, answer in routes.gets().items():
        app.add_api_route(path, answer, methods=["GET"], **describe_route(path))
    return app


async def refuse(_request: Request, error: Exception) -> Response:
    """Answer an error of ours: by its own status, or 422 for what is wrong with the request."""
    match error:
        case Refused():
            return refusal(error)
        case Overloaded():
            return refusal(Refused(429, str(error), retry_after_s=error.retry_after_s))
        case Closing():
            return refusal(Refused(503, str(error), retry_after_s=1.0))
        case _:
            return refusal(Refused(422, str(error)))


class Routes:
    """The routes, and what they share.

    Args:
        backend: Who scores.
        settings: Limits and answers.
        gate: Where bodies are read and requests counted.
    """

    def __init__(self, backend: ScoreBackend, settings: ServiceSettings, gate: Gate) -> None:
        self._backend, self._settings, self._gate = backend, settings, gate

    def posts(self) -> Mapping[str, Callable[..., Any]]:
        """Return the routes that score."""
        return {"/score": self.score, "/openrlhf": self.openrlhf, "/slime": self.slime}

    def gets(self) -> Mapping[str, Callable[..., Any]]:
        """Return the routes that tell."""
        return {"/tools": self.tools, "/health": self.health, "/ready": self.ready, "/metrics": self.metrics}

    async def score(self, request: Request) -> Response:
        """Score completions, each with the tool that fits it."""
        return await self._answer(request, lambda body: triples_of(body, self._settings), rewards_json)

    async def openrlhf(self, request: Request) -> Response:
        """Score what OpenRLHF sends, and answer as it reads."""

        def read(body: dict[str, Any]) -> Read:
            check_rows(len(queries) if isinstance(queries := body.get("query"), list) else 0, self._settings)
            return openrlhf.to_triples(body), None

        def render(rewards: list[Reward]) -> bytes:
            return as_json(openrlhf.from_rewards(rewards, unscored=self._settings.unscored))

        return await self._answer(request, read, render)

    async def slime(self, request: Request) -> Response:
        """Score what slime sends, and answer with a number."""

        def render(rewards: list[Reward]) -> bytes:
            return as_json(slime.from_reward(rewards[0], unscored=self._settings.unscored))

        return await self._answer(request, lambda body: ([slime.to_triple(body)], None), render)

    async def _answer(
        self,
        request: Request,
        read: Callable[[dict[str, Any]], Read],
        render: Callable[[list[Reward]], bytes],
    ) -> Response:
        bodies = self._gate.bodies
        body = await bodies.read(request.receive)
        try:
            large = len(body) > _LARGE
            triples, tool = await _apart(large, lambda: read(parse_object(body, self._settings)))
            rewards = await self._backend.score(triples, tool=tool) if triples else []
            self._gate.metrics.scored(rewards)
            return Response(await _apart(large, lambda: render(rewards)), media_type="application/json")
        except asyncio.CancelledError:
            if not self._gate.abandoned:
                raise
            raise Refused(503, "the service ended before this was scored", retry_after_s=1.0) from None
        finally:
            bodies.release(body)

    async def tools(self) -> Response:
        """Return the cards of the tools there are."""
        cards = [plain(card.model_dump(mode="json")) for card in self._backend.tools()]
        return Response(as_json({"tools": cards}), media_type="application/json")

    async def health(self) -> Response:
        """Say how the service is."""
        return Response(as_json(plain(await self._health())), media_type="application/json")

    async def ready(self) -> Response:
        """Say by the status whether the service takes requests."""
        health = await self._health()
        return Response(as_json(plain(health)), 200 if health["ready"] else 503, media_type="application/json")

    async def metrics(self) -> Response:
        """Return what was counted, as Prometheus reads it."""
        gate = self._gate
        text = gate.metrics.text(
            open_requests=gate.open_requests, held_bytes=gate.bodies.held, health=await self._backend.health()
        )
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    async def _health(self) -> dict[str, Any]:
        backend = await self._backend.health()
        ready = bool(backend.get("ready", True)) and not self._gate.draining
        return {**backend, "ready": ready, "draining": self._gate.draining, "open_requests": self._gate.open_requests}


async def _apart(large: bool, work: Callable[[], T]) -> T:
    """Do a piece of work: a large one in a thread."""
    return await asyncio.to_thread(work) if large else work()
