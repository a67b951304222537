"""Optional packages: whether one is here, and what to install if not."""

import importlib.util

from ravelar.tools.errors import InputError


def need(module: str, *, extra: str, what: str) -> None:
    """Make sure that an optional package is installed, without importing it.

    Args:
        module: The module's name, such as "sklearn".
        extra: Which extra of Ravelar brings it.
        what: What needs it, as the beginning of a sentence.

    Raises:
        InputError: if it is not installed; says what to install.
    """
    if importlib.util.find_spec(module) is None:
        raise InputError(f"{what} needs the package {module}: pip install 'ravelar[{extra}]'")
