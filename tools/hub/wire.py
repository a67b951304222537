"""HTTP to the Hub with an end to it: limits on time, bytes and repeats, whatever the other side does.

`huggingface_hub.HfApi` lists without any time limit, reads answers of any length, and shares one session with
everything else in the process; so requests go over a client of our own, with its headers, names and error codes.
A read timeout alone does not end a request either: a server that sends a byte every few seconds keeps it alive.
So a timer shuts the sockets when a request's time is over.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from ravelar.tools.errors import HubUnreachable

if TYPE_CHECKING:
    import httpx

MOST_REDIRECTS = 5
Params = Sequence[tuple[str, str]]


class Wire:
    """One pool of connections. Requests of several threads take turns.

    Args:
        headers: Sent with every request; authorisation does not follow a redirect to another host.
        timeout_s: Most seconds from a request to the last byte of its answer, unless said otherwise.
        retries: How often a request is repeated after no answer, a server error or a rate limit.
        most_wait_s: The longest Retry-After that is waited for; a longer one ends the request at once.
        sleep: Waits so many seconds.
    """

    def __init__(
        self,
        headers: Mapping[str, str],
        *,
        timeout_s: float,
        retries: int,
        most_wait_s: float,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        import httpx  # noqa: PLC0415  120 ms, not for those who only name the class

        self.timeout_s, self.retries, self.most_wait_s, self._sleep = timeout_s, retries, most_wait_s, sleep
        try:
            self._client = httpx.Client(
                headers={"Accept-Encoding": "identity", **headers},
                timeout=timeout_s,
                follow_redirects=True,
                max_redirects=MOST_REDIRECTS,
            )
        except (ImportError, OSError, ValueError, httpx.InvalidURL) as error:  # a proxy or certificate of no use
            raise HubUnreachable(f"no connection can be made with this machine's settings: {said(error)}") from error
        self._turn = threading.RLock()
        self._sockets: list[socket.socket] = []

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def read(
        self, url: str, *, params: Params = (), headers: Mapping[str, str] | None = None, most_bytes: int
    ) -> "Answer":
        """GET an answer of at most so many bytes; retry what may pass. Longer ones are cut, and say so.

        Raises:
            HubUnreachable: if there is no answer in time, or only server errors and rate limits.
        """
        for attempt in range(self.retries + 1):
            try:
                with self.open(url, params=params, headers=headers) as response:
                    if not passing(response.status_code):
                        return _read(response, most_bytes)
                    trouble: HubUnreachable = Later(response)
            except HubUnreachable as error:
                trouble = error
            if attempt < self.retries:
                self.rest(trouble, attempt)
        raise HubUnreachable(f"{trouble}; tried {self.retries + 1} times")

    def rest(self, trouble: HubUnreachable, attempt: int) -> None:
        """Wait before a request is repeated: as long as the Hub asks for, else a quarter of a second, then twice that.

        Raises: HubUnreachable: if the Hub asks for a longer wait than is allowed.
        """
        asked = trouble.wait_s if isinstance(trouble, Later) else None
        seconds = 0.25 * 2**attempt if asked is None else asked
        if seconds > self.most_wait_s:
            raise HubUnreachable(f"{trouble}; it asks to wait {seconds:g} s, allowed: {self.most_wait_s:g} s")
        self._sleep(seconds)

    @contextmanager
    def open(
        self, url: str, *, params: Params = (), headers: Mapping[str, str] | None = None, total_s: float | None = None
    ) -> Iterator["httpx.Response"]:
        """GET once, and yield the answer with its body unread; all of it ends within `total_s`.

        Raises:
            HubUnreachable: for whatever goes wrong on the way, also while the body is read.
        """
        import httpx  # noqa: PLC0415

        limit = self.timeout_s if total_s is None else total_s
        late = threading.Event()
        timer = threading.Timer(limit, self._cut, [late])
        timer.daemon = True
        with self._turn:
            timer.start()
            try:
                with self._client.stream(
                    "GET",
                    url,
                    params=list(params) or None,
                    headers=dict(headers or {}),
                    extensions={"trace": lambda event, info: self._seen(event, info, late)},
                ) as response:
                    yield response
                if late.is_set():  # a body without a length looks complete when its socket is shut
                    raise HubUnreachable(f"{url[:200]} can't be had: it took longer than {limit:g} s")
            except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:
                why = f"it took longer than {limit:g} s" if late.is_set() else said(error)
                raise HubUnreachable(f"{url[:200]} can't be had: {why}") from error
            finally:
                timer.cancel()

    def _seen(self, event: str, info: Mapping[str, Any], late: threading.Event) -> None:
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._sockets = [kept for kept in self._sockets if kept.fileno() >= 0]
            self._sockets.append(info["return_value"].get_extra_info("socket"))
            if late.is_set():
                self._cut(late)

    def _cut(self, late: threading.Event) -> None:
        late.set()
        for each in list(self._sockets):
            with suppress(OSError):  # closed by now
                socket.socket.shutdown(each, socket.SHUT_RDWR)


class Later(HubUnreachable):
    """A server error or a rate limit, after which the Hub may ask to wait for so many seconds."""

    def __init__(self, response: "httpx.Response") -> None:
        status = "429, too many requests" if response.status_code == 429 else str(response.status_code)
        super().__init__(f"{response.url.host} answers {status}")
        self.wait_s = asked_to_wait(response.headers)


def passing(status: int) -> bool:
    """Whether a status is that of trouble which may pass."""
    return status >= 500 or status in (408, 429)


class Answer:
    """An answer that was read to its end, or to the limit.

    Attributes:
        status: The status code.
        headers: Its headers, names in any case.
        body: What was read.
        cut: Whether there was more than was allowed.
        url: Where it came from, after redirects.
    """

    def __init__(self, response: "httpx.Response", body: bytes, *, cut: bool) -> None:
        self.status, self.headers, self.url = response.status_code, response.headers, str(response.url)
        self.body, self.cut = body, cut
        self.links = response.links


def _read(response: "httpx.Response", most_bytes: int) -> Answer:
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > most_bytes:
            return Answer(response, bytes(body[:most_bytes]), cut=True)
    return Answer(response, bytes(body), cut=False)


def asked_to_wait(headers: Mapping[str, str]) -> float | None:
    """Read how long an answer asks to wait: Retry-After in seconds or as a date, or the Hub's RateLimit header."""
    from huggingface_hub.utils import parse_ratelimit_headers  # type: ignore[attr-defined]  # noqa: PLC0415

    value = headers.get("Retry-After", "").strip()
    with suppress(ValueError):
        return min(max(float(value), 0.0), 1e9)
    with suppress(ValueError, TypeError):
        return max(parsedate_to_datetime(value).timestamp() - time.time(), 0.0)
    limit = parse_ratelimit_headers(headers)
    return float(limit.reset_in_seconds) if limit is not None and limit.remaining == 0 else None


def said(error: Exception) -> str:
    """Put a foreign error into a few words."""
    text = str(error).strip()
    return f"{text} ({type(error).__name__})" if text else type(error).__name__
