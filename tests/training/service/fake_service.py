"""The service over the tools of `fake_tools`: `python fake_service.py '{"workers": 2, "lanes": {...}, ...}'`."""

import json
import sys

import fake_tools

from ravelar.tools.listening import address_of, open_port
from ravelar.training.service.app import create_app
from ravelar.training.service.lanes import LaneSettings
from ravelar.training.service.local import local_backend
from ravelar.training.service.metrics import Metrics
from ravelar.training.service.processes import process_backend
from ravelar.training.service.server import run
from ravelar.training.service.settings import ServiceSettings


def main(options: dict[str, dict[str, object] | int]) -> int:
    metrics, lanes = Metrics(), LaneSettings(**options.get("lanes", {}))
    if workers := options.get("workers", 0):
        backend = process_backend(workers, fake_tools.library, settings=lanes, on_batch=metrics.part)
    else:
        backend = local_backend(fake_tools.library, settings=lanes, on_batch=metrics.batch)
    app = create_app(backend, ServiceSettings(**options.get("settings", {})), metrics=metrics)
    listening = open_port("127.0.0.1", 0)
    say = lambda: print(address_of(listening), file=sys.stderr, flush=True)  # noqa: E731
    return 1 if run(app, listening, started=say, **options.get("drain", {})) else 0


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
