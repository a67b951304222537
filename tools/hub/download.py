"""Fetching a model at a pinned commit: only what is needed, only what cannot run, only what the Hub said it is.

A file is written as `NAME.part`, hashed on the way, and gets its name when size and hash are right; so a killed
download goes on where it stopped, and a file with its name is a checked one. There are plain files only: what a
folder outside the cache holds is never reached through a link.
"""

import hashlib
import re
import shutil
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from ravelar.tools.errors import HubUnreachable, RepositoryLied, RepositoryRefused
from ravelar.tools.hub.client import COMMIT, REPO, HubClient
from ravelar.tools.hub.facts import HubFile, ModelFacts

if TYPE_CHECKING:
    import httpx

KEPT = re.compile(  # all at the root; none of these is ever run
    r"config\.json|model\.safetensors\.index\.json|tokenizer\.json|tokenizer_config\.json|special_tokens_map\.json"
    r"|added_tokens\.json|vocab\.(?:txt|json)|merges\.txt|[\w.-]+\.spm|[\w.-]*(?:tokenizer|spiece|sentencepiece[\w.]*)"
    r"\.model|chat_template\.(?:jinja|json)"
)
WEIGHTS = re.compile(r"[\w.-]+\.safetensors")
CODE = re.compile(r"[\w-]+\.py")
FACTS = "ravelar_facts.json"  # written last: a folder that has it is complete
LEAST_BYTES_PER_S = 100_000  # ours: slower than this, 16 GB would take two days
CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A model on this machine, every byte of it checked.

    Attributes:
        folder: Plain files in the layout that `from_pretrained` reads; no links.
        repo: "owner/name".
        revision: The commit, 40 hexadecimal digits.
        facts: What was known before the download.
        bytes: How many bytes the files hold.
        fetched: How many of them came over the network this time.
    """

    folder: Path
    repo: str
    revision: str
    facts: ModelFacts
    bytes: int = 0
    fetched: int = 0


def download(
    client: HubClient,
    facts: ModelFacts,
    *,
    max_bytes: int,
    allow_remote_code: Collection[str] = (),
    least_bytes_per_s: float = LEAST_BYTES_PER_S,
) -> Snapshot:
    """Fetch the weights, the config and the tokenizer of a model at the commit that its facts name.

    Files that are here already are not asked for; if all are, neither is the Hub. Two processes that want the same
    model take turns.

    Args:
        client: The Hub, and where downloads are kept.
        facts: What `inspect` said of the model.
        max_bytes: Most bytes of all files together.
        allow_remote_code: Repositories whose Python files are fetched too.
        least_bytes_per_s: A slower transfer is given up; what came stays for the next try.

    Raises:
        RepositoryRefused: if it has no safetensors, needs code that is not allowed, or is too large.
        RepositoryLied: if a file has another length or hash than the Hub said, or has no hash to compare with.
        HubUnreachable: if the Hub does not answer, or is too slow.
    """
    from filelock import FileLock, Timeout  # noqa: PLC0415  comes with huggingface_hub

    files = needed_files(facts, code=_code_allowed(facts, allow_remote_code))
    total = sum(file.size for file in files)
    folder = folder_of(client.cache_dir, facts.repo, facts.revision)
    _has_room(facts, total, max_bytes, folder)
    folder.mkdir(parents=True, exist_ok=True)
    patience = client.timeout_s + total / least_bytes_per_s
    try:
        with FileLock(folder.with_suffix(".lock"), timeout=patience):
            fetched = sum(_fetch(client, facts, file, folder, least_bytes_per_s) for file in files)
            _write(folder / FACTS, facts.model_dump_json().encode())
    except Timeout as error:
        raise HubUnreachable(f"{facts.repo}: another process has been fetching it for {patience:.0f} s") from error
    return Snapshot(folder, facts.repo, facts.revision, facts, total, fetched)


def downloaded(cache_dir: Path, repo: str, revision: str) -> Snapshot | None:
    """Return a model that an earlier download has completed, without asking the Hub; None if it is not here.

    Lengths are compared again, hashes are not.
    """
    folder = folder_of(cache_dir, repo, revision)
    try:
        facts = ModelFacts.model_validate_json((folder / FACTS).read_bytes())
    except (OSError, ValidationError):
        return None
    files = needed_files(facts, code=any(folder.glob("*.py")))
    if (facts.repo, facts.revision) != (repo, revision) or not all(_here(folder / f.path, f) for f in files):
        return None
    return Snapshot(folder, repo, revision, facts, sum(file.size for file in files))


def folder_of(cache_dir: Path, repo: str, revision: str) -> Path:
    """Return where a model at a commit is kept.

    Raises: RepositoryRefused: if the name is none, or the revision is no commit.
    """
    if not REPO.fullmatch(repo) or not COMMIT.fullmatch(revision):
        raise RepositoryRefused(f"{repo[:100]!r} at {revision[:50]!r}; allowed: 'owner/name' at a commit of 40 digits")
    return cache_dir / repo.replace("/", "--") / revision


def needed_files(facts: ModelFacts, *, code: bool = False) -> list[HubFile]:
    """Return the files that loading takes: weights named by the index, config, tokenizer; Python files if asked for.

    Raises: RepositoryLied: if the Hub gave no hash for one of them.
    """
    files = [
        file
        for file in facts.files
        if (file.path in facts.weights and WEIGHTS.fullmatch(file.path))
        or KEPT.fullmatch(file.path)
        or (code and CODE.fullmatch(file.path))
    ]
    for file in files:
        if file.sha256 is None and file.blob is None:
            raise RepositoryLied(f"{facts.repo}: the Hub gives no hash for {file.path}, so it can't be checked")
    return files


def _code_allowed(facts: ModelFacts, allowed: Collection[str]) -> bool:
    if not facts.safetensors:
        raise RepositoryRefused(f"{facts.repo} has no safetensors weights; formats found: {list(facts.weight_bytes)}")
    if not facts.needs_remote_code:
        return False
    if missing := sorted(({facts.repo} | facts.foreign_code) - set(allowed)):
        raise RepositoryRefused(f"{facts.repo} needs the code of {', '.join(missing)}, which is not allowed by name")
    return True


def _has_room(facts: ModelFacts, total: int, max_bytes: int, folder: Path) -> None:
    if total > max_bytes:
        raise RepositoryRefused(f"{facts.repo} has {total:,} bytes to download; allowed: {max_bytes:,}")
    there = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(there).free
    if total > free:
        raise RepositoryRefused(f"{facts.repo} has {total:,} bytes to download; {there} has room for {free:,}")


def _here(path: Path, file: HubFile) -> bool:
    return path.is_file() and not path.is_symlink() and path.stat().st_size == file.size


def _fetch(client: HubClient, facts: ModelFacts, file: HubFile, folder: Path, least_bytes_per_s: float) -> int:
    """Bring one file here, and return how many bytes of it came over the network."""
    target = folder / file.path
    if _here(target, file):
        return 0
    part = folder / f"{file.path}.part"
    if part.is_symlink() or (part.exists() and part.stat().st_size > file.size):
        part.unlink()
    until = time.monotonic() + client.timeout_s + file.size / least_bytes_per_s
    fetched, resumed = _complete(client, facts, file, part, until)
    found = _hash(part, file)
    if found != (file.sha256 or file.blob) and resumed:  # the part of an earlier run may be what is wrong
        part.unlink()
        more, _ = _complete(client, facts, file, part, until)
        fetched, found = fetched + more, _hash(part, file)
    if found != (file.sha256 or file.blob):
        part.unlink()
        raise RepositoryLied(f"{facts.repo}: {file.path} has the hash {found}; the Hub said {file.sha256 or file.blob}")
    if target.is_symlink():
        target.unlink()
    part.replace(target)
    return fetched


def _complete(client: HubClient, facts: ModelFacts, file: HubFile, part: Path, until: float) -> tuple[int, bool]:
    """Append to a part until it is as long as the file; return the bytes that came, and whether it had some before."""
    before = part.stat().st_size if part.exists() else 0
    fetched = failures = 0
    part.touch()
    while (have := part.stat().st_size) < file.size:
        left = until - time.monotonic()
        if left <= 0:
            raise HubUnreachable(
                f"{facts.repo}: {file.path} comes too slowly; {have:,} of {file.size:,} bytes are here"
            )
        try:
            with client.stream(facts.repo, facts.revision, file, start=have, total_s=left) as response:
                fetched += _append(facts, file, part, response)
            failures = 0
        except HubUnreachable as error:
            came = part.stat().st_size - have
            fetched, failures = fetched + max(came, 0), 1 if came > 0 else failures + 1
            if failures > client.retries:
                raise HubUnreachable(f"{facts.repo}: {file.path}: {error}; tried {failures} times") from error
            client.wire.rest(error, failures - 1)
    return fetched, before > 0


def _append(facts: ModelFacts, file: HubFile, part: Path, response: "httpx.Response") -> int:
    """Write what comes to the end of the part, or from its start where the server sends the whole file."""
    have, came = part.stat().st_size if response.status_code == 206 else 0, 0
    with part.open("r+b") as out:
        out.seek(have)
        out.truncate()
        for chunk in response.iter_bytes():
            came += len(chunk)
            if have + came > file.size:
                break
            out.write(chunk)
            out.flush()  # what came outlives a kill
    if have + came < file.size and "Content-Length" not in response.headers:  # cut off, for all that can be told
        raise HubUnreachable(f"the connection ended after {have + came:,} of {file.size:,} bytes")
    if have + came != file.size:
        more = "more" if have + came > file.size else f"{have + came:,}"
        part.unlink()
        raise RepositoryLied(f"{facts.repo}: {file.path} has {more} bytes; the Hub said {file.size:,}")
    return came


def _hash(path: Path, file: HubFile) -> str:
    digest = hashlib.sha256() if file.sha256 else hashlib.sha1(b"blob %d\0" % file.size, usedforsecurity=False)
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(data)
    part.replace(path)
