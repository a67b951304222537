"""One thread, and no noise of the libraries: what small runs on a shared machine need."""

import logging
import warnings
from typing import Any


def quieten() -> None:
    """Hold torch to one thread, and keep progress bars and remarks of the libraries off the screen."""
    import torch  # noqa: PLC0415  heavy
    from transformers.utils import logging as said  # noqa: PLC0415

    torch.set_num_threads(1)
    hushed: Any = said  # transformers types neither
    hushed.disable_progress_bar()
    hushed.set_verbosity_error()
    logging.getLogger("trl").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
