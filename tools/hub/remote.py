"""Reward models behind HTTP: vLLM, text-embeddings-inference, or any address that speaks the documented JSON.

What the server fails to say is unscored with the address and what it said; it never becomes a low score.
"""

import json
import math
import os
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import httpx

from ravelar.tools.adopted.entry import RemoteRecipe
from ravelar.tools.card import Provenance, ToolCard
from ravelar.tools.errors import InputError, RewardToolError, ToolCrashed, ToolTimeout, ToolUnavailable, UnknownName
from ravelar.tools.hub.adapters.options import OptionValue
from ravelar.tools.hub.remote_protocols import DIALECTS, as_score, read_remote_options
from ravelar.tools.reward import RawScore, Triple
from ravelar.tools.scoring import describe

MAX_ANSWER_BYTES = 50_000_000  # ours; a thousand scores take some 100 kB
_PASSING = {408, 429, 500, 502, 503, 504}
_OF_ONE = {400, 413, 422}  # one completion of a batch (too long, say) may be what is refused
_PAUSE_S, _MAX_PAUSE_S = 0.25, 10.0


class RemoteRewardModel:
    """A reward model that is asked over HTTP. Threads may share it.

    Args:
        url: The server's address; the dialect's path is added unless it ends with it already.
        protocol: Which dialect it speaks: vllm_classify, vllm_pooling, vllm_score, tei or ravelar.
        model: The model's name there, where the dialect has one.
        card: Its card where it was adopted; None makes one.
        options: See `remote_protocols.RemoteOptions`: direction, timeout_s, retries, batch, concurrency ...

    Raises:
        UnknownName: if there is no such dialect.
        InputError: if the address or an option can't be used.
    """

    def __init__(
        self,
        url: str,
        *,
        protocol: str,
        model: str | None = None,
        card: ToolCard | None = None,
        **options: OptionValue | None,
    ) -> None:
        if protocol not in DIALECTS:
            raise UnknownName("protocol of a remote reward model", protocol, DIALECTS)
        _check_url(url)
        self.options = read_remote_options(options)
        self.url = url
        self.protocol = protocol
        self.model = model
        self._dialect = DIALECTS[protocol]
        self.sleep: Callable[[float], None] = time.sleep  # waits between two tries; a test puts its own here
        self._places = threading.BoundedSemaphore(self.options.concurrency)
        self._client = httpx.Client(timeout=self.options.timeout_s, follow_redirects=False)
        self.card = card or self._make_card()

    @property
    def recipe(self) -> RemoteRecipe:
        """How it is built again; the key's variable is in it, the key is not."""
        said = self.options.model_dump(exclude_defaults=True)
        return RemoteRecipe(url=self.url, protocol=self.protocol, model=self.model, options=said)

    @property
    def endpoint(self) -> str:
        """The address that is asked."""
        base = self.url.rstrip("/") if self._dialect.path else self.url
        return base if base.endswith(self._dialect.path) else base + self._dialect.path

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def score(self, triples: Sequence[Triple]) -> list[RawScore]:
        """Score n triples; return n raw scores in order, an error in the place of each that the server failed."""
        size = self.options.batch if self._dialect.several(self.options) else 1
        parts = [triples[at : at + size] for at in range(0, len(triples), size)]
        if len(parts) <= 1:
            return [raw for part in parts for raw in self._scored(part)]
        with ThreadPoolExecutor(max_workers=min(len(parts), self.options.concurrency)) as threads:
            return [raw for scored in threads.map(self._scored, parts) for raw in scored]

    def _scored(self, triples: Sequence[Triple]) -> Sequence[RawScore]:
        try:
            body = json.dumps(self._dialect.ask(triples, self.model, self.options), default=str).encode()
            with self._places:
                answer = self._answer(body)
            return self._read(answer, len(triples))
        except _Refused as error:
            if error.status in _OF_ONE and len(triples) > 1:
                return [raw for triple in triples for raw in self._scored([triple])]
            return [error] * len(triples)
        except RewardToolError as error:
            return [error] * len(triples)

    def _read(self, answer: bytes, n: int) -> Sequence[RawScore]:
        where = _shown(self.endpoint)
        try:
            values = self._dialect.read(json.loads(answer), self.options)
        except RewardToolError as error:
            raise ToolCrashed(f"{where}: {error}") from error
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
            said = answer[:200].decode(errors="replace")
            raise ToolCrashed(
                f"{where}: the answer can't be read ({describe(error):.100}): {self._safe(said)}"
            ) from error
        if len(values) != n:
            raise ToolCrashed(f"{where} sent {len(values)} scores for {n} completions")
        return [as_score(_placed(value, where), where) for value in values]

    def _answer(self, body: bytes) -> bytes:
        """Ask, again after faults that may pass; the last fault is raised."""
        for attempt in range(self.options.retries + 1):
            try:
                return self._once(body)
            except _Refused as error:
                if error.status not in _PASSING or attempt == self.options.retries:
                    raise
                pause = error.retry_after_s
            except (ToolTimeout, _Unreached):
                if attempt == self.options.retries:
                    raise
                pause = None
            self.sleep(min(_MAX_PAUSE_S, _PAUSE_S * 2**attempt if pause is None else pause))
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _once(self, body: bytes) -> bytes:
        where, until = _shown(self.endpoint), time.monotonic() + self.options.timeout_s
        try:
            with self._client.stream("POST", self.endpoint, content=body, headers=self._headers()) as reply:
                read = bytearray()
                for chunk in reply.iter_bytes():
                    read += chunk
                    if time.monotonic() > until:
                        raise ToolTimeout(f"{where} took longer than {self.options.timeout_s:g} s")
                    if len(read) > MAX_ANSWER_BYTES:
                        raise ToolCrashed(f"{where} sent more than {MAX_ANSWER_BYTES:,} bytes")
        except httpx.TimeoutException as error:
            raise ToolTimeout(f"{where} took longer than {self.options.timeout_s:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise _Unreached(f"{where} can't be reached: {self._safe(describe(error))}") from error
        if reply.status_code != 200:
            said = self._safe(" ".join(bytes(read[:300]).decode(errors="replace").split()))
            raise _Refused(f"{where} answered HTTP {reply.status_code}: {said}", reply)
        return bytes(read)

    def _headers(self) -> Mapping[str, str]:
        headers = {"content-type": "application/json", "accept": "application/json"}
        if self.options.api_key_env is not None:
            key = self._key()
            if key is None:
                raise ToolUnavailable(f"the environment variable {self.options.api_key_env} holds no key")
            headers["authorization"] = f"Bearer {key}"
        return headers

    def _key(self) -> str | None:
        return os.environ.get(self.options.api_key_env or "") or None

    def _safe(self, text: str) -> str:
        """Take the key out of what a server sent back."""
        key = self._key() if self.options.api_key_env else None
        return text.replace(key, "***") if key else text

    def _make_card(self) -> ToolCard:
        low = -math.inf if self.options.low is None else self.options.low
        high = math.inf if self.options.high is None else self.options.high
        parts = urlsplit(self.url)
        name = re.sub(r"[^a-z0-9_.:/-]", "-", f"remote/{parts.netloc}/{self.model or self.protocol}".lower())
        return ToolCard(
            name=name,
            kind="reward_model",
            task="not evaluated yet",
            summary=(
                f"{self.model or 'A reward model'} at {_shown(self.url)} ({self.protocol}); "
                f"{self.options.direction} is better. Which weights answer there is not known here."
            ),
            needs=("prompt",),
            low=low,
            high=high,
            direction=self.options.direction,
            provenance=Provenance(source=_shown(self.url)),
        )


def open_remote(recipe: RemoteRecipe, *, card: ToolCard | None = None) -> RemoteRewardModel:
    """Build a remote reward model from its recipe."""
    options: dict[str, Any] = dict(recipe.options)
    return RemoteRewardModel(recipe.url, protocol=recipe.protocol, model=recipe.model, card=card, **options)


class _Unreached(ToolUnavailable):
    """No answer at all."""


class _Refused(ToolUnavailable):
    """An answer other than 200."""

    def __init__(self, said: str, reply: httpx.Response) -> None:
        super().__init__(said)
        self.status = reply.status_code
        wait = reply.headers.get("retry-after", "")
        self.retry_after_s = float(wait) if re.fullmatch(r"\d{1,6}", wait) else None


def _placed(value: Any, where: str) -> Any:
    """Say of a server's own error where it was."""
    return type(value)(f"{where}: {value}") if isinstance(value, RewardToolError) else value


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(f"{url!r:.200} is no address of a server; http://host:port or https://... is needed")
    if parts.username or parts.password:
        raise InputError(f"{_shown(url)}: a password in the address would be kept with it; name api_key_env instead")


def _shown(url: str) -> str:
    """Return an address without what may be secret in it."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"
