"""`ravelar eval rewards`: its options; the work is in `reward_bench`."""

from pathlib import Path
from typing import Any

import click

from ravelar.cli.eval_options import need_eval

EPILOG = """\b
Examples:
  ravelar eval rewards judgebench gpt-4o.jsonl --tool repetition --out rows.jsonl
  ravelar eval rewards rm-bench data/*_filtered.json --hub Skywork/Skywork-Reward-V2-Qwen3-0.6B --out rm.jsonl
  ravelar eval rewards rewardbench2 test.parquet --remote tei=http://127.0.0.1:8080 --out rb2.jsonl --resume
  ravelar eval rewards llmbar dataset.json --judge openai:gpt-5-mini --out llmbar.jsonl --max-calls 500
  ravelar eval rewards rewardmath RewardMATH_direct.json --route --references --out routed.jsonl
  ravelar eval rewards rewardmath scores.jsonl.gz --given

\b
Benchmarks, in their own files (JSON, JSON lines, Parquet; .gz too): rewardbench2,
rm-bench, judgebench, rewardmath, llmbar. With --given the files hold scores:
published results, or rows of earlier runs; several systems are compared.

\b
Output: one row a case in --out, as soon as it is there. A case that can't be
scored is a row with an error; it is counted beside every figure, and
--retry-failed asks it again.

\b
Exit codes: 0 done; 1 some cases are unscored, or a limit was reached (--resume
goes on); 2 wrong usage; 130 or 143 interrupted: --resume continues.
"""


@click.command("rewards", epilog=EPILOG)
@click.argument("benchmark", metavar="BENCHMARK")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option("--tool", help="A reward tool of the library, by name.")
@click.option("--route", is_flag=True, help="Let RLAR's routing choose a tool for each prompt.")
@click.option("--hub", metavar="REPO[@REVISION]", help="A reward model of the Hub.")
@click.option("--remote", metavar="PROTOCOL=URL", help="A reward model behind HTTP.")
@click.option("--judge", metavar="PROVIDER:NAME", help="A language model as judge; pairs are asked in both orders.")
@click.option("--given", is_flag=True, help="FILE holds scores, not the benchmark.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write rows here.")
@click.option("--resume", is_flag=True, help="Continue --out where an earlier run left it.")
@click.option("--overwrite", is_flag=True, help="Replace --out if it exists.")
@click.option("--retry-failed", is_flag=True, help="With --resume: ask failed cases again.")
@click.option("--limit", type=click.IntRange(1), help="Only so many cases, drawn by --seed.")
@click.option("--seed", type=int, default=21, show_default=True, help="Decides --limit and the bootstrap.")
@click.option("--name", help="How the system is called in tables (default: the tool's or model's name).")
@click.option("--references", is_flag=True, help="Show tools the reference answers, where the files have them.")
@click.option("--remote-model", help="With --remote: the model's name there.")
@click.option("--max-download-gb", type=click.FloatRange(0), default=20, show_default=True, help="With --hub.")
@click.option("--allow-remote-code", is_flag=True, help="With --hub: let the repository's own code run here.")
@click.option("--base-url", help="With --judge: an OpenAI-compatible server of one's own.")
@click.option("--rubric", type=click.Path(path_type=Path, dir_okay=False), help="With --judge: judge by this text.")
@click.option("--repeats", type=click.IntRange(1, 20), default=1, show_default=True, help="With --judge.")
@click.option("--concurrency", type=click.IntRange(1, 256), default=8, show_default=True, help="With --judge.")
@click.option("--max-calls", type=click.IntRange(0), help="With --judge: most calls of this run.")
@click.option("--max-tokens", type=click.IntRange(0), help="With --judge: most tokens of this run.")
@click.option("--price-in", type=click.FloatRange(0), help="US dollars for a million tokens sent.")
@click.option("--price-out", type=click.FloatRange(0), help="US dollars for a million tokens received.")
@click.option("--dry-run", is_flag=True, help="Only say how many cases, calls and tokens it would be.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def command(**options: Any) -> None:
    """Score BENCHMARK's cases in FILE and print its published figures, with intervals and unscored cases."""
    need_eval("ravelar eval rewards")
    from ravelar.cli.reward_bench import RewardJob, run  # noqa: PLC0415  not for `--help`

    raise SystemExit(run(RewardJob(**options)))
