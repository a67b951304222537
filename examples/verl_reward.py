"""The reward function that verl names in its configuration, called as verl calls it.

    python examples/verl_reward.py

In verl's configuration it is two lines, whatever the model (docs/trainers.md):

    reward.custom_reward_function.path=pkg://ravelar.trainers
    reward.custom_reward_function.name=compute_score
"""

from concurrent.futures import ThreadPoolExecutor

from ravelar.trainers import compute_score

SAMPLES = [
    {"data_source": "gsm8k", "solution_str": said, "ground_truth": "42", "extra_info": {"prompt": "What is 6 * 7?"}}
    for said in ("It is 42.", "It is 41.", "The answer is \\boxed{42}.")
] + [
    {"data_source": "jokes", "solution_str": "Knock, knock.", "ground_truth": None, "extra_info": {"prompt": "A joke."}}
]

with ThreadPoolExecutor() as workers:  # verl asks for one completion a call, from many threads
    for row in workers.map(lambda sample: compute_score(**sample, unscored=0.0), SAMPLES):
        print(row)
