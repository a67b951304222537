"""C3EBench in LangSmith: items as a dataset, a writer and a judge as an experiment; offline without a key.

    items -> examples (inputs: what a writer is sent; outputs: the reference) -> evaluate(write, [judge]) -> rows

Inputs hold nothing of a reference; LangSmith shows outputs of an example to evaluators only. What is uploaded is what
you hold: look at the licence of the items, and at who can see your datasets, before you upload them.
"""

import asyncio
import os
import uuid
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from ravelar.agents.asking import Method
from ravelar.benchmark.evals.c3e.items import Brief, Item
from ravelar.benchmark.evals.c3e.judged import ajudge_once, question, reasons_in_words
from ravelar.benchmark.evals.c3e.messages import MessageSet, WriterMessage, fixed_message, published_message
from ravelar.benchmark.evals.c3e.writers import Writer
from ravelar.benchmark.evals.manifest import digest_of
from ravelar.tools.chat.meter import Meter
from ravelar.tools.errors import BrokenReply, InputError, RavelarError
from ravelar.tools.scoring import describe

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel
    from langsmith import Client
    from langsmith.schemas import Example, Run

T = TypeVar("T")

_KEYS = ("LANGSMITH_API_KEY", "LANGCHAIN_API_KEY")
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://arxiv.org/abs/2603.00686")
SCORE = "c3e_score"


def examples_of(items: Iterable[Item], *, messages: MessageSet = "fixed") -> list["Example"]:
    """Return items as LangSmith's examples, in order; the same items have the same ids everywhere.

    Args:
        items: The items.
        messages: What writers are sent; "published" tells them the reference's length, by its token limit.
    """
    from langsmith.schemas import Example  # noqa: PLC0415  half a second

    made = [(item, _inputs(item, messages)) for item in items]
    dataset = uuid.uuid5(_NAMESPACE, dataset_name([item for item, _ in made], messages=messages))
    return [
        Example(
            id=uuid.uuid5(dataset, item.key),
            dataset_id=dataset,
            inputs=inputs,
            outputs={"reference": item.reference},
            metadata={"cluster": item.cluster, "genre": item.brief.genre},
        )
        for item, inputs in made
    ]


def dataset_name(items: Iterable[Item], *, messages: MessageSet = "fixed") -> str:
    """Return a dataset's name, which holds a hash of what is in it: other items are another dataset."""
    whole = [[_inputs(item, messages), item.reference, item.cluster] for item in items]
    return f"c3ebench-{messages}-{len(whole)}-{digest_of(whole)}"


def upload_items(client: "Client", items: Sequence[Item], *, messages: MessageSet = "fixed") -> str:
    """Upload items as a dataset, unless it is there; return its name.

    Raises:
        InputError: if a dataset of that name holds another number of examples, as a broken upload leaves it.
    """
    name = dataset_name(items, messages=messages)
    if client.has_dataset(dataset_name=name):
        if (there := client.read_dataset(dataset_name=name).example_count) != len(items):
            raise InputError(f"the dataset {name} holds {there} examples instead of {len(items)}; delete it")
        return name
    client.create_dataset(name, description="C3EBench (arXiv 2603.00686)")
    rows = [
        {"id": one.id, "inputs": one.inputs, "reference_outputs": one.outputs, "metadata": one.metadata}
        for one in examples_of(items, messages=messages)
    ]
    client.create_examples(dataset_name=name, examples=rows)
    return name


async def evaluate_items(  # noqa: PLR0913  an experiment's parts
    items: Sequence[Item],
    writer: Writer,
    judge: "BaseChatModel | None" = None,
    *,
    meter: Meter | None = None,
    messages: MessageSet = "fixed",
    with_reference: bool = True,
    method: Method = "text",
    at_once: int = 8,
    upload: bool | None = None,
    client: "Client | None" = None,
) -> list[dict[str, Any]]:
    """Have texts written and judged as an experiment of LangSmith's.

    Args:
        items: The items.
        writer: Who writes; closed at the end.
        judge: Who judges; None only has the texts written.
        meter: What counts the judge's calls; it may refuse one.
        messages: What the writer is sent.
        with_reference: Whether the judge sees the reference.
        method: How the judge's replies take their form.
        at_once: How many items side by side.
        upload: Whether dataset and experiment go to LangSmith; None uploads where there is a key or a client.
        client: Through which they go; None makes one from the environment.

    Returns:
        A row per item, in no order: item, text or error, score (None where unscored), comment: the judge's reasons, or
        why there is no score.

    Raises:
        InputError: if an upload is asked for without a key.
    """
    keyed = client is not None or any(os.environ.get(name) for name in _KEYS)
    if upload and not keyed:
        raise InputError(f"an upload to LangSmith needs a key: set {_KEYS[0]}, or upload nothing")
    uploads = keyed if upload is None else upload
    client = client or _client(uploads)
    data: Callable[..., Any] = partial(upload_items, client) if uploads else examples_of
    here = _Here(asyncio.get_running_loop(), traced=uploads)
    evaluators = [] if judge is None else [_judge(items, judge, meter or Meter(), with_reference, method, here)]
    try:
        return await asyncio.to_thread(
            _rows,
            _written(items, writer, here),
            partial(data, items, messages=messages),
            evaluators=evaluators,
            experiment_prefix=f"c3ebench {writer.name}",
            metadata={"writer": writer.name, "messages": messages, "with_reference": with_reference},
            max_concurrency=at_once,
            client=client,
            upload_results=uploads,
        )
    finally:
        here.ended = True
        await writer.close()


@dataclass(slots=True)
class _Here:
    """The event loop, in which writer and judge work for LangSmith's threads.

    LangSmith's own `aevaluate` is not used: in 0.15 it sends the runs of texts even with upload_results=False.

    Attributes:
        loop: The loop.
        traced: Whether calls of models are traced; LangChain's tracer would send them, whatever `evaluate` was told.
        ended: Whether nothing more is to be begun, as after Ctrl-C.
    """

    loop: asyncio.AbstractEventLoop
    traced: bool
    ended: bool = False

    def done(self, work: Coroutine[Any, Any, T]) -> T:
        """Do some work in the loop, from a thread; return its result."""
        if self.ended:
            work.close()
            raise BrokenReply("the experiment was ended")
        return asyncio.run_coroutine_threadsafe(work if self.traced else _untraced(work), self.loop).result()


async def _untraced(work: Coroutine[Any, Any, T]) -> T:
    from langsmith import tracing_context  # noqa: PLC0415

    with tracing_context(enabled=False):
        return await work


def _rows(target: Any, data: Callable[[], Any], **options: Any) -> list[dict[str, Any]]:
    """Run the experiment, dataset included, in a thread: LangSmith's client would block the loop."""
    from langsmith import evaluate  # noqa: PLC0415  a second

    return [_row(one) for one in evaluate(target, data=data(), **options)]


def _client(uploads: bool) -> "Client":
    from langsmith import Client  # noqa: PLC0415

    from ravelar.tools.tracing.client import TracingClient  # noqa: PLC0415

    # Without an upload nobody is asked: a client of its own, so that nothing of the environment sends anything.
    return (
        TracingClient() if uploads else Client(api_url="http://127.0.0.1:9", api_key="none", auto_batch_tracing=False)
    )


def _inputs(item: Item, messages: MessageSet) -> dict[str, Any]:
    message = fixed_message(item.brief) if messages == "fixed" else published_message(item)
    brief = item.brief
    return {
        "key": brief.key,
        "language": brief.language,
        "task": brief.task,
        "message": message.text,
        "max_tokens": message.max_tokens,
    }


def _written(items: Iterable[Item], writer: Writer, here: _Here) -> Callable[[dict[str, Any]], dict[str, Any]]:
    briefs: Mapping[str, Brief] = {item.key: item.brief for item in items}

    def write(inputs: dict[str, Any]) -> dict[str, Any]:
        message = WriterMessage(inputs["message"], inputs["max_tokens"])
        written = here.done(writer.write(briefs[inputs["key"]], message, 0))
        if written.failed:
            raise BrokenReply(written.failed)
        return {"text": written.text, "cut": written.cut, **written.spent}

    return write


def _judge(  # noqa: PLR0913, PLR0917  what a judge stands on
    items: Iterable[Item], chat: "BaseChatModel", meter: Meter, with_reference: bool, method: Method, here: _Here
) -> Callable[["Run", "Example"], dict[str, Any]]:
    there = {item.key: item for item in items}

    def judge(run: "Run", example: "Example") -> dict[str, Any]:
        if run.error or not run.outputs:
            return {"key": SCORE, "score": None, "comment": f"unscored: there is no text: {run.error}"}
        item = there[(example.inputs or {})["key"]]
        asked = question(item.brief, run.outputs["text"], reference=item.reference if with_reference else None)
        try:
            said = here.done(ajudge_once(chat, asked, meter=meter, method=method))
        except RavelarError as error:
            return {"key": SCORE, "score": None, "comment": f"unscored: {describe(error)}"}
        comment = f"{said['verdict']}. {reasons_in_words(said['reasons'])}"
        return {"key": SCORE, "score": said["score"], "comment": comment}

    return judge


def _row(one: Any) -> dict[str, Any]:
    run, example = one["run"], one["example"]
    said = next((result for result in one["evaluation_results"]["results"] if result.key == SCORE), None)
    row = {"item": example.inputs["key"], "text": (run.outputs or {}).get("text"), "error": run.error}
    return {**row, "score": said and said.score, "comment": said and said.comment}
