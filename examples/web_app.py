"""Ravelar in a web application of your own: rewards for a batch, and an article's events while it is written.

    pip install 'ravelar[serve]'
    uvicorn --app-dir examples web_app:app        # MODEL=openai:gpt-5-mini for a real writer, not a replay

    curl http://127.0.0.1:8000/score --json '[{"prompt": "6 * 7?", "completion": "It is 42.", "reference": 42}]'
    curl -N http://127.0.0.1:8000/write --json '{"instruction": "Write about tides."}'

`ravelar serve` is the finished reward service, with limits, a token and metrics; this shows how little your own needs.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel

import ravelar

MODEL = os.environ.get("MODEL", "scripted:demo")
app = FastAPI(title="Rewards and articles")


class Order(BaseModel):
    """What is to be written."""

    instruction: str
    words: int | None = None


@app.exception_handler(ravelar.InputError)
async def refuse(_request: Request, error: Exception) -> JSONResponse:
    """Answer 422 with the message, which names the thing, its value, and what is allowed."""
    return JSONResponse({"detail": str(error)}, 422)


@app.post("/score")
async def score(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Score completions, each with the tool that fits; null and a reason where none can say."""
    return [reward.as_row() for reward in await ravelar.ascore(rows)]


@app.post("/write")
async def write(order: Order) -> StreamingResponse:
    """Write an article; each event of the run is sent when it happens, the article with the last one."""
    return StreamingResponse(events(order), media_type="text/event-stream")


async def events(order: Order) -> AsyncIterator[str]:
    """Yield server-sent events; a reader who goes away ends the run at its next event."""
    loop, waiting = asyncio.get_running_loop(), asyncio.Queue[dict[str, Any] | None]()

    def heard(event: dict[str, Any]) -> None:  # in the thread that writes
        loop.call_soon_threadsafe(waiting.put_nowait, event)

    brief = {"words": order.words} if order.words else {}
    run = asyncio.create_task(ravelar.awrite(order.instruction, on_event=heard, model=MODEL, **brief))
    run.add_done_callback(lambda _: waiting.put_nowait(None))
    try:
        while (event := await waiting.get()) is not None:
            yield sent({name: event[name] for name in ("kind", "operation", "section", "score") if name in event})
        yield sent(outcome(run))
    finally:
        run.cancel()


def outcome(run: "asyncio.Task[dict[str, Any]]") -> dict[str, Any]:
    """Return what came of a run: the article and how it ended, or an error of ours with its message."""
    if isinstance(error := run.exception(), ravelar.RavelarError):
        return {"kind": "error", "message": str(error)}
    return {"kind": "result", **{name: run.result()[name] for name in ("end", "because", "article")}}


def sent(data: dict[str, Any]) -> str:
    """Return data as one server-sent event."""
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n"
