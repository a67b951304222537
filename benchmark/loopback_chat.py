"""A chat model on the loopback that says one thing after a fixed latency: what benchmarks measure the rest against.

    with LoopbackChat('{"score": 6}', latency_s=0.05) as url: ...

It runs in a process of its own, so that its cost does not fall on whoever is measured.
"""

import asyncio
import json
import subprocess
import sys
from typing import Self

_CODE = "from ravelar.benchmark.loopback_chat import serve; serve()"


class LoopbackChat:
    """An OpenAI-compatible endpoint that gives every request the same reply.

    Args:
        reply: What it says.
        latency_s: How long each reply takes, in seconds; requests side by side do not wait for one another.
    """

    def __init__(self, reply: str, latency_s: float) -> None:
        self._given = json.dumps({"reply": reply, "latency_s": latency_s})
        self.url = ""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CODE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(self._given + "\n")
        self._process.stdin.flush()
        self.url = self._process.stdout.readline().strip()
        if not self.url:
            raise RuntimeError("the loopback chat model did not start")
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.kill()
        self._process.communicate()


def serve() -> None:
    """Serve until the parent goes; settings come by standard input, the address goes to standard output."""
    from aiohttp import web  # noqa: PLC0415  an extra

    given = json.loads(sys.stdin.readline())
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": given["reply"]}}
    usage = {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150}
    body = {"id": "x", "object": "chat.completion", "created": 0, "model": "loopback", "choices": [choice]}
    data = json.dumps({**body, "usage": usage}).encode()

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        await asyncio.sleep(given["latency_s"])
        return web.Response(body=data, content_type="application/json")

    async def run() -> None:
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_post("/v1/chat/completions", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
        await site.start()
        port = runner.addresses[0][1]
        sys.stdout.write(f"http://127.0.0.1:{port}/v1\n")
        sys.stdout.flush()
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # ends with the parent
        await runner.cleanup()

    asyncio.run(run())
