"""The rules of the house, as tests: layers, sizes, names, and a test file for each module."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
MODULES = sorted((ROOT / "proxy").rglob("*.py"))
TEST_FILES = sorted((ROOT / "tests").rglob("test_*.py"))

MOST_LINES = 400
FORBIDDEN_NAMES = {"utils", "util", "common", "base", "core", "helpers", "manager", "misc"}
# Spelt so that this file does not contain what it looks for.
UNFINISHED = re.compile(r"\b(?:TO[D]O|FIX[M]E|XX[X]|HA[C]K)\b")
# A rule is named and has its reason; an error of mypy is named, and its code is the reason.
BARE_SUPPRESSION = re.compile(
    r"#\s*noqa(?!: ?[A-Z]+[0-9]+(?:, ?[A-Z]+[0-9]+)*\W+\w)|#\s*type:\s*ignore(?!\[)"
)


def name_of(path):
    return str(path.relative_to(ROOT))


def listed(found):
    return "\n" + "\n".join(found)


def is_bare(path):
    """Say whether an `__init__` or `__main__` has nothing of its own to test."""
    if path.name not in {"__init__.py", "__main__.py"}:
        return False
    plain = (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.Expr, ast.If)
    return all(isinstance(node, plain) for node in ast.parse(path.read_text()).body)


def imports_of(path):
    """List the names of all modules that a file imports, wherever the import stands."""
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append("." * node.level + (node.module or ""))
    return names


def texts():
    """Give every text file of the project but this one, with its text."""
    tops = ["bench", "docs", "etc", "newsfragments", "proxy", "tests", "twisted/plugins", ".ci"]
    files = [file for top in tops for file in (ROOT / top).rglob("*")]
    files += [file for file in ROOT.iterdir() if not file.name.startswith(".")]
    generated = {"__pycache__", "_build", "results", "node_modules", "dropin.cache"}
    for file in files:
        within = file.relative_to(ROOT)
        if (
            not file.is_file()
            or file == Path(__file__).resolve()
            or generated & set(within.parts)
        ):
            continue
        try:
            yield within, file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def pure_modules():
    """Give the modules that import-linter's contract calls pure."""
    (contract,) = (
        c for c in TOOLS["importlinter"]["contracts"] if c["name"].startswith("Pure ")
    )
    roots = [ROOT.joinpath(*package.split(".")) for package in contract["source_modules"]]
    files = [file for root in roots for file in (*root.rglob("*.py"), root.with_suffix(".py"))]
    return [file for file in files if file.exists()], set(contract["forbidden_modules"])


def test_layers_hold():
    """import-linter finds every contract of pyproject.toml kept."""
    code = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports())"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_pure_modules_import_no_clock_chance_or_socket():
    """A second witness beside import-linter: the words of the import statements themselves."""
    files, forbidden = pure_modules()
    assert len(files) > 10
    found = [
        f"{name_of(file)} imports {name}"
        for file in files
        for name in imports_of(file)
        if name.partition(".")[0] in forbidden
    ]
    assert not found, listed(found)


def test_pure_modules_touch_no_files():
    """Only the loader of the configuration knows that there are files."""
    files, _ = pure_modules()
    found = [
        f"{name_of(file)} imports {name}"
        for file in files
        for name in imports_of(file)
        if name.partition(".")[0] in {"os", "pathlib", "io", "subprocess", "importlib"}
        and name_of(file) != "proxy/config/load.py"
    ]
    assert not found, listed(found)


def test_imports_are_absolute():
    """A reader sees in each import which package it is from."""
    found = [
        name_of(file) for file in MODULES if any(n.startswith(".") for n in imports_of(file))
    ]
    assert not found, listed(found)


def test_no_module_is_long():
    """A module has at most 400 lines, and so have a benchmark and a test file."""
    files = [*MODULES, *(ROOT / "bench").rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    lengths = {name_of(file): len(file.read_text().splitlines()) for file in files}
    found = [f"{name} has {n} lines" for name, n in lengths.items() if n > MOST_LINES]
    assert not found, listed(found)


def test_every_module_has_its_test_file():
    """proxy/a/b.py is tested by tests/a/test_b.py."""
    wanted = {}
    for module in MODULES:
        if not is_bare(module):
            within = module.relative_to(ROOT / "proxy")
            stem = within.stem.strip("_")
            wanted[name_of(module)] = ROOT / "tests" / within.with_name(f"test_{stem}.py")
    missing = {name: name_of(test) for name, test in wanted.items() if not test.exists()}
    found = [f"{name} is tested by no {test}" for name, test in missing.items()]
    assert not found, listed(found)


def test_names_say_what_a_module_is_about():
    """No module has one of the names under which anything could be found."""
    found = [
        name_of(file) for file in MODULES if FORBIDDEN_NAMES & set(file.with_suffix("").parts)
    ]
    assert not found, listed(found)


def test_every_test_states_a_fact():
    """Every test function has a docstring, one sentence on one or a few lines."""
    found = [
        f"{name_of(file)}:{node.lineno} {node.name} has no docstring"
        for file in TEST_FILES
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
    assert not found, listed(found)


def test_nothing_is_left_unfinished():
    """No text has a word that puts work off."""
    found = [
        f"{within}:{number}"
        for within, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if UNFINISHED.search(line)
    ]
    assert not found, listed(found)


def test_no_text_knows_where_the_checkout_is():
    """No text has the path of this checkout, which is another one everywhere else."""
    found = [str(within) for within, text in texts() if f"{ROOT}/" in text]
    assert not found, listed(found)


def test_every_suppression_has_a_reason():
    """A rule that is switched off on a line is named, and followed by the reason."""
    found = [
        f"{name_of(file)}:{number} {line.strip()}"
        for file in (*MODULES, *TEST_FILES)
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if BARE_SUPPRESSION.search(line)
    ]
    assert not found, listed(found)


@pytest.mark.parametrize("folder", ["twisted", "twisted/plugins"])
def test_the_plugin_folder_is_no_package(folder):
    """An __init__ under twisted/ would hide Twisted itself."""
    assert not (ROOT / folder / "__init__.py").exists()
