"""Makes the calls of a test; its source goes behind the program's, into one namespace and one jail with it.

So it promises nothing: the program can change all of this. It only spares the sandbox a frame per call, and
it notes each value before the next call can change it. Whoever forges its answers forges values of the
program's own, which are compared outside.
"""

# Everything here bears the prefix `ravelar_`, for it shares its names with the program.


def ravelar_calls(calls, in_place):
    """Make calls in order; return for each ("value", value, arguments) or ("raised" | "uncrossable", words, None)."""
    return [ravelar_call(*call, in_place) for call in calls]


def ravelar_call(name, args, kwargs, listed, in_place):
    """Make one call."""
    try:
        arguments = list(args)
        value = ravelar_function(name)(*arguments, **kwargs)
        return "value", ravelar_plain(value, listed), ravelar_plain(arguments, False) if in_place else None
    except RavelarUncrossable as error:
        return "uncrossable", str(error), None
    except BaseException as error:  # noqa: BLE001  SystemExit and worse: it is the program's to raise
        kind = next((base.__name__ for base in type(error).__mro__ if base.__module__ == "builtins"), "Exception")
        return "raised", f"{kind}: {error}"[:300], None


class RavelarUncrossable(TypeError):
    """A value that is no plain literal."""


def ravelar_function(name):
    """Return the function of that name: a global, or a method of a class or of `Solution`."""
    names = globals()
    if name in names:
        return names[name]
    if "()." in name:
        owner, _, method = name.partition("().")
        return getattr(names[owner](), method)
    if "Solution" in names and hasattr(names["Solution"], name):
        return getattr(names["Solution"](), name)
    raise NameError(f"name {name!r} is not defined")


def ravelar_plain(value, listed=False, depth=0):
    """Return a copy of a plain value; subclasses of builtins become what they extend."""
    kind = type(value)
    if value is None or kind in (int, str, float, bool, bytes, complex):
        return value
    if depth > 60:
        raise RavelarUncrossable("the value is nested too deep, or holds itself")
    for base in (list, tuple, set, frozenset):
        if issubclass(kind, base):
            return base([ravelar_plain(item, False, depth + 1) for item in base.__iter__(value)])
    if issubclass(kind, dict):
        return {
            ravelar_plain(key, False, depth + 1): ravelar_plain(item, False, depth + 1)
            for key, item in dict.items(value)
        }
    for base in (int, float, complex, str, bytes):
        if issubclass(kind, base):
            return getattr(base, "__str__" if base is str else "__pos__" if base is not bytes else "__bytes__")(value)
    if kind.__module__ == "numpy" and hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        return ravelar_plain(value.item(), False, depth + 1)
    if listed and hasattr(kind, "__iter__"):
        return [ravelar_plain(item, False, depth + 1) for _, item in zip(range(200_000), value, strict=False)]
    raise RavelarUncrossable(f"returned {kind.__name__}, which can't leave the jail")
