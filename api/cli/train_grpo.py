"""`ravelar train grpo`: its help and its options; the work is in `train_grpo_run` and `training.grpo`."""

import click

from ravelar.training.grpo_options import describe_options

EPILOG = f"""\b
Options:
  --config FILE
      A YAML file of options, and `mixture` for the data; flags go before it.
{describe_options()}
  --model_name_or_path, --output_dir, --learning_rate, --max_steps ...
      Every option of TRL's GRPOConfig and ModelConfig (PEFT, vLLM, precision).

\b
Examples:
  ravelar train grpo --config examples/grpo.yaml --model_name_or_path ./model
  ravelar train grpo --model_name_or_path ./model --output_dir out \\
      --data gsm8k=train.jsonl ifeval=ifeval.jsonl --dry_run
  accelerate launch -m ravelar train grpo --config run.yaml

\b
Exit codes: 0 trained; 1 stopped by a guard, or a checkpoint could not be
written; 2 something can't be used, nothing was trained; 130 or 143 interrupted:
--resume continues from the last finished checkpoint.
"""


@click.command(
    "grpo",
    epilog=EPILOG,
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    options_metavar="[--OPTION VALUE]...",
    add_help_option=True,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="")
def command(arguments: tuple[str, ...]) -> None:
    """Train a model with TRL's GRPO trainer and routed rewards.

    Each prompt's completions are scored by the reward tool that fits it. Everything that can be known before training
    is checked and shown first; see docs/training.md.
    """
    from ravelar.cli.train_grpo_run import run  # noqa: PLC0415  not for `--help`

    raise SystemExit(run(arguments))
