"""The reward service asked as OpenRLHF asks it, started here for a moment.

    pip install 'ravelar[serve]'
    python examples/openrlhf_reward.py

With OpenRLHF it is two commands, whatever the model (docs/trainers.md):

    ravelar serve --unscored 0
    python -m openrlhf.cli.train_ppo_ray --reward.remote_url http://127.0.0.1:8000/openrlhf ...
"""

import re
import subprocess
import sys

import httpx

PROMPT = "What is 6 * 7?"
BODY = {
    "query": [f"{PROMPT} It is 42.<|im_end|>", f"{PROMPT} It is 41.<|im_end|>", "Tell me a joke. Knock, knock."],
    "prompts": [PROMPT, PROMPT, "Tell me a joke."],
    "labels": ["42", "42", ""],
}

command = [sys.executable, "-m", "ravelar", "serve", "--port", "0", "--unscored", "0"]
with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as service:
    try:
        url = next(found[0] for line in service.stderr or () if (found := re.search(r"http://[\w.:]+", line)))
        for name, values in httpx.post(f"{url}/openrlhf", json=BODY, timeout=60).raise_for_status().json().items():
            print(name, values)
    finally:
        service.terminate()
