"""Profiles: which libraries a program finds. One parent process per profile imports them once.

A program imports what its profile imported, and, where the machine can hold files apart, further modules of
the profile's packages from disk. Everything else fails to import: an allow-list, not a search path.
"""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

_STANDARD_LIBRARY = """
abc array ast base64 binascii bisect builtins bz2 calendar cmath codecs collections collections.abc contextlib
contextvars copy copyreg csv ctypes dataclasses datetime decimal difflib dis enum errno fcntl fnmatch fractions
functools gc getpass glob graphlib gzip hashlib heapq hmac html html.entities html.parser inspect io ipaddress
itertools json keyword linecache locale logging lzma math mmap numbers opcode operator os os.path pathlib pickle
pkgutil platform pprint queue random re reprlib resource secrets select selectors shlex shutil signal socket stat
statistics string stringprep struct subprocess sys tempfile textwrap threading time token tokenize traceback types
typing unicodedata urllib.parse uuid warnings weakref zlib _strptime encodings.ascii encodings.latin_1 encodings.utf_8
encodings.utf_8_sig encodings.utf_16 encodings.utf_16_le encodings.utf_16_be encodings.utf_32 encodings.cp1252
encodings.idna encodings.punycode encodings.unicode_escape encodings.raw_unicode_escape encodings.hex_codec
encodings.base64_codec encodings.rot_13
"""

_MATH_WARMUP = """
from math_verify import parse, verify
verify(parse("$\\\\frac{1}{2}$"), parse("0.5"))
verify(parse("$x^2+1$"), parse("$1+x^2$"))
"""
_TEXT_WARMUP = """
import jsonschema, sacrebleu
from rouge_score import rouge_scorer
jsonschema.validate({"a": 1}, {"type": "object", "properties": {"a": {"type": "number"}}})
sacrebleu.sentence_bleu("a b c d", ["a b c d"])
sacrebleu.sentence_chrf("a b c d", ["a b c d"])
rouge_scorer.RougeScorer(["rouge1", "rougeL"], use_stemmer=True).score("a running dog", "a dog ran")
"""


@dataclass(frozen=True, slots=True)
class Profile:
    """Libraries that programs of one kind need.

    Attributes:
        name: What programs ask for it by.
        modules: Modules to import, in addition to the core's.
        packages: Top-level packages whose other modules may be imported lazily from disk, read-only.
        warmup: Python lines to run once after the imports: they fill caches that every worker then shares.
        absent: Packages that count as not installed, so that nobody's optional import brings them in: nltk's of
            scikit-learn takes pandas, pyarrow, 7 s and a thread with it.
    """

    name: str
    modules: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    warmup: str = ""
    absent: tuple[str, ...] = ()


CORE_MODULES = (*_STANDARD_LIBRARY.split(), "regex")

PROFILES = {
    profile.name: profile
    for profile in (
        Profile("core"),
        Profile(
            "math",
            modules=("math_verify", "sympy", "sympy.parsing.sympy_parser", "sympy.parsing.latex", "mpmath"),
            packages=("math_verify", "sympy", "mpmath", "latex2sympy2_extended", "antlr4"),
            warmup=_MATH_WARMUP,
        ),
        Profile(
            "text",
            modules=("sacrebleu", "rouge_score.rouge_scorer", "jsonschema", "numpy", "numpy.random"),
            packages=("sacrebleu", "rouge_score", "jsonschema", "jsonschema_specifications", "referencing", "numpy",
                      "nltk", "rpds", "attr", "attrs"),
            warmup=_TEXT_WARMUP,
            absent=("sklearn", "scipy", "pandas", "pyarrow", "matplotlib", "torch", "twisted"),
        ),
    )
}  # fmt: skip


def search_paths(profile: Profile) -> list[str]:
    """Return the directories in which this process finds the profile's modules.

    Raises: ModuleNotFoundError: naming the first module that is not installed.
    """
    roots = {name.partition(".")[0] for name in (*profile.modules, "regex")}
    folders = {str(_locations(root)[0].parent) for root in sorted(roots)}
    return sorted(folders)


def readable_paths(profile: Profile) -> list[str]:
    """Return the directories and files that workers of the profile may read."""
    return sorted({str(path) for package in profile.packages for path in _locations(package)})


def _locations(package: str) -> list[Path]:
    """Return where a top-level package or module lies."""
    spec = importlib.util.find_spec(package)
    if spec is None:
        raise ModuleNotFoundError(f"no module named {package!r} in this environment")
    if spec.submodule_search_locations:
        return [Path(place).resolve() for place in spec.submodule_search_locations]
    return [Path(spec.origin or "").resolve()]
