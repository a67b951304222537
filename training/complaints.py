"""What goes wrong beside training, told once: a warning at every step would hide all others."""

import logging

_MOST = 200  # ours: distinct warnings that are remembered


class Complaints:
    """Warnings of one object, each text once.

    Args:
        who: The logger's name.
    """

    def __init__(self, who: str) -> None:
        self._log = logging.getLogger(who)
        self._said: set[str] = set()

    def __call__(self, text: str) -> None:
        """Warn, unless the same was said before, or too much was."""
        if text not in self._said and len(self._said) < _MOST:
            self._said.add(text)
            self._log.warning("%s", text)
