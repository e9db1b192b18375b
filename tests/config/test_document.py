import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from proxy.config.document import MAX_DEPTH, UnreadableError, read_document


def test_knows_the_line_of_everything():
    """A value has the line of its key, an item the line where it begins."""
    document = read_document("a: 1\nb:\n  - c: x\n    d:\n      e\n  - 7\n")
    assert document.value == {"a": 1, "b": [{"c": "x", "d": "e"}, 7]}
    assert document.lines == {
        (): 1,
        ("a",): 1,
        ("b",): 2,
        ("b", 0): 3,
        ("b", 0, "c"): 3,
        ("b", 0, "d"): 4,
        ("b", 1): 6,
    }
    assert document.line_of(("b", 0, "missing", "deeper")) == 3


def test_an_empty_text_is_null():
    """A text of comments only has the value null on line 1."""
    document = read_document("# nothing\n")
    assert document.value is None
    assert document.line_of(("proxies",)) == 1


def test_scalars_are_null_bool_numbers_or_text():
    """What YAML makes dates and merge keys of stays text."""
    text = "[~, yes, 0x10, 1.5, .inf, 2024-01-02, '5', <<, =]"
    value = read_document(text).value
    assert value == [None, True, 16, 1.5, float("inf"), "2024-01-02", "5", "<<", "="]


def test_keys_are_always_text():
    """A key that YAML would take for a boolean or a number is the text as written."""
    assert read_document("{on: 1, 2: 3}").value == {"on": 1, "2": 3}


def test_a_repeated_key_is_a_fault():
    """The second of two equal keys is reported on its own line, and the first one counts."""
    document = read_document("a: 1\nb: 2\na: 3\n")
    assert document.value == {"a": 1, "b": 2}
    assert document.faults == [(("a",), 3, "stands here again, after line 1")]


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("? [a]\n: b", (), "has a key that is no text"),
        ("a: !secret b", ("a",), "has a tag, and tags (!name) mean nothing here"),
        ("a: !!binary b", ("a",), "has a tag, and tags (!name) mean nothing here"),
        ("a: !!set {b}", ("a",), "has a tag, and tags (!name) mean nothing here"),
        ("a: !!python/tuple [b]", ("a",), "has a tag, and tags (!name) mean nothing here"),
        ("a: !!int b", ("a",), "is tagged as something that it is not"),
        ("a: !!int ''", ("a",), "is tagged as something that it is not"),
        ("a: !!bool b", ("a",), "is tagged as something that it is not"),
        ("a: !!float 1" + ":0" * 300, ("a",), "is tagged as something that it is not"),
        ('a: "\\ud800"', ("a",), "has an escape that is half a character"),
    ],
)
def test_oddities_are_faults_at_their_place(text, path, message):
    """What has no meaning in a configuration is reported, and the rest still read."""
    assert read_document(text).faults == [(path, 1, message)]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a:\n  [", 2, "not YAML: while parsing a flow node, expected the node content,"),
        ("a: 1\n---\nb: 2", 2, "not YAML: expected a single document in the stream"),
        ("a: 1\nb: \x00", 2, "a character that YAML does not allow"),
        ('\na: "\\U00110000"', 2, "not YAML: a number or an escape out of range"),
        ('\na: "\\UFFFFFFFF"', 2, "not YAML: a number or an escape out of range"),
        ("[" * (MAX_DEPTH + 1), 1, "is nested too deeply"),
        ("a: &a [*a]", 1, "has too many values: an alias may be repeating itself"),
    ],
)
def test_what_is_no_yaml_has_a_line(text, line, message):
    """A text that cannot be read as a whole is one error with its line."""
    with pytest.raises(UnreadableError) as caught:
        read_document(text)
    assert caught.value.line == line
    assert caught.value.message.startswith(message)


def test_aliases_cannot_multiply_without_end():
    """Nine levels of nine aliases, a billion values, are refused after a bounded number."""
    lines = ["a0: &a0 [x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10)]
    with pytest.raises(UnreadableError, match="too many values"):
        read_document("\n".join(lines))


@pytest.mark.parametrize(
    "text", ["a: *hunter2", "a: !hunter2!x y", "a: [&hunter2 x, &hunter2 y]", 'a: "x" hunter2']
)
def test_errors_quote_nothing_of_the_text(text):
    """A password without its quotes does not come back in the error that it causes."""
    with pytest.raises(UnreadableError) as caught:
        read_document(text)
    assert caught.value.message.startswith("not YAML: ")
    assert "hunter2" not in caught.value.message


@given(st.text(st.sampled_from("ab:-[]{}?&*!|>'\"%@`#, \n\t\\0x"), max_size=60))
def test_never_fails_in_another_way(text):
    """Any text is read or refused."""
    lines = range(1, text.count("\n") + 2)
    try:
        line = read_document(text).lines[()]
    except UnreadableError as error:
        line = error.line
    assert line in lines


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="ascii")),
        lambda inner: st.lists(inner) | st.dictionaries(st.text("abc", min_size=1), inner),
        max_leaves=20,
    )
)
def test_reads_what_yaml_writes(value):
    """Plain values written by PyYAML come back as they were."""
    assert read_document(yaml.safe_dump(value)).value == value
