"""From the options of `ravelar eval rewards` to whoever scores."""

from pathlib import Path
from typing import TYPE_CHECKING

from ravelar.benchmark.evals.rewards.scorers import RUBRIC, JudgeScorer, RouteScorer, Scorer, ToolScorer
from ravelar.tools.chat.meter import Meter
from ravelar.tools.errors import InputError
from ravelar.tools.reward import RewardTool

if TYPE_CHECKING:
    from ravelar.cli.reward_bench import RewardJob


def opened(job: "RewardJob", meter: Meter) -> tuple[Scorer, str]:
    """Open who scores; return it with its name.

    Raises:
        InputError: if an option can't be used.
        HubError: if a model of the Hub can't be had.
        ModelUnavailable: if the judge can't be opened.
    """
    if job.judge is not None:
        return _judge(job, meter), job.judge
    if job.route:
        from ravelar.calls import default_library, default_router  # noqa: PLC0415

        return RouteScorer(default_library(), default_router()), "routing"
    tool = _tool(job)
    return ToolScorer(tool), job.hub or tool.card.name


def _tool(job: "RewardJob") -> RewardTool:
    if job.hub is not None:
        return _of_hub(job, job.hub)
    if job.remote is not None:
        return _remote(job, job.remote)
    from ravelar.calls import default_library  # noqa: PLC0415

    assert job.tool is not None, "the job has just one scorer"
    return default_library()[job.tool]


def _of_hub(job: "RewardJob", name: str) -> RewardTool:
    """Download a reward model of the Hub, if it is not there, and return it; it is loaded when it scores."""
    from ravelar.tools.hub.client import HubClient  # noqa: PLC0415
    from ravelar.tools.hub.download import download  # noqa: PLC0415
    from ravelar.tools.hub.inspection import inspect  # noqa: PLC0415
    from ravelar.tools.hub.opening import loaded_models  # noqa: PLC0415

    repo, _, revision = name.partition("@")
    allowed = (repo,) if job.allow_remote_code else ()
    with HubClient() as client:
        facts = inspect(client, repo, revision or None)
        snapshot = download(client, facts, max_bytes=int(job.max_download_gb * 1e9), allow_remote_code=allowed)
    return loaded_models().tool(
        snapshot.folder, repo=snapshot.repo, revision=snapshot.revision, allow_remote_code=job.allow_remote_code
    )


def _remote(job: "RewardJob", given: str) -> RewardTool:
    from ravelar.tools.hub.remote import RemoteRewardModel  # noqa: PLC0415

    protocol, equals, url = given.partition("=")
    if not equals:
        raise InputError(f"--remote {given!r}: the form is PROTOCOL=URL, such as tei=http://127.0.0.1:8080")
    return RemoteRewardModel(url, protocol=protocol, model=job.remote_model)


def _judge(job: "RewardJob", meter: Meter) -> JudgeScorer:
    from ravelar.tools.chat.opening import open_chat  # noqa: PLC0415

    assert job.judge is not None, "the job has just one scorer"
    # repeats must differ to tell anything, so that they need a temperature
    chat = open_chat(job.judge, base_url=job.base_url, temperature=0.0 if job.repeats == 1 else 1.0)
    return JudgeScorer(
        chat,
        meter=meter,
        rubric=RUBRIC if job.rubric is None else _text(job.rubric),
        repeats=job.repeats,
        concurrency=job.concurrency,
        model=job.judge,
    )


def _text(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--rubric {path}: can't be read: {error}") from None
    if not text.strip():
        raise InputError(f"--rubric {path}: is empty")
    return text
