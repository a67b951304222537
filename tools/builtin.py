"""The built-in reward tools: those that need no model, no key and no network."""

from functools import partial

from ravelar.tools.library import Library
from ravelar.tools.sandbox.backends import open_sandbox
from ravelar.tools.verifiers.choice import Choice
from ravelar.tools.verifiers.code.tool import UnitTests
from ravelar.tools.verifiers.instructions import Instructions
from ravelar.tools.verifiers.json_schema import JsonSchema
from ravelar.tools.verifiers.layout import Format
from ravelar.tools.verifiers.length import Length
from ravelar.tools.verifiers.match import Exact, Normalized
from ravelar.tools.verifiers.math_answer import MathAnswer
from ravelar.tools.verifiers.overlap import Overlap
from ravelar.tools.verifiers.overlength import Overlength
from ravelar.tools.verifiers.pattern import Regex
from ravelar.tools.verifiers.repetition import Repetition
from ravelar.tools.verifiers.translation import Bleu, Translation


def builtin_library(sandbox: str = "local") -> Library:
    """Return a library of the built-in tools; what they stand on is imported or started when they first score.

    Args:
        sandbox: Where programs that a policy wrote are run: "local", "e2b" or "unsafe".
    """
    return Library(
        [
            MathAnswer(),
            UnitTests(open_sandbox=partial(open_sandbox, sandbox)),
            UnitTests(open_sandbox=partial(open_sandbox, sandbox), score="fraction"),
            Choice(),
            Exact(),
            Normalized(),
            JsonSchema(),
            Regex(),
            Format(),
            Overlength(),
            Instructions(),
            Instructions(mode="loose"),
            Translation(),
            Bleu(),
            Overlap(),
            Length(),
            Repetition(),
        ]
    )
