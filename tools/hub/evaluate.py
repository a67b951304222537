"""Evaluate one repository of the Hub on a task's probes: download, open, self-test, calibrate, confirm."""

from collections import defaultdict
from collections.abc import Collection

from ravelar.tools.acquiring import Attempt, Candidate, refused, try_model
from ravelar.tools.errors import RepositoryLied, RepositoryRefused, RewardToolError
from ravelar.tools.evidence.probes import Probe, ProbeSet
from ravelar.tools.hub.client import HubClient
from ravelar.tools.hub.download import Snapshot, download
from ravelar.tools.hub.facts import ModelFacts
from ravelar.tools.hub.reward_model import HubRewardModel, open_reward_model
from ravelar.tools.hub.self_test import TrivialPair, self_test

_TASK_PAIRS = 32  # ours: pairs of the shown half that tell whether the sign is right


def evaluate_repository(
    client: HubClient,
    facts: ModelFacts,
    attempt: Attempt,
    *,
    max_bytes: int,
    allow_remote_code: Collection[str] = (),
) -> tuple[Candidate, int]:
    """Try one repository; whatever is wrong with it is the candidate's reason, not an error.

    Returns:
        The candidate, and how many bytes were downloaded.

    Raises:
        HubUnreachable: if the Hub does not answer.
    """
    kind, fetched = "reward_model", 0
    try:
        snapshot = download(client, facts, max_bytes=max_bytes, allow_remote_code=allow_remote_code)
        fetched = snapshot.fetched
        model = _opened(snapshot, allow_remote_code)
    except (RepositoryRefused, RepositoryLied, RewardToolError) as error:
        return refused(facts.repo, kind, f"{type(error).__name__}: {error}"), fetched
    try:
        tested = self_test(model, pairs=_pairs(attempt.probes))
        if not tested.passed:
            failed = [f"self-test {check.name}: {check.said}" for check in tested.failed]
            return refused(facts.repo, kind, *failed), fetched
        return try_model(facts.repo, model, model.recipe, attempt), fetched
    finally:
        model.close()


def _opened(snapshot: Snapshot, allow_remote_code: Collection[str]) -> HubRewardModel:
    return open_reward_model(
        snapshot.folder,
        repo=snapshot.repo,
        revision=snapshot.revision,
        allow_remote_code=snapshot.repo in allow_remote_code,
    )


def _pairs(probes: ProbeSet) -> list[TrivialPair]:
    """Return a better and a worse completion of each of some shown prompts."""
    sides: defaultdict[str, dict[bool, Probe]] = defaultdict(dict)
    for probe in probes.shown:
        if not probe.hostile:
            sides[probe.prompt_key].setdefault(probe.good, probe)
    both = [side for side in sides.values() if len(side) == 2][:_TASK_PAIRS]
    return [(side[True].triple.question, side[True].triple.text, side[False].triple.text) for side in both]
