"""Exported folders to and from the Hugging Face Hub."""

from pathlib import Path
from typing import Any

from ravelar.tools.adopted.folder import INDEX, NEEDED, OPTIONAL, read_folder
from ravelar.tools.errors import HubUnreachable, InputError, RepositoryRefused

_LARGEST_PULL = 1_000_000_000  # bytes; ours: tools are text, and a library of them is small
_PATTERNS = [INDEX, "README.md", *(f"*/{name}" for name in (*NEEDED, *OPTIONAL))]


def push_folder(
    folder: str | Path, repo: str, *, private: bool = True, endpoint: str | None = None, token: str | None = None
) -> str:
    """Put an exported folder into a model repository of the Hub, which is made if need be; return the commit's address.

    Args:
        folder: What `export_folder` wrote.
        repo: "owner/name".
        private: Whether a new repository is private.
        endpoint: The Hub's address; None means huggingface_hub's own choice (HF_ENDPOINT).
        token: Who pushes; None means huggingface_hub's own choice (HF_TOKEN, or the login).

    Raises:
        InputError: if the folder is no exported one, or `repo` no repository's name.
        HubUnreachable: if the Hub can't be reached, or refuses.
    """
    read_folder(folder)  # never push what could not be read back
    hub, foreign = _hub(endpoint, token)
    try:
        hub.create_repo(repo, private=private, exist_ok=True)
        commit = hub.upload_folder(
            repo_id=repo,
            folder_path=str(folder),
            allow_patterns=_PATTERNS,
            commit_message="Reward tools, exported by Ravelar",
        )
    except foreign as error:
        raise _said(error, repo) from error
    return str(commit.commit_url)


def pull_folder(
    repo: str, into: str | Path, *, revision: str = "main", endpoint: str | None = None, token: str | None = None
) -> str:
    """Fetch an exported folder from the Hub into an empty folder; return the commit it was read at.

    Args:
        repo: "owner/name".
        into: Where the files go, as plain files.
        revision: Branch, tag or commit; it is resolved once, and everything is read at that commit.
        endpoint: The Hub's address; None means huggingface_hub's own choice.
        token: Who pulls; None means huggingface_hub's own choice.

    Raises:
        InputError: if `repo` is no repository's name.
        RepositoryRefused: if it holds no exported tools, or far too much.
        HubUnreachable: if the Hub can't be reached, or refuses.
    """
    hub, foreign = _hub(endpoint, token)
    try:
        info = hub.model_info(repo, revision=revision, files_metadata=True)
        sizes = {file.rfilename: file.size or 0 for file in info.siblings or []}
        if INDEX not in sizes:
            raise RepositoryRefused(f"{repo} at {revision} holds no {INDEX}: no tools were exported there")
        if sum(sizes.values()) > _LARGEST_PULL:
            raise RepositoryRefused(f"{repo} holds {sum(sizes.values()):,} bytes; at most {_LARGEST_PULL:,} are pulled")
        hub.snapshot_download(repo, revision=info.sha, local_dir=str(into), allow_patterns=_PATTERNS)
    except foreign as error:
        raise _said(error, repo) from error
    return str(info.sha)


def _hub(endpoint: str | None, token: str | None) -> tuple[Any, tuple[type[Exception], ...]]:
    import httpx  # noqa: PLC0415  0.2 s; huggingface_hub stands on it
    from huggingface_hub import HfApi  # noqa: PLC0415  0.3 s
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError  # noqa: PLC0415

    return HfApi(endpoint=endpoint, token=token), (HfHubHTTPError, HFValidationError, httpx.HTTPError, OSError)


def _said(error: Exception, repo: str) -> Exception:
    said = f"{type(error).__name__}: {' '.join(str(error).split())}"[:500]
    if type(error).__name__ == "HFValidationError":
        return InputError(f"{repo!r} is no repository's name: {said}")
    return HubUnreachable(f"the Hub failed on {repo}: {said}")
