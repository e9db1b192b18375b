import pytest

from proxy.config.problem import ConfigError, Problem, format_path, repeated


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("log",), "log"),
        (("proxies", 0, "auth", 12, "username"), "proxies[0].auth[12].username"),
        ((0,), "[0]"),
        (("auth", "password:hunter2"), "auth.password..."),
        (("two\nlines",), "two..."),
    ],
)
def test_paths_are_written_as_in_code(path, text):
    """A path has dots and brackets, and a key that is more than a key is cut."""
    assert format_path(path) == text


def test_a_problem_leaves_out_what_it_does_not_know():
    """File, line, key path and sentence, without empty places between."""
    assert str(Problem("a.yaml", 3, "log.level", "is wrong")) == "a.yaml:3: log.level: is wrong"
    assert str(Problem("a.yaml", 3, "", "is no YAML")) == "a.yaml:3: is no YAML"
    assert str(Problem("a.yaml", None, "", "cannot be read")) == "a.yaml: cannot be read"


def test_an_error_lists_its_problems_by_line():
    """The text of the error has one line for each problem, in the order of the file."""
    error = ConfigError(
        [
            Problem("a", 9, "z", "late"),
            Problem("a", 2, "y", "early"),
            Problem("a", None, "", "x"),
        ]
    )
    assert str(error).splitlines() == ["a: x", "a:2: y: early", "a:9: z: late"]
    assert [problem.line for problem in error.problems] == [None, 2, 9]


def test_what_stands_there_again_is_found_at_its_later_places():
    """The first one is not to blame."""
    named = [(("a",), "x"), (("b",), "y"), (("c", 1), "x"), (("d",), "x")]
    assert list(repeated(named)) == [
        (("c", 1), "'x' stands here a second time"),
        (("d",), "'x' stands here a second time"),
    ]
