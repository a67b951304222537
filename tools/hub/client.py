"""The Hub as we ask it: models listed, one model's info, its files, parts of them. Every failure is a `HubError`."""

import hashlib
import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, urlsplit

from ravelar.tools.errors import HubUnreachable, InputError, RepositoryLied, RepositoryRefused
from ravelar.tools.hub.facts import HubFile
from ravelar.tools.hub.wire import Answer, Later, Params, Wire, passing

if TYPE_CHECKING:
    import httpx

HUB = "https://huggingface.co"
REPO = re.compile(r"(?!.*\.\.)[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9_][\w.-]{0,95}", re.ASCII)
COMMIT = re.compile(r"[0-9a-f]{40}")
MOST_JSON = 32_000_000  # ours: the info of a repository with 10,000 files is about 3 MB
MOST_PAGES = 20


class HubClient:
    """Asks one Hub. Nothing is imported, read or asked before the first request.

    Args:
        endpoint: Its address; else HF_ENDPOINT, else the public Hub.
        token: For gated and private repositories; else HF_TOKEN or the stored login; "" sends none.
        timeout_s: Most seconds for one try of a request, its last byte included.
        retries: How often a request is repeated that got no answer, a server error or a rate limit.
        cache_dir: Where downloads are kept; else RAVELAR_CACHE, else ~/.cache/ravelar/hub.
        most_wait_s: The longest pause that a rate limit may ask for.
        sleep: Waits so many seconds.

    Raises:
        InputError: if the endpoint is no http address.
    """

    def __init__(  # noqa: PLR0913  settings, all by keyword but the first two
        self,
        endpoint: str | None = None,
        token: str | None = None,
        *,
        timeout_s: float = 10.0,
        retries: int = 2,
        cache_dir: Path | None = None,
        most_wait_s: float = 30.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.endpoint = (endpoint or os.environ.get("HF_ENDPOINT") or HUB).rstrip("/")
        scheme, host = _origin(self.endpoint)
        if scheme not in ("http", "https") or not host:
            raise InputError(f"the Hub's endpoint is {self.endpoint!r}; allowed: an http or https address")
        self.cache_dir = cache_dir or Path(os.environ.get("RAVELAR_CACHE", "~/.cache/ravelar")).expanduser() / "hub"
        self.timeout_s, self.retries = timeout_s, retries
        self._token, self._most_wait_s, self._sleep = token, most_wait_s, sleep
        self._opened: Wire | None = None
        self._opening = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        with self._opening:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    @property
    def wire(self) -> Wire:
        """The connections.

        Raises: HubUnreachable: in huggingface_hub's offline mode (HF_HUB_OFFLINE=1).
        """
        for switch in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
            if os.environ.get(switch, "").upper() in ("1", "ON", "YES", "TRUE"):
                raise HubUnreachable(f"offline mode: {switch} is set, so the Hub is not asked")
        with self._opening:
            if self._opened is None:
                from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # noqa: PLC0415  0.2 s

                token = False if self._token == "" else self._token
                headers = build_hf_headers(token=token, library_name="ravelar")
                self._opened = Wire(
                    headers,
                    timeout_s=self.timeout_s,
                    retries=self.retries,
                    most_wait_s=self._most_wait_s,
                    sleep=self._sleep,
                )
            return self._opened

    def models(self, params: Params, *, most: int) -> list[dict[str, Any]]:
        """List models by `/api/models`, following pages until there are `most`.

        Raises: HubUnreachable: if a page can't be had, or is no list.
        """
        found: list[dict[str, Any]] = []
        url, asked = f"{self.endpoint}/api/models", params
        for _ in range(MOST_PAGES):
            answer = self._checked(self.wire.read(url, params=asked, most_bytes=MOST_JSON), "the list of models")
            rows = parsed(answer, "the list of models")
            if not isinstance(rows, list):
                raise HubUnreachable(f"the list of models is {type(rows).__name__}; allowed: a list")
            found += [row for row in rows if isinstance(row, dict)]
            url, asked = answer.links.get("next", {}).get("url", ""), ()
            if len(found) >= most or not url:
                break
            if _origin(url) != _origin(self.endpoint):  # the token would go there
                raise HubUnreachable(f"the next page of models is at {url[:200]!r}, not at {self.endpoint}")
        return found[:most]

    def info(self, repo: str, revision: str | None = None) -> dict[str, Any]:
        """Ask what the Hub knows of a model at a revision (`main` by default), its files' sizes and hashes included.

        Raises:
            InputError: if the name is none.
            RepositoryRefused: if there is no such repository or revision, or the Hub does not let us in.
            RepositoryLied: if the answer is no mapping, or of another repository.
            HubUnreachable: if there is no answer.
        """
        checked_name(repo)
        url = f"{self.endpoint}/api/models/{repo}/revision/{quote(revision or 'main', safe='')}"
        about = f"{repo} at {revision or 'main'}"
        answer = self._checked(self.wire.read(url, params=[("blobs", "true")], most_bytes=MOST_JSON), about)
        value = parsed(answer, about)
        if not isinstance(value, dict):
            raise RepositoryLied(f"{repo}: its description is {type(value).__name__}; allowed: a mapping")
        return value

    def file(self, repo: str, revision: str, file: HubFile, *, most_bytes: int) -> bytes:
        """Fetch a small file and check it against what the Hub said of it.

        Raises:
            RepositoryRefused: if it is too long, or the repository is gated.
            RepositoryLied: if it is missing, or not what was said.
            HubUnreachable: if there is no answer.
        """
        if file.size > most_bytes:
            raise RepositoryRefused(f"{repo}: {file.path} has {file.size:,} bytes; allowed: {most_bytes:,}")
        about = f"{repo}: {file.path}"
        answer = self._checked(self.wire.read(self.url(repo, revision, file.path), most_bytes=file.size), about)
        if answer.cut or len(answer.body) != file.size:
            more = "more" if answer.cut else f"{len(answer.body):,}"
            raise RepositoryLied(f"{about} has {more} bytes; the Hub said {file.size:,}")
        check_content(about, file, answer.body)
        return answer.body

    def part(self, repo: str, revision: str, file: HubFile, first: int, last: int) -> bytes:
        """Fetch the bytes from `first` to `last`, both included, or to the end of the file.

        Raises: as `file` does.
        """
        about = f"{repo}: bytes {first:,} to {last:,} of {file.path}"
        wanted = min(last, file.size - 1) - first + 1
        answer = self._checked(
            self.wire.read(
                self.url(repo, revision, file.path), headers={"Range": f"bytes={first}-{last}"}, most_bytes=wanted
            ),
            about,
        )
        if answer.status != 206 and first > 0:
            raise RepositoryLied(f"{about}: the server sends the whole file (status {answer.status}); allowed: 206")
        if len(answer.body) != wanted:
            raise RepositoryLied(f"{about}: {len(answer.body):,} bytes came; the Hub said {wanted:,}")
        return answer.body

    @contextmanager
    def stream(
        self, repo: str, revision: str, file: HubFile, *, start: int, total_s: float
    ) -> Iterator["httpx.Response"]:
        """Open a file from byte `start` on, once and without retries.

        Raises: as `file` does; HubUnreachable for a server error or a rate limit.
        """
        headers = {"Range": f"bytes={start}-"} if start else {}
        with self.wire.open(self.url(repo, revision, file.path), headers=headers, total_s=total_s) as response:
            if passing(response.status_code):
                raise Later(response)
            self._checked(Answer(response, b"", cut=True), f"{repo}: {file.path}")
            yield response

    def url(self, repo: str, revision: str, path: str) -> str:
        """Return a file's address."""
        return f"{self.endpoint}/{repo}/resolve/{quote(revision, safe='')}/{quote(path)}"

    def _checked(self, answer: Answer, about: str) -> Answer:
        if answer.status < 300:
            return answer
        code, message = answer.headers.get("X-Error-Code", ""), answer.headers.get("X-Error-Message", "")[:200]
        if code == "GatedRepo":
            raise RepositoryRefused(f"{about} is gated: its owner must grant access to the token's user first")
        if message == "Access to this resource is disabled.":
            raise RepositoryRefused(f"{about} is disabled by the Hub")
        if code == "RevisionNotFound":
            raise RepositoryRefused(f"{about}: there is no such revision; allowed: a branch, a tag or a commit")
        if code == "EntryNotFound":
            raise RepositoryLied(f"{about}: the Hub lists the file, but does not have it")
        if code == "RepoNotFound":
            raise RepositoryRefused(f"{about}: no such repository, or it is private and the token does not open it")
        if answer.status == 416:
            raise RepositoryLied(f"{about}: the file ends before that, so it is shorter than the Hub said")
        raise HubUnreachable(f"{about}: {self.endpoint} answers {answer.status} {message}".rstrip())


def checked_name(repo: str) -> str:
    """Return the name of a repository if it is one.

    Raises: InputError: if it is not "owner/name".
    """
    if not REPO.fullmatch(repo):
        raise InputError(f"{repo[:100]!r} is no model of the Hub; allowed: 'owner/name'")
    return repo


def check_content(about: str, file: HubFile, body: bytes) -> None:
    """Compare content with the hash that the Hub gave.

    Raises: RepositoryLied: if they differ.
    """
    if file.sha256 is not None:
        kind, said, found = "SHA-256", file.sha256, hashlib.sha256(body).hexdigest()
    elif file.blob is not None:
        kind, said = "git hash", file.blob
        found = hashlib.sha1(b"blob %d\0" % len(body) + body, usedforsecurity=False).hexdigest()
    else:
        return
    if found != said:
        raise RepositoryLied(f"{about} has the {kind} {found}; the Hub said {said}")


def parsed(answer: Answer, about: str) -> Any:
    """Parse an answer of the Hub itself.

    Raises: HubUnreachable: if it is no JSON: a proxy, a sign-in page, a broken server.
    """
    if answer.cut:
        raise HubUnreachable(f"{about}: the answer is longer than {MOST_JSON:,} bytes, which is the most allowed")
    try:
        return plain_json(answer.body)
    except ValueError as error:
        raise HubUnreachable(f"{about}: {urlsplit(answer.url).hostname} answers with no JSON ({error})") from error


def plain_json(text: bytes) -> Any:
    """Parse JSON that a stranger wrote; NaN and infinities, which are none, become null.

    Raises: ValueError: if it is no JSON, or too deeply nested.
    """
    try:
        return json.loads(text, parse_constant=lambda _: None)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def mapping(text: bytes) -> Mapping[str, Any]:
    """Parse a JSON mapping.

    Raises: ValueError: if it is something else.
    """
    value = plain_json(text)
    if not isinstance(value, dict):
        raise ValueError(f"it is {type(value).__name__}; allowed: a mapping")
    return value


def _origin(url: str) -> tuple[str, str]:
    try:
        split = urlsplit(url)
    except ValueError:
        return "", url
    return split.scheme, split.netloc
