"""A stand-in for the Hugging Face Hub on the loopback, for `ravelar.tools.hub` and for the real `huggingface_hub`.

It serves repositories from bytes or folders: listing with filters and pages, info, tree, paths-info, files with
ranges, ETags and a redirect for large ones, gated and private repositories, and it takes commits of small files.
Faults are switched on per path, and every request is kept, so that a test can show what was never asked for.
Statuses, headers and bodies are those that huggingface_hub 1.33 reads. No xet headers are ever sent.

    with HubServer() as hub:
        hub.add("acme/judge", {"config.json": b"{}", "model.safetensors": weights}, tags=["reward-model"])
        hub.fault(r"/config\\.json$", "error", times=1)
        HubClient(endpoint=hub.url)
        assert not hub.fetched("model.safetensors")
"""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import yaml

Kind = Literal[
    "down",  # the connection is closed without a word
    "error",  # status 500, or `status`
    "slow",  # silent for `seconds`
    "drip",  # the body comes byte by byte, `seconds` apart
    "drip_headers",  # so do the headers
    "too_many",  # 429 with Retry-After: `seconds`
    "truncated",  # half of the body, then the connection is closed
    "wrong_bytes",  # right length, other content
    "longer",  # more bytes than was said
    "shorter",  # fewer bytes, and the headers agree with them
    "garbage",  # status 200 and no JSON
    "endless",  # a body that never ends, without a length
    "elsewhere",  # a redirect to `location`
    "replaced",  # status 200 and `body`
]
LARGE = (".safetensors", ".bin", ".pt", ".pth", ".onnx", ".gguf", ".pkl", ".h5")


@dataclass(frozen=True)
class Fault:
    """What goes wrong where; `times` counts down, None is for ever."""

    pattern: str
    kind: Kind
    times: int | None = None
    status: int = 500
    seconds: float = 0.05
    location: str = ""
    body: bytes = b""
    method: str | None = None


@dataclass(frozen=True)
class Asked:
    """A request that came in, and how many bytes of body went back."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    status: int
    sent: int


@dataclass
class File:
    """Content, and what the Hub says of it; a size that is not the content's is a lie, or spares the bytes."""

    data: bytes
    large: bool
    size: int
    sha256: str
    oid: str


@dataclass
class Repository:
    """One model repository: commits in order, the last one being `main`."""

    name: str
    commits: dict[str, dict[str, File]] = field(default_factory=dict)
    gated: bool | str = False
    private: bool = False
    disabled: bool = False
    tags: tuple[str, ...] = ()
    pipeline_tag: str | None = None
    downloads: int = 0
    likes: int = 0
    last_modified: str = "2026-01-02T03:04:05.000Z"
    info: Mapping[str, Any] = field(default_factory=dict)
    """Overrides any field of the info, as it is."""

    @property
    def head(self) -> str:
        return next(reversed(self.commits))

    def commit(self, files: dict[str, File]) -> str:
        text = json.dumps([len(self.commits), self.name, sorted((path, f.oid, f.size) for path, f in files.items())])
        sha = hashlib.sha1(text.encode()).hexdigest()
        self.commits[sha] = files
        return sha

    def at(self, revision: str) -> str | None:
        """Return the commit that a revision names; shortened hashes are none."""
        return self.head if revision == "main" else revision if revision in self.commits else None


def stored(path: str, data: bytes, size: int | None = None, sha256: str | None = None) -> File:
    """Describe a file as the Hub does: the git blob's hash, and for large ones that of the content."""
    large = path.endswith(LARGE)
    digest = sha256 or hashlib.sha256(data).hexdigest()
    length = len(data) if size is None else size
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {length}\n".encode()
    blob = pointer if large else data
    return File(data, large, length, digest, hashlib.sha1(b"blob %d\0" % len(blob) + blob).hexdigest())


class HubServer:
    """The Hub: start it as a context manager, fill it with `add`, ask `requests` what it was asked."""

    def __init__(self, *, page_size: int = 1000, redirects: bool = True) -> None:
        self.repositories: dict[str, Repository] = {}
        self.requests: list[Asked] = []
        self.page_size = page_size
        self.redirects = redirects
        self.next_page = ""
        """Where every list of models says that it goes on, if not where it does."""
        self.access: set[str] = set()
        """Tokens that open gated and private repositories."""
        self.stopping = threading.Event()
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        hub = self

        class Handler(_Handler):
            pass

        Handler.hub = hub
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Refuse connections from now on."""
        if not self.stopping.is_set():
            self.stopping.set()
            self._server.shutdown()
            self._server.server_close()

    def add(
        self,
        name: str,
        files: Mapping[str, bytes] | Path,
        *,
        sizes: Mapping[str, int] | None = None,
        hashes: Mapping[str, str] | None = None,
        **known: Any,
    ) -> str:
        """Add a repository, or a commit to one, from bytes or from a folder's files; return the commit.

        `sizes` and `hashes` are what the Hub says of a file where that is not the truth; `known` are fields of
        `Repository`.
        """
        if isinstance(files, Path):
            files = {str(p.relative_to(files)): p.read_bytes() for p in sorted(files.rglob("*")) if p.is_file()}
        sizes, hashes = sizes or {}, hashes or {}
        repository = self.repositories.setdefault(name, Repository(name))
        for key, value in known.items():
            setattr(repository, key, tuple(value) if key == "tags" else value)
        return repository.commit({p: stored(p, d, sizes.get(p), hashes.get(p)) for p, d in files.items()})

    def fault(self, pattern: str, kind: Kind, **more: Any) -> None:
        """Let something go wrong wherever the regular expression is found in a request's path."""
        with self._lock:
            self._faults.append(Fault(pattern, kind, **more))

    def heal(self) -> None:
        """Take all faults back."""
        with self._lock:
            self._faults.clear()

    def fetched(self, part: str, *, whole: bool = False) -> int:
        """Count the bytes of bodies sent for paths that contain `part`; `whole` leaves out ranges."""
        return sum(
            asked.sent
            for asked in self.requests
            if part in asked.path and not (whole and "range" in asked.headers) and asked.method == "GET"
        )

    def fault_for(self, method: str, path: str) -> Fault | None:
        with self._lock:
            for i, fault in enumerate(self._faults):
                if re.search(fault.pattern, path) and fault.method in (None, method):
                    if fault.times is not None:
                        left = fault.times - 1
                        self._faults[i : i + 1] = [Fault(**{**vars(fault), "times": left})] if left else []
                    return fault
        return None

    def note(self, asked: Asked) -> None:
        with self._lock:
            self.requests.append(asked)


@dataclass
class Reply:
    """What is sent back."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None
    """What Content-Length says, if not the body's length."""


def as_json(value: object, status: int = 200, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json", **named})


def refusal(status: int, code: str, message: str) -> Reply:
    return as_json({"error": message}, status, X_Error_Code=code, X_Error_Message=message)


class _Handler(BaseHTTPRequestHandler):
    """Routes, authorisation and faults."""

    hub: HubServer
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body go out in as few packets as may be: no waiting for delayed acknowledgements
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def handle(self) -> None:
        with suppress(ConnectionError, TimeoutError):
            super().handle()

    def do_GET(self) -> None:
        self._answer()

    do_HEAD = do_POST = do_DELETE = do_GET  # noqa: N815

    def _answer(self) -> None:
        split = urlsplit(self.path)
        self.where, self.query = unquote(split.path), parse_qsl(split.query, keep_blank_values=True)
        self.payload = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            self.payload = self._chunks()
        fault = self.hub.fault_for(self.command, self.where)
        reply = self._route()
        self._send(self._faulty(reply, fault) if fault else reply, fault)

    def _chunks(self) -> bytes:
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _faulty(self, reply: Reply, fault: Fault) -> Reply:
        if fault.kind == "slow":
            self.hub.stopping.wait(fault.seconds)
        status, body, headers = reply.status, reply.body, reply.headers
        others = {
            "error": lambda: Reply(fault.status, b"broken"),
            "too_many": lambda: Reply(429, b"", {"Retry-After": f"{fault.seconds:g}"}),
            "truncated": lambda: Reply(status, body[: len(body) // 2], headers, len(body)),
            "wrong_bytes": lambda: Reply(status, bytes(b ^ 1 for b in body), headers),
            "longer": lambda: Reply(status, body + b"x" * 4096, headers),
            "shorter": lambda: Reply(status, body[:-1], headers),
            "garbage": lambda: Reply(200, b"<html>sign in to the wireless network</html>"),
            "elsewhere": lambda: Reply(302, b"", {"Location": fault.location}),
            "replaced": lambda: Reply(200, fault.body, headers),
        }
        return others.get(fault.kind, lambda: reply)()

    def _send(self, reply: Reply, fault: Fault | None) -> None:
        kind = fault.kind if fault else None
        body = b"" if self.command == "HEAD" else reply.body
        asked = Asked(
            self.command,
            self.where,
            tuple(self.query),
            {name.lower(): value for name, value in self.headers.items()},
            reply.status,
            len(body),
        )
        self.hub.note(asked)
        if kind in ("down", "endless", "truncated", "drip", "drip_headers"):
            self.close_connection = True
        if kind == "down":
            return
        head = [f"HTTP/1.1 {reply.status} -"]
        head += [f"{name}: {value}" for name, value in reply.headers.items()]
        if kind != "endless":
            head.append(f"Content-Length: {len(reply.body) if reply.length is None else reply.length}")
        if self.close_connection:
            head.append("Connection: close")
        lines = ("\r\n".join(head) + "\r\n\r\n").encode()
        self._slowly(lines, fault.seconds) if kind == "drip_headers" else self.wfile.write(lines)
        if kind == "endless":
            while not self.hub.stopping.is_set():
                self.wfile.write(b" " * 65536)
        self._slowly(body, fault.seconds) if kind == "drip" else self.wfile.write(body)
        self.wfile.flush()

    def _slowly(self, data: bytes, seconds: float) -> None:
        for i in range(len(data)):
            if self.hub.stopping.wait(seconds):
                return
            self.wfile.write(data[i : i + 1])
            self.wfile.flush()

    # -- routes

    def _route(self) -> Reply:
        where = self.where
        if where == "/api/models":
            return self._models()
        if where == "/api/repos/create":
            return self._create()
        if where == "/api/validate-yaml":
            return as_json({"errors": [], "warnings": []})
        if where == "/api/whoami-v2":
            return as_json({"name": "tester", "type": "user", "orgs": []})
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/([a-z-]+)(?:/([^/]+)(?:/(.*))?)?)?", where):
            return self._api(*found.groups())
        if found := re.fullmatch(r"/(cdn/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)", where):
            return self._resolve(bool(found[1]), *found.groups()[1:])
        return refusal(404, "NotFound", f"no route {where}")

    def _api(self, name: str, what: str | None, revision: str | None, below: str | None) -> Reply:
        if (repository := self._repository(name)) is None:
            return self._missing()
        if what in ("preupload", "commit") and self.command == "POST":
            return self._preupload() if what == "preupload" else self._commit(repository)
        sha = repository.at(revision or "main")
        if sha is None:
            return refusal(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        if what in (None, "revision"):
            fields = [value for key, value in self.query if key == "expand"]
            blobs = ("blobs", "true") in [(key, value.lower()) for key, value in self.query]
            return as_json(described(repository, sha, blobs=blobs, expand=fields))
        if not self._allowed(repository):
            return self._gate(repository)
        files = repository.commits[sha]
        if what == "tree":
            return as_json([entry(path, file) for path, file in sorted(files.items()) if path.startswith(below or "")])
        if what == "paths-info":
            wanted = [v for k, v in parse_qsl(self.payload.decode()) if k == "paths"]
            return as_json([entry(path, files[path]) for path in wanted if path in files])
        return refusal(404, "NotFound", f"no route {self.where}")

    def _resolve(self, cdn: bool, name: str, revision: str, path: str) -> Reply:
        if (repository := self._repository(name)) is None and not cdn:
            return self._missing()
        repository = repository or self.hub.repositories[name]
        if not cdn and not self._allowed(repository):
            return self._gate(repository)
        sha = repository.at(revision)
        if sha is None:
            return refusal(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        file = repository.commits[sha].get(path)
        if file is None:
            missing = refusal(404, "EntryNotFound", "Entry not found")
            missing.headers["X-Repo-Commit"] = sha
            return missing
        headers = {"X-Repo-Commit": sha, "ETag": f'"{file.oid}"', "Accept-Ranges": "bytes"}
        if file.large and not cdn:
            headers |= {"X-Linked-Size": str(file.size), "X-Linked-Etag": f'"{file.sha256}"'}
            if self.hub.redirects:
                place = quote(f"/cdn/{name}/resolve/{sha}/{path}")
                return Reply(302, b"", {**headers, "Location": self.hub.url + place})
        if file.large:
            headers["ETag"] = f'"{file.sha256}"'
        return self._ranged(file, headers)

    def _ranged(self, file: File, headers: dict[str, str]) -> Reply:
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not found:
            length = file.size if self.command == "HEAD" else None
            return Reply(200, file.data, headers, length)
        start, end = int(found[1]), int(found[2] or file.size - 1)
        if start >= file.size:
            return Reply(416, b"", {**headers, "Content-Range": f"bytes */{file.size}"})
        part = file.data[start : end + 1]
        return Reply(206, part, {**headers, "Content-Range": f"bytes {start}-{min(end, file.size - 1)}/{file.size}"})

    # -- who may

    def _token(self) -> str:
        return self.headers.get("Authorization", "").removeprefix("Bearer ")

    def _repository(self, name: str) -> Repository | None:
        repository = self.hub.repositories.get(name)
        return repository if repository and (not repository.private or self._token() in self.hub.access) else None

    def _allowed(self, repository: Repository) -> bool:
        return not repository.disabled and (not repository.gated or self._token() in self.hub.access)

    def _missing(self) -> Reply:
        return refusal(404 if self._token() else 401, "RepoNotFound", "Repository not found")

    def _gate(self, repository: Repository) -> Reply:
        if repository.disabled:
            return refusal(403, "", "Access to this resource is disabled.")
        name = repository.name
        return refusal(403 if self._token() else 401, "GatedRepo", f"Access to model {name} is restricted.")

    # -- listing

    def _models(self) -> Reply:
        query = self.query
        wanted = [v for k, v in query if k == "filter" for v in v.split(",")]
        words = [w.lower() for k, v in query if k == "search" for w in v.split()]
        one = dict(query)
        found = []
        for repository in self.hub.repositories.values():
            info = described(repository, repository.head)
            tags = {*info["tags"], info.get("pipeline_tag")}
            author = repository.name.split("/")[0]
            if repository.private or not set(wanted) <= tags or not all(w in repository.name.lower() for w in words):
                continue
            if one.get("author", author) != author or one.get("pipeline_tag", info.get("pipeline_tag")) != info.get(
                "pipeline_tag"
            ):
                continue
            found.append(repository)
        key = one.get("sort", "trendingScore")
        found.sort(key=lambda r: getattr(r, {"likes": "likes", "lastModified": "last_modified"}.get(key, "downloads")))
        found.reverse()
        return self._page(found, one, [v for k, v in query if k == "expand"])

    def _page(self, found: Sequence[Repository], one: Mapping[str, str], expand: Sequence[str]) -> Reply:
        start, limit = int(one.get("cursor", 0)), min(int(one.get("limit", 1000)), self.hub.page_size)
        page = found[start : start + limit]
        rows = [described(repository, repository.head, expand=expand, listed=True) for repository in page]
        reply = as_json(rows)
        if start + limit < len(found):
            rest = urlencode([*((k, v) for k, v in self.query if k != "cursor"), ("cursor", str(start + limit))])
            reply.headers["Link"] = f'<{self.hub.url}/api/models?{rest}>; rel="next"'
        if self.hub.next_page:
            reply.headers["Link"] = f'<{self.hub.next_page}>; rel="next"'
        return reply

    # -- writing

    def _create(self) -> Reply:
        asked = json.loads(self.payload)
        name = f"{asked.get('organization') or 'tester'}/{asked['name']}"
        url = f"{self.hub.url}/{name}"
        if name in self.hub.repositories:
            return as_json({"error": "You already created this model repo", "url": url}, 409)
        self.hub.add(name, {".gitattributes": b""}, private=asked.get("visibility") == "private" or False)
        return as_json({"url": url, "name": name, "id": name})

    def _preupload(self) -> Reply:
        files = json.loads(self.payload)["files"]
        return as_json({"files": [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in files]})

    def _commit(self, repository: Repository) -> Reply:
        files = dict(repository.commits[repository.head])
        for line in self.payload.splitlines():
            step = json.loads(line)
            value = step["value"]
            match step["key"]:
                case "file":
                    files[value["path"]] = stored(value["path"], base64.b64decode(value["content"]))
                case "deletedFile":
                    files.pop(value["path"], None)
                case "deletedFolder":
                    files = {path: f for path, f in files.items() if not path.startswith(value["path"])}
        sha = repository.commit(files)
        url = f"{self.hub.url}/{repository.name}/commit/{sha}"
        return as_json({"success": True, "commitOid": sha, "commitUrl": url, "hookOutput": ""})


# -- what the Hub says of a repository


def entry(path: str, file: File) -> dict[str, Any]:
    """Describe a file as the tree does."""
    lfs = {"lfs": {"oid": file.sha256, "size": file.size, "pointerSize": 130}} if file.large else {}
    return {"type": "file", "path": path, "size": file.size, "oid": file.oid, **lfs}


def sibling(path: str, file: File, *, blobs: bool) -> dict[str, Any]:
    """Describe a file as the info does."""
    if not blobs:
        return {"rfilename": path}
    lfs = {"lfs": {"sha256": file.sha256, "size": file.size, "pointerSize": 130}} if file.large else {}
    return {"rfilename": path, "size": file.size, "blobId": file.oid, **lfs}


def described(
    repository: Repository, sha: str, *, blobs: bool = False, expand: Sequence[str] = (), listed: bool = False
) -> dict[str, Any]:
    """Describe a repository as `/api/models` and `/api/models/NAME` do."""
    files = repository.commits[sha]
    card = front_matter(files)
    config = read_json(files, "config.json")
    pipeline = repository.pipeline_tag or card.get("pipeline_tag")
    facts: dict[str, Any] = {
        "author": repository.name.split("/")[0],
        "sha": sha,
        "lastModified": repository.last_modified,
        "createdAt": "2025-01-02T03:04:05.000Z",
        "private": repository.private,
        "gated": repository.gated,
        "disabled": repository.disabled,
        "downloads": repository.downloads,
        "likes": repository.likes,
        "tags": tags_of(repository, card, config, pipeline, files),
        "pipeline_tag": pipeline,
        "library_name": card.get("library_name", "transformers"),
        "cardData": card or None,
        "config": {k: config[k] for k in ("architectures", "model_type", "auto_map") if k in config},
        "safetensors": safetensors_of(files),
        "model-index": card.get("model-index"),
        "siblings": [sibling(path, file, blobs=blobs) for path, file in sorted(files.items())],
        **repository.info,
    }
    wanted = set(expand) or (
        set(facts) - ({"siblings", "cardData", "config", "safetensors", "sha"} if listed else set())
    )
    kept = {key: value for key, value in facts.items() if key in wanted and value is not None}
    return {"_id": hashlib.sha1(repository.name.encode()).hexdigest()[:24], "id": repository.name, **kept}


def front_matter(files: Mapping[str, File]) -> dict[str, Any]:
    """Read the YAML at the head of README.md."""
    readme = files["README.md"].data.decode("utf-8", "replace") if "README.md" in files else ""
    found = re.match(r"---\n(.*?)\n---", readme, re.DOTALL)
    card = yaml.safe_load(found[1]) if found else {}
    return card if isinstance(card, dict) else {}


def read_json(files: Mapping[str, File], path: str) -> dict[str, Any]:
    try:
        value = json.loads(files[path].data)
    except (KeyError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def tags_of(
    repository: Repository,
    card: Mapping[str, Any],
    config: Mapping[str, Any],
    pipeline: str | None,
    files: Mapping[str, File],
) -> list[str]:
    def listed(key: str) -> list[Any]:
        value = card.get(key) or []
        return value if isinstance(value, list) else [value]

    tags = [*repository.tags, *(tag for tag in listed("tags")), *([pipeline] if pipeline else [])]
    tags += [f"{kind}:{value}" for kind in ("license", "base_model") for value in listed(kind)]
    tags += [f"dataset:{value}" for value in listed("datasets")]
    tags += [str(config["model_type"])] if "model_type" in config else []
    tags += ["safetensors"] if any(path.endswith(".safetensors") for path in files) else []
    return list(dict.fromkeys(tags))


def safetensors_of(files: Mapping[str, File]) -> dict[str, Any] | None:
    """Count parameters by type from the headers, as the Hub does."""
    counts: dict[str, int] = {}
    for path, file in files.items():
        if path.endswith(".safetensors"):
            with suppress(ValueError, AttributeError, TypeError, KeyError, RecursionError):
                size = int.from_bytes(file.data[:8], "little")
                for name, tensor in json.loads(file.data[8 : 8 + size]).items():
                    if name != "__metadata__":
                        n = 1
                        for side in tensor["shape"]:
                            n *= side
                        counts[tensor["dtype"]] = counts.get(tensor["dtype"], 0) + n
    return {"parameters": counts, "total": sum(counts.values())} if counts else None
