"""Runs test code in a jail of its own, where the program is not: a stand-in answers from what it returned before.

The stand-in is given answers, one for each call in order. As long as the test code asks for what was foreseen,
it gets the real answers, and if it ends that way, its verdicts count. Where it asks for something else, or for
more, it is stopped there and then rehearsed: run again with its asserts disarmed and with an `Unknown` that
agrees to everything in place of unknown answers, to foresee as many further calls as possible. No verdict of a
rehearsal counts. The caller then has the program make those calls.
"""

# One source with nothing around it: it is sent into a jail, where this package may not be importable.

import ast
import builtins
import random
import sys

_MAX_CALLS = 2_000
_OWN = (int, str, float, bool, bytes, complex, type(None))


class ProgramEnded(BaseException):
    """The program did not survive this call."""


class Unanswered(BaseException):
    """The test code asks for what is not known yet, or, in a rehearsal, for what can't be foreseen."""


class Unknown:
    """A value that is not known yet: it agrees to everything, so that a rehearsal goes on."""

    def _self(self, *_, **__):
        return self

    def _true(self, *_):
        return True

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _self
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = __neg__ = __abs__ = __round__ = _self
    __getitem__ = __call__ = _self
    __eq__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = __contains__ = _true
    __hash__ = object.__hash__

    def __ne__(self, _):
        return False

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __iter__(self):
        return iter(())

    def __len__(self):
        return 0

    def __float__(self):
        return 0.0

    def __int__(self):
        return 0

    __index__ = __int__


class Script:
    """What the program was asked and what it answered, in order.

    Attributes:
        foreseen: The calls that were foreseen.
        answers: Their answers.
        over: Whether the last answer is that the program ended.
        rehearsal: Whether unknown answers are made up.
        asked: The calls of this run.
        confirmed: How many were asked as foreseen, from the first on, and answered.
        open: Whether a call went unanswered: then no verdict of this run counts.
        blocked: Why a call can't be told to the program.
        ended: Why the program could not answer in this step, in a way that fails the step whatever catches it.
    """

    def __init__(self, foreseen, answers, over, in_place, rehearsal):
        self.foreseen, self.answers, self.over, self.in_place = foreseen, answers, over, in_place
        self.rehearsal = rehearsal
        self.asked = []
        self.confirmed = 0
        self.open = False
        self.blocked = ""
        self.ended = ""

    def call(self, name, args, kwargs):
        """Answer a call if its answer is known."""
        at = len(self.asked)
        if at >= _MAX_CALLS or (self.open and not self.rehearsal):
            self.open = True
            raise Unanswered
        if not crosses([args, kwargs]):
            self.open = True
            if not holds_unknown([args, kwargs]):
                self.blocked = f"an argument of {name} is no plain value"
            raise Unanswered
        self.asked.append((name, _copied(args), _copied(kwargs), False))
        if not self.open and at < len(self.answers) and _same_call(self.foreseen[at], self.asked[at]):
            self.confirmed += 1
            return self.answer(self.answers[at], args)
        if not self.open and self.over and at >= len(self.answers):
            self.end("not_run: an earlier call ended the program")
        self.open = True
        if not self.rehearsal:
            raise Unanswered
        return Unknown()

    def answer(self, answer, args):
        """Return or raise what the program did."""
        kind, value, changed = answer
        if kind == "value":
            if self.in_place and changed is not None:
                for argument, new in zip(args, changed, strict=False):
                    _change(argument, new)
            return _copied(value)
        if kind == "raised":
            error = _exception(value)
            if error is not None:
                raise error
            value = f"raised: {value}"
        self.end(value)
        return None

    def end(self, words):
        """End the step: nothing in the test code may take this for an exception that it expects."""
        self.ended = words
        raise ProgramEnded(words)


def _change(argument, new):
    """Do to an argument what the program did to its copy."""
    if type(argument) is list and type(new) is list:
        argument[:] = new
    elif type(argument) in (dict, set) and type(new) is type(argument):
        argument.clear()
        argument.update(new)


def _exception(words):
    """Return a builtin exception of the program's kind; None for others, and for those that end loops quietly."""
    name, _, message = words.partition(": ")
    kind = getattr(builtins, name, None)
    quiet = (StopIteration, StopAsyncIteration)
    if not isinstance(kind, type) or not issubclass(kind, Exception) or issubclass(kind, quiet):
        return None
    try:
        return kind(message)
    except Exception:  # noqa: BLE001  UnicodeDecodeError and its like take five arguments
        return ValueError(words) if issubclass(kind, ValueError) else RuntimeError(words)


def crosses(value, depth=0):
    """Say whether a value is a plain literal."""
    kind = type(value)
    if kind in _OWN:
        return True
    if depth > 50:
        return False
    if kind in (list, tuple, set, frozenset):
        return all(crosses(item, depth + 1) for item in value)
    return kind is dict and all(crosses(key, depth + 1) and crosses(item, depth + 1) for key, item in value.items())


def holds_unknown(value, depth=0):
    """Say whether something in a container of builtins is unknown yet."""
    kind = type(value)
    if kind is dict:
        value, kind = [*value, *value.values()], list
    if kind in (list, tuple, set, frozenset):
        return depth < 50 and any(holds_unknown(item, depth + 1) for item in value)
    return kind is Unknown


def _copied(value):
    """Return a copy of a plain literal."""
    kind = type(value)
    if kind in (list, tuple, set, frozenset):
        return kind([_copied(item) for item in value])
    return {key: _copied(item) for key, item in value.items()} if kind is dict else value


def _same_call(foreseen, asked):
    """Compare two calls; NaN is itself here."""
    return (tuple(foreseen)[:3] == tuple(asked)[:3] and _shape(foreseen) == _shape(asked)) or repr(foreseen) == repr(
        asked
    )


def _shape(call):
    """Return the types of a call's arguments: 1, 1.0 and True are different calls."""
    return [type(argument) for argument in call[1]], [type(call[2][name]) for name in sorted(call[2])]


class _Disarmed(ast.NodeTransformer):
    """Has asserts evaluated, whatever comes of it."""

    def visit_Assert(self, node):
        handler = ast.ExceptHandler(ast.Name("Exception", ast.Load()), None, [ast.Pass()])
        return ast.copy_location(ast.Try([ast.Expr(node.test)], [handler], [], []), node)


def rehearse(spec, foreseen, answers, over):
    """Run the test code; return its verdicts if every answer was known, and what it asks as far as that can be told."""
    script = Script(foreseen, answers, over, spec["in_place"], rehearsal=False)
    verdicts, failed = _run_steps(spec, script)
    asked = script.asked
    if script.open and not script.blocked:
        further = Script(foreseen, answers, over, spec["in_place"], rehearsal=True)
        _run_steps(spec, further)
        script.blocked = further.blocked
        if len(further.asked) > len(asked) and all(map(_same_call, asked, further.asked)):
            asked = further.asked
    return {
        "asked": [] if script.blocked else asked,
        "certain": len(script.asked),
        "confirmed": script.confirmed,
        "done": not script.open,
        "verdicts": verdicts,
        "blocked": script.blocked,
        "broken": failed if not asked else "",
    }


def _run_steps(spec, script):
    """Run the steps in order; return the verdicts of the tests, and what failed before one."""
    random.seed(20_261_123)  # the same each time: a check that asks otherwise in every round can't be answered
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(20_261_123)
    names = _namespace(spec, script)
    verdicts, failed = [], ""
    for source, label in spec["steps"]:
        said = failed or _run(source, names, script)
        if said is None:
            break
        if label:
            verdicts.append((label, said))
        elif not script.rehearsal:
            failed = said if not said or said.startswith("ended: ") else f"before the test: {said}"
    return verdicts, failed


def _namespace(spec, script):
    """Return the names that the test code finds: the prompt's helpers, and stand-ins for the program's functions."""
    names = {"__name__": "check", "__builtins__": builtins}
    if spec["helpers"]:
        exec(compile(spec["helpers"], "<prompt>", "exec", dont_inherit=True), names)
    entry = spec["entry"]
    names[spec["candidate"]] = _stand_in(script, entry)
    for name in [*spec["functions"], entry]:
        if name and name.isidentifier():
            names[name] = _stand_in(script, name)
    if entry and "()." in entry:
        owner, _, method = entry.partition("().")
        names[owner] = type(owner, (), {method: lambda _, *args, **kwargs: script.call(entry, args, kwargs)})
    return names


def _stand_in(script, name):
    def candidate(*args, **kwargs):
        return script.call(name, args, kwargs)

    candidate.__name__ = name or "candidate"
    return candidate


def _run(source, names, script):
    """Run one step; return '' if it passed, words if not, None if it was stopped for want of an answer."""
    script.ended = ""
    tree = ast.parse(source)
    if script.rehearsal:
        tree = ast.fix_missing_locations(_Disarmed().visit(tree))
    try:
        exec(compile(tree, "<test>", "exec", dont_inherit=True), names)
    except Unanswered:
        return None
    except ProgramEnded:
        pass
    except NameError as error:
        known = _standard_module(error, names)
        return _run(source, names, script) if known else f"NameError: {error}"[:300]
    except BaseException as error:  # noqa: BLE001  a check may raise anything, SystemExit too
        said = f"{type(error).__name__}: {error}"[:300]
        return f"ended: {script.ended}"[:300] if script.ended else said
    return f"ended: {script.ended}"[:300] if script.ended else ""


def _standard_module(error, names):
    """Import what the test code takes for granted because the reference solution imported it."""
    name = getattr(error, "name", None)
    if name in names or name not in sys.stdlib_module_names:
        return False
    try:
        names[name] = __import__(name)
    except ImportError:
        return False
    return True
