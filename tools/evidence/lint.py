"""A lint of written verifiers: reads their source, never runs it.

    syntax               it does not parse, or is too long
    no_verify            there is no `def verify(prompt, completion, reference)`, or more than one
    import               it imports what is not on the list of its profile
    evaluates_input      eval, exec, compile, attribute tricks, templates or patterns made of the completion
    reference_is_verdict a return is made of the reference alone
    completion_unread    no return depends on the completion
    constant_return      every return is the same
    unguarded_number     a NaN or an infinity in the completion could win a comparison
    unrepeatable         random numbers, clocks, identities, hashes, state kept in globals

It errs a little towards refusing: a finding says what to write instead. It proves nothing: canaries and probes follow.
"""

import ast
from collections.abc import Iterator, Mapping

from ravelar.tools.evidence.adoption import Finding
from ravelar.tools.evidence.lint_flow import Flow, Function, follow
from ravelar.tools.evidence.lint_tree import aliases_of, dotted, resolved, words

PARAMETERS = ["prompt", "completion", "reference"]
MAX_CHARACTERS = 60_000  # ours
MAX_NODES = 20_000  # ours: some 3,000 lines

_CORE = words(
    "__future__ abc ast base64 binascii bisect calendar cmath collections collections.abc csv dataclasses datetime "
    "decimal difflib enum fnmatch fractions functools hashlib heapq html html.entities html.parser io itertools json "
    "keyword math numbers operator random re regex shlex statistics string textwrap tokenize typing unicodedata "
    "urllib.parse"
)
ALLOWED_IMPORTS: Mapping[str, frozenset[str]] = {
    "core": _CORE,
    "math": _CORE | {"math_verify", "sympy", "sympy.parsing.latex", "mpmath"},
    "text": _CORE | {"sacrebleu", "rouge_score", "rouge_score.rouge_scorer", "jsonschema", "numpy"},
}
"""What a verifier may import, by profile: a part of what its sandbox holds."""

_EVALUATING_MODULES = words(
    "builtins code codeop ctypes importlib inspect marshal multiprocessing os pickle pickletools pty runpy shelve "
    "socket subprocess sys threading types"
)
_EVALUATING_NAMES = words(
    "eval exec compile __import__ globals locals vars setattr delattr open input breakpoint memoryview __builtins__ "
    "__loader__ __spec__ sympify parse_expr lambdify"
)
_EVALUATING_ATTRIBUTES = words(
    "sympify parse_expr lambdify attrgetter methodcaller format_map fromfile memmap ctypeslib f_globals f_locals "
    "gi_frame tb_frame f_back"
)
_OUT_OF_SYMPY = frozenset({"sympy.S", "sympy.simplify", "sympy.Eq", "sympy.N", "sympy.expand", "sympy.nsimplify"})
_RANDOM_MODULES = frozenset({"secrets", "time", "uuid"})
_UNREPEATABLE_NAMES = frozenset({"hash", "id"})
_CLOCKS = frozenset({"now", "utcnow", "today"})
_COPIES = frozenset({"float", "int", "bool", "str", "min", "max", "abs", "round"})


def lint(source: str, profile: str = "core") -> tuple[Finding, ...]:
    """Return what is wrong with a verifier's source, by line; nothing of it is run.

    Args:
        source: Python source that should define `verify(prompt, completion, reference)`.
        profile: The sandbox's profile; an unknown one is taken for "core".
    """
    try:
        tree = _parsed(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None) or 0
        return (Finding(rule="syntax", line=line, message=f"{type(error).__name__}: {error}"[:300]),)
    try:
        found = {
            (finding.rule, finding.line): finding
            for finding in (
                *_entry(tree),
                *_imports(tree, profile),
                *_evaluation(tree),
                *_repeats(tree),
                *_verdict(tree),
            )
        }
    except RecursionError:
        return (Finding(rule="syntax", line=0, message="it is nested too deeply to be read"),)
    return tuple(sorted(found.values(), key=lambda finding: (finding.line, finding.rule)))


def _parsed(source: str) -> ast.Module:
    if len(source) > MAX_CHARACTERS:
        raise ValueError(f"{len(source):,} characters, at most {MAX_CHARACTERS:,} are read")
    tree = ast.parse(source)
    count = sum(1 for _ in ast.walk(tree))
    if count > MAX_NODES:
        raise ValueError(f"{count:,} syntax nodes, at most {MAX_NODES:,} are read")
    return tree


def _finding(rule: str, node: ast.AST | None, message: str) -> Finding:
    return Finding(rule=rule, line=getattr(node, "lineno", 0), message=message)


def _verifies(tree: ast.Module) -> list[Function]:
    return [n for n in tree.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef) and n.name == "verify"]


def _entry(tree: ast.Module) -> Iterator[Finding]:
    wanted = "def verify(prompt, completion, reference)"
    found = _verifies(tree)
    if len(found) != 1:
        yield _finding(
            "no_verify", found[1] if found else None, f"{len(found)} functions `verify`; one `{wanted}` is needed"
        )
        return
    (function,) = found
    given = function.args
    names = [argument.arg for argument in given.args]
    extra = given.posonlyargs or given.kwonlyargs or given.vararg or given.kwarg or given.defaults
    if names != PARAMETERS or extra or isinstance(function, ast.AsyncFunctionDef) or function.decorator_list:
        yield _finding(
            "no_verify", function, f"it must read `{wanted}`: no other parameters, defaults, decorators, async"
        )
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == "verify" and isinstance(node.ctx, ast.Store | ast.Del):
            yield _finding("no_verify", node, "`verify` is bound a second time")


def _imports(tree: ast.Module, profile: str) -> Iterator[Finding]:
    allowed = ALLOWED_IMPORTS.get(profile, _CORE)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            whole = node.module or "."
            names = [f"{whole}.{a.name}" if f"{whole}.{a.name}" in allowed else whole for a in node.names]
            if node.level or any(alias.name == "*" for alias in node.names):
                yield _finding("import", node, "relative and star imports hide what is used: name it")
        else:
            continue
        for name in names:
            yield from _import_of(node, name, allowed, profile)


def _import_of(node: ast.AST, name: str, allowed: frozenset[str], profile: str) -> Iterator[Finding]:
    top = name.partition(".")[0]
    if top in _RANDOM_MODULES:
        yield _finding("unrepeatable", node, f"{name}: equal inputs must earn equal scores")
    elif top in _EVALUATING_MODULES:
        yield _finding("evaluates_input", node, f"{name}: a verifier has no use for it but to run or reach something")
    elif name not in allowed:
        there = ", ".join(sorted(allowed - {"__future__"}))
        yield _finding("import", node, f"{name} is not for verifiers of the profile {profile!r}; allowed: {there}")


def _evaluation(tree: ast.Module) -> Iterator[Finding]:
    aliases = aliases_of(tree)
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and (node.id in _EVALUATING_NAMES or _is_dunder(node.id, node)):
            yield _finding("evaluates_input", node, f"{node.id}: text must be compared, never evaluated")
        elif isinstance(node, ast.Attribute) and (node.attr in _EVALUATING_ATTRIBUTES or _is_dunder(node.attr, node)):
            yield _finding("evaluates_input", node, f".{node.attr} reaches beyond the values to be compared")
        elif isinstance(node, ast.ImportFrom) and {alias.name for alias in node.names} & _EVALUATING_ATTRIBUTES:
            yield _finding("evaluates_input", node, "this import evaluates text, or reaches attributes by name")
        elif isinstance(node, ast.Call):
            yield from _evaluating_call(node, aliases)
        elif isinstance(node, ast.Name) and node.id == "getattr" and id(node) not in called:
            yield _finding("evaluates_input", node, "getattr passed on reaches any attribute; write the attribute out")


def _is_dunder(name: str, node: ast.AST) -> bool:
    return name.startswith("__") and name.endswith("__") and name != "__name__" and len(name) > 4


def _evaluating_call(node: ast.Call, aliases: Mapping[str, str]) -> Iterator[Finding]:
    name = resolved(node.func, aliases)
    if name == "getattr" and not _plain_getattr(node):
        yield _finding("evaluates_input", node, "getattr with a computed or private name; write the attribute out")
    elif name == "type" and len(node.args) > 1:
        yield _finding("evaluates_input", node, "type() with three arguments makes classes at run time")
    elif name in _OUT_OF_SYMPY and not all(isinstance(argument, ast.Constant) for argument in node.args):
        yield _finding("evaluates_input", node, f"{name} evaluates text that it is given; use math_verify.parse")
    elif isinstance(node.func, ast.Attribute) and node.func.attr == "format" and not _is_text(node.func.value):
        yield _finding("evaluates_input", node, "format() of a text that is no literal reads attributes; use f-strings")


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _plain_getattr(node: ast.Call) -> bool:
    if len(node.args) < 2 or not isinstance(node.args[1], ast.Constant):
        return False
    return isinstance(node.args[1].value, str) and not node.args[1].value.startswith("_")


def _repeats(tree: ast.Module) -> Iterator[Finding]:
    aliases = {alias.asname or alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
               for alias in node.names if node.module == "datetime"}  # fmt: skip
    seeded = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args}
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            yield _finding("unrepeatable", node, "global: a score must not depend on what was scored before")
        elif isinstance(node, ast.Call) and dotted(node.func) in _UNREPEATABLE_NAMES:
            yield _finding("unrepeatable", node, f"{dotted(node.func)}() differs from process to process")
        elif isinstance(node, ast.Attribute | ast.ImportFrom) and _is_random(node, seeded):
            yield _finding("unrepeatable", node, "random numbers without a seed: write random.Random(1)")
        elif isinstance(node, ast.Attribute) and node.attr in _CLOCKS:
            owner = dotted(node.value)
            if owner in aliases or owner.startswith("datetime"):
                yield _finding("unrepeatable", node, f"{owner}.{node.attr} reads the clock")


def _is_random(node: ast.Attribute | ast.ImportFrom, seeded: set[int]) -> bool:
    """Say whether it is anything of `random` but a generator that is given a seed."""
    if isinstance(node, ast.ImportFrom):
        return node.module == "random"
    owner = dotted(node.value)
    if owner in {"random", "np", "numpy"}:
        return (owner == "random" and (node.attr != "Random" or id(node) not in seeded)) or node.attr == "random"
    return False


def _verdict(tree: ast.Module) -> Iterator[Finding]:
    found = _verifies(tree)
    if len(found) != 1:
        return
    (function,) = found
    flow = follow(tree, function)
    yield from _constant(flow, function)
    if not any("completion" in returned.value.all_inputs | returned.under for returned in flow.returns):
        yield _finding("completion_unread", function, "no return depends on the completion")
    for returned in flow.returns:
        value = returned.value
        blind = "completion" not in value.under | returned.under or _is_copy(returned.node.value, function)
        if "reference" in value.all_inputs and "completion" not in value.inputs and blind:
            message = "it returns what the reference says; the verdict must come from comparing the completion with it"
            yield _finding("reference_is_verdict", returned.node, message)
    for line, how in flow.risky_lines.items():
        message = (
            f"a number read from the completion may be NaN or infinite, and {how} may let it win; ask math.isfinite"
        )
        yield Finding(rule="unguarded_number", line=line, message=message)
    for line in flow.pattern_lines:
        message = "the completion is used as a pattern, which then matches what it likes; use re.escape"
        yield Finding(rule="evaluates_input", line=line, message=message)


def _constant(flow: Flow, function: Function) -> Iterator[Finding]:
    values = {ast.dump(leaf) for returned in flow.returns for leaf in _leaves(returned.node.value)}
    computed = any(not isinstance(leaf, ast.Constant) for r in flow.returns for leaf in _leaves(r.node.value))
    if not flow.returns:
        yield _finding("constant_return", function, "it returns nothing; a number in [0, 1] is needed")
    elif len(values) == 1 and not computed:
        yield _finding("constant_return", function, "every return is the same value")


def _leaves(node: ast.expr | None) -> Iterator[ast.expr]:
    """Return the alternatives of a value: both of `a if test else b`, each of `a or b` as it stands."""
    if node is None:
        yield ast.Constant(None)
    elif isinstance(node, ast.IfExp):
        yield from _leaves(node.body)
        yield from _leaves(node.orelse)
    else:
        yield node


def _is_copy(node: ast.expr | None, function: Function, depth: int = 0) -> bool:
    """Say whether a value is the reference, or a part of it, turned into a number and nothing else."""
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute):
            return node.func.attr in {"get", "strip"} and _is_copy(node.func.value, function, depth)
        return dotted(node.func) in _COPIES and any(_is_copy(argument, function, depth) for argument in node.args)
    if isinstance(node, ast.Subscript | ast.Attribute):
        return _is_copy(node.value, function, depth)
    if not isinstance(node, ast.Name):
        return False
    if node.id == "reference":
        return True
    assigned = [n.value for n in ast.walk(function) if isinstance(n, ast.Assign) for t in n.targets
                if isinstance(t, ast.Name) and t.id == node.id]  # fmt: skip
    return depth < 5 and any(_is_copy(value, function, depth + 1) for value in assigned)
