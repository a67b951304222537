"""Mutate what rewards and rankings rest on, one small change at a time, and count which changes the tests notice.

    python .ci/mutants/run.py [--out FOLDER] [--sample N] [--seed N] [--only WORD ...]

Works in a copy of the commit that is checked out, never in the checkout. Sessions lie in FOLDER, one per module; a run
that was stopped goes on where it stopped, as long as the module, its tests and the sample are the same.
"""

import argparse
import ast
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from cosmic_ray.commands.init import _all_work_items
from cosmic_ray.work_db import use_db
from cosmic_ray.work_item import WorkItem

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PACKAGES = ("agents", "benchmark", "graphs", "tools", "training")
SEED = 20261128

_PAIRS = (
    "Add_Sub Sub_Add Mul_Div Div_Mul FloorDiv_Mul Mod_Mul Pow_Mul BitOr_BitAnd BitAnd_BitOr BitXor_BitAnd "
    "LShift_RShift RShift_LShift"
)
_COMPARED = "Eq_NotEq NotEq_Eq Lt_LtE Lt_GtE LtE_Lt LtE_Gt Gt_GtE Gt_LtE GtE_Gt GtE_Lt Is_IsNot IsNot_Is "
OPERATORS = {
    *(f"core/ReplaceBinaryOperator_{each}" for each in _PAIRS.split()),
    *(f"core/ReplaceComparisonOperator_{each}" for each in _COMPARED.split()),
    *(f"core/ReplaceUnaryOperator_{each}" for each in ("USub_UAdd", "Delete_Not")),
    *(f"core/Replace{each}" for each in ("TrueWithFalse", "FalseWithTrue", "AndWithOr", "OrWithAnd")),
    *(f"core/Replace{each}" for each in ("BreakWithContinue", "ContinueWithBreak")),
    *(f"core/{each}" for each in ("AddNot", "ExceptionReplacer", "NumberReplacer", "RemoveDecorator")),
    "core/ZeroIterationForLoop",
}
"""One counterpart for each arithmetic operator, the negation and the boundary of each comparison, and all the rest.

cosmic-ray's other replacements (`a * b` by `a >> b`) are mostly type errors, which any test notices.
"""


Span = tuple[tuple[int, int], tuple[int, int]]


def span(node: ast.AST) -> Span:
    """Return where a node begins and ends: lines from 1, columns from 0."""
    return (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)


def left_alone(source: str) -> list[Span]:
    """Find where a change would say nothing of the tests.

    A changed type (`int | None`) fails at import; constants of a module and defaults of a class are choices and data,
    which a test could only repeat; the bare `*` and `/` of a signature are no arithmetic.
    """
    tree = ast.parse(source)
    spans = []
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef)):
            spans += [span(each) for each in node.body if isinstance(each, (ast.Assign, ast.AnnAssign))]
        spans += [span(each) for each in (getattr(node, "annotation", None), getattr(node, "returns", None)) if each]
    return spans


def operators_in(source: str) -> list[Span]:
    """Find the gaps between operands, where an arithmetic operator stands."""
    pairs = [(node.left, node.right) for node in ast.walk(ast.parse(source)) if isinstance(node, ast.BinOp)]
    augmented = [(node.target, node.value) for node in ast.walk(ast.parse(source)) if isinstance(node, ast.AugAssign)]
    return [(span(left)[1], span(right)[0]) for left, right in pairs + augmented]


class Draw(NamedTuple):
    """Which mutants of a module are tried: at most so many (None: all), drawn by a seed."""

    most: int | None = None
    seed: int = SEED


def mutants(module: Path, draw: Draw = Draw()) -> tuple[list[WorkItem], int]:  # noqa: B008  it can't be changed
    """List the mutants of a module that are drawn; and how many there are in all."""
    source = module.read_text()
    alone, arithmetic = left_alone(source), operators_in(source)

    def counts(operator: str, at: tuple[int, int]) -> bool:
        within = [first <= at <= last for first, last in alone]
        return not any(within) and (
            "BinaryOperator" not in operator or any(first <= at <= last for first, last in arithmetic)
        )

    found = [
        item
        for item in _all_work_items([module], {})
        for spec in item.mutations
        if spec.operator_name in OPERATORS and counts(spec.operator_name, tuple(spec.start_pos))
    ]
    if draw.most is None or draw.most >= len(found):
        return found, len(found)
    return random.Random(f"{draw.seed} {module}").sample(found, draw.most), len(found)


def copy_of_commit(into: Path) -> None:
    """Unpack the commit that is checked out, and a tree of links in which its folders are the package `ravelar`."""
    packed = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=BytesIO(packed)) as archive:
        archive.extractall(into, filter="data")
    package = into / ".links" / "ravelar"
    package.mkdir(parents=True)
    for each in (into / "api").iterdir():
        (package / each.name).symlink_to(each)
    for each in PACKAGES:
        (package / each).symlink_to(into / each)


@contextmanager
def pytest_server(copy: Path, module: str, tests: list[str], at: Path) -> Iterator[float]:
    """Serve the tests of one module to `ask.py`; give the seconds that they take without a mutation."""
    data = os.environ.get("RAVELAR_SHARED", str(ROOT.parent / "shared" / "data"))
    environment = {**os.environ, "PYTHONPATH": str(copy / ".links"), "RAVELAR_SHARED": data}
    command = [sys.executable, "-P", str(HERE / "pytest_server.py"), str(at), module, *tests]
    server = subprocess.Popen(
        command, cwd=copy, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        said = server.stdout.readline().split()
        if not said:
            raise SystemExit(f"{module}: the tests fail before anything is mutated")
        yield float(said[1])
    finally:
        server.kill()
        server.wait()


def key_of(module: Path, tests: list[Path], draw: Draw) -> str:
    """Name a session by all that its result depends on and that we can see: a changed test makes a new one."""
    parts = [path.read_bytes() for path in (module, *tests)] + [str((sorted(OPERATORS), *draw)).encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]


def run_module(copy: Path, module: str, tests: list[str], out: Path, draw: Draw) -> None:
    """Try the mutants of one module that have no result yet."""
    stem = module.removesuffix(".py").replace("/", ".")
    session = out / f"{stem}.{key_of(copy / module, [copy / test for test in tests], draw)}.sqlite"
    for stale in set(out.glob(f"{stem}.*.sqlite")) - {session}:
        stale.unlink()
    if not session.exists():
        os.chdir(copy)
        chosen, _ = mutants(Path(module), draw)
        with use_db(session) as db:
            db.add_work_items(chosen)
    with use_db(session) as db:
        left = len(list(db.pending_work_items))
        print(f"{module}: {db.num_work_items} mutants, {left} to try", flush=True)
    if not left:
        return
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder) / "socket"
        with pytest_server(copy, module, tests, at) as seconds:
            config = Path(folder) / "config.toml"
            config.write_text(
                "[cosmic-ray]\n"
                f'module-path = "{module}"\ntimeout = {10 + 3 * seconds:.0f}.0\nexcluded-modules = []\n'
                f'test-command = "{sys.executable} -S -E {HERE / "ask.py"} {at}"\n'
                '[cosmic-ray.distributor]\nname = "local"\n'
            )
            command = [sys.executable, "-m", "cosmic_ray.cli", "exec", str(config), str(session)]
            subprocess.run(command, cwd=copy, check=True)


def main() -> None:
    """Run the modules that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / ".cache" / "mutants", help="where the sessions lie")
    parser.add_argument("--sample", type=int, help="at most so many mutants a module (all)")
    parser.add_argument("--seed", type=int, default=SEED, help="decides which are drawn")
    parser.add_argument("--only", nargs="*", help="only modules or groups whose names have one of these words in them")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the copy and the server are not left behind
    asked.out = asked.out.resolve()
    asked.out.mkdir(parents=True, exist_ok=True)
    groups = tomllib.loads((HERE / "modules.toml").read_text())
    copy = Path(tempfile.mkdtemp(prefix="ravelar-mutants-"))
    try:
        copy_of_commit(copy)
        for group, modules in groups.items():
            for module, tests in modules.items():
                if not asked.only or any(word in f"{group} {module}" for word in asked.only):
                    run_module(copy, module, tests, asked.out, Draw(asked.sample, asked.seed))
    finally:
        shutil.rmtree(copy)


if __name__ == "__main__":
    main()
