"""What the reward service is measured against: two plain FastAPI functions that call the same verifier.

Run as `python -m uvicorn ravelar.benchmark.plain_service:app`. They take and return as little as may be, know one
tool, and have no limits, no token, no metrics and nothing that outlives a hanging verifier.
"""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from ravelar.tools.reward import Triple
from ravelar.tools.scoring import score_or_abstain
from ravelar.tools.verifiers.math_answer import MathAnswer


class Row(BaseModel):
    """One completion."""

    prompt: str
    completion: str
    reference: Any = None


class Request(BaseModel):
    """Completions to be scored."""

    triples: list[Row]


class Reply(BaseModel):
    """Their values, in order."""

    values: list[float | None]


app = FastAPI()
_TOOL = MathAnswer()


def _score(request: Request) -> Reply:
    triples = [Triple(row.prompt, row.completion, row.reference) for row in request.triples]
    return Reply(values=[reward.value for reward in score_or_abstain(_TOOL, triples)])


@app.post("/def")
def in_a_thread(request: Request) -> Reply:
    """Score in a thread, as FastAPI runs a function that may block."""
    return _score(request)


@app.post("/async")
async def on_the_loop(request: Request) -> Reply:
    """Score on the event loop: the quickest there is, and nobody else is answered meanwhile."""
    return _score(request)
