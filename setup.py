"""Builds the compiled form; all else about the package stands in setup.cfg.

mypyc makes C of the innermost modules where there is a C compiler.  Without one, or with
MYSQLPROXY_PURE_PYTHON=1, they are installed as the Python they are and do the same, slower.
A checkout that is installed to be edited stays Python: compiled modules would hide the edits.
"""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import BaseError, CompileError, LinkError

MODULES = [
    *("dialogue/classic", "dialogue/client", "dialogue/edits", "dialogue/exchange"),
    *("dialogue/client_states", "dialogue/file", "dialogue/head", "dialogue/rows"),
    *("front/client", "front/concluding", "front/deadlines"),
    *("front/express", "front/login", "front/proxy", "front/timing"),
    *("net/backend", "net/client", "net/rounds", "net/shell"),
    *("observe/counters", "observe/latency"),
    *("policy/coming", "policy/guesses", "policy/lease", "policy/ledger"),
    *("policy/pauses", "policy/places", "policy/shelf"),
    *("pool/expiry", "pool/pool"),
    *("session/leftovers", "session/pins", "session/session", "session/state"),
    "sql/shape",
    *("wire/auth/caching_sha2", "wire/auth/native", "wire/auth/steps"),
    *("wire/framing", "wire/greeting", "wire/primitives", "wire/proxy_header"),
    *("wire/responses", "wire/scan"),
]
"""What runs for each statement and each login, but for `session/prepared` and `sql/plain`:
mypyc takes neither the one's fields of attrs with defaults nor the other's enum."""

BUILDING = {"build", "build_ext", "bdist_wheel", "install"}


def why_not() -> str:
    """Why the compiled form cannot or shall not be built; empty when it can."""
    if os.environ.get("MYSQLPROXY_PURE_PYTHON") == "1":
        return "MYSQLPROXY_PURE_PYTHON is 1"
    compiler = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    if shutil.which(compiler.split()[0]) is None:
        return f"there is no C compiler ({compiler.split()[0]})"
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        return "the headers of Python are missing (Python.h)"
    return ""


def extensions() -> list[Extension]:
    """The compiled modules; none where the Python form is what is wanted or possible."""
    if BUILDING.isdisjoint(sys.argv):
        return []
    why = why_not()
    if why:
        say(why)
        return []
    try:
        from mypyc.build import mypycify  # noqa: PLC0415 - only who builds has it

        paths = [f"proxy/{name}.py" for name in MODULES]
        return mypycify(
            ["--config-file=pyproject.toml", *paths],
            opt_level="2",
            debug_level="0",
            group_name="mysqlproxy",
        )
    except (ImportError, SystemExit) as error:  # its way to say that types do not fit
        say(f"mypyc does not take it: {error}")
        return []


def say(why: str) -> None:
    """Tell whoever builds."""
    print(f"mysqlproxy: not compiled, runs as Python: {why}", file=sys.stderr)  # noqa: T201 - it is a build


class BuildOrLeave(build_ext):
    """All compiled modules or none: each of them needs the library that has them all."""

    def run(self) -> None:
        """See `setuptools.command.build_ext`."""
        try:
            super().run()
        except (BaseError, CompileError, LinkError) as error:
            say(f"the C compiler failed: {error}")
            for path in map(Path, self.get_outputs()):
                path.unlink(missing_ok=True)
            self.extensions = []


setup(ext_modules=extensions(), cmdclass={"build_ext": BuildOrLeave})
