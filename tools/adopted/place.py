"""Where adopted tools are kept: a URL, read without opening anything.

None                     RAVELAR_LIBRARY, else `ravelar/library.sqlite` in the user's data folder
PATH, sqlite:///PATH     a SQLite file; many processes of one machine may use it at once
postgresql://...         a PostgreSQL database, for several machines
memory:                  this process's memory, gone with it
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ravelar.tools.errors import InputError

VARIABLE = "RAVELAR_LIBRARY"
_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)://")
_PASSWORD = re.compile(r"(?<=://)([^:/@\s]*):[^\s]*@")
_PASSWORD_OPTION = re.compile(r"\bpassword=[^&\s]+")
_ALLOWED = "allowed: a path, sqlite:///PATH, postgresql://..., memory:"


@dataclass(frozen=True, slots=True)
class Place:
    """A place for adopted tools.

    Attributes:
        kind: What holds them there.
        where: The absolute path of the file, the URL of the database, or "".
    """

    kind: Literal["sqlite", "postgres", "memory"]
    where: str = ""

    def __str__(self) -> str:
        """Return what messages call it, without a password."""
        return _PASSWORD_OPTION.sub("password=***", _PASSWORD.sub(r"\1:***@", self.where)) or "memory:"

    @property
    def exists(self) -> bool:
        """Whether anything may be kept there already; a file is looked for, a database is taken at its word."""
        return self.kind == "postgres" or (self.kind == "sqlite" and Path(self.where).is_file())


def place_of(url: str | Path | None = None) -> Place:
    """Read a URL or path; None means RAVELAR_LIBRARY, else the user's own library.

    Raises:
        InputError: if it names no place that can hold a library.
    """
    given = str(url if url is not None else os.environ.get(VARIABLE) or data_folder() / "library.sqlite")
    scheme = _SCHEME.match(given)
    if given in ("memory:", "memory://"):
        return Place("memory")
    if scheme and scheme[1] in ("postgresql", "postgres"):
        return Place("postgres", given)
    if scheme and scheme[1] != "sqlite":
        raise InputError(f"no library can be kept at {scheme[1]!r}://...; {_ALLOWED}")
    path = given.removeprefix("sqlite:///") if scheme else given
    if not path or path.startswith("sqlite://") or "\0" in path:
        raise InputError(f"{given!r} names no file; {_ALLOWED}, and sqlite:////PATH with four strokes from the root")
    return Place("sqlite", str(Path(path).expanduser().absolute()))


def data_folder() -> Path:
    """Return the user's own folder for what is kept: `ravelar` in XDG_DATA_HOME, else in ~/.local/share."""
    data = os.environ.get("XDG_DATA_HOME", "")
    home = Path(data) if Path(data).is_absolute() else Path.home() / ".local" / "share"  # the XDG rule: else ignored
    return home / "ravelar"
