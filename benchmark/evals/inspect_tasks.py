"""The benchmarks as tasks of inspect_ai (the extra `inspect`), found by its entry point: `inspect eval ravelar/c3e`.

inspect eval ravelar/c3e --model openai/gpt-5-mini --model-role grader=openai/gpt-5.2 -T items=c3ebench -T limit=5
inspect eval ravelar/reward_benchmark --model openai/gpt-5.2 -T name=judgebench -T path=gpt-4o.jsonl
"""

from inspect_ai import Task, task
from inspect_ai.model import GenerateConfig

from ravelar.benchmark.evals.c3e.messages import TEMPERATURE
from ravelar.benchmark.evals.inspect_c3e import c3e_dataset, c3e_judge, c3e_writer
from ravelar.benchmark.evals.inspect_rewards import reward_dataset, reward_judge, reward_scorer
from ravelar.benchmark.evals.rewards.scorers import RUBRIC


@task
def c3e(  # noqa: PLR0913, PLR0917  inspect passes a task's options by name
    items: str = "c3ebench",
    language: str | None = None,
    tasks: str | list[str] = "",
    limit: int | None = None,
    messages: str = "fixed",
    judge: str | None = None,
    with_reference: bool = True,
) -> Task:
    """C3EBench: the model under evaluation writes, a judge scores from 1 to 10 with the reference at 6.

    Args:
        items: The items: a file, or the folder that `ravelar eval c3e fetch` filled.
        language: "en" or "zh"; None means both.
        tasks: Of cloze, condition, edit and end2end, separated by commas; "" means all.
        limit: At most so many items of each task and language.
        messages: "fixed", ours, or "published", with its defects.
        judge: The judge's name; None takes the model role "grader", which must be given then.
        with_reference: Whether the judge sees the reference.

    Raises:
        InputError: if the items can't be read, or an option is none of those allowed.
    """
    dataset = c3e_dataset(items, language=language, tasks=tasks, limit=limit, messages=messages)
    return Task(
        dataset=dataset,
        solver=c3e_writer(),
        scorer=c3e_judge(judge, with_reference),
        config=GenerateConfig(temperature=TEMPERATURE),
    )


@task
def reward_benchmark(  # noqa: PLR0913, PLR0917  as above
    name: str,
    path: str | list[str],
    limit: int | None = None,
    seed: int = 21,
    rubric: str = RUBRIC,
    repeats: int = 1,
) -> Task:
    """Score a reward benchmark with the model under evaluation as its judge.

    Args:
        name: judgebench, llmbar, rewardbench2, rm-bench or rewardmath.
        path: Its own file, or its files separated by commas.
        limit: At most so many cases, drawn by the seed.
        seed: Decides the draw.
        rubric: What the judge judges by.
        repeats: How often each question is asked; with a temperature above 0.

    Raises:
        UnknownName: if there is no such benchmark.
        InputError: if a file can't be read, or an option is none of those allowed.
    """
    return Task(
        dataset=reward_dataset(name, path, limit=limit, seed=seed),
        solver=reward_judge(rubric, repeats),
        scorer=reward_scorer(),
        config=GenerateConfig(temperature=0.0),
    )
