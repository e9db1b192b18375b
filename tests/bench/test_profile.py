import pytest

from bench.profile import STEPS, THE_REST, stacks, step_of

SCRIPT = """\
          5d8c2 _PyEval_EvalFrameDefault
          4c1d0 CPyDef_express___start
          4c100 CPyDef_front___client___Client___packet_arrived

          11111 [unknown]
          22222
          33333 CPyDef_scan___number_packets
          44444 CPyDef_exchange___Exchange___feed
"""


def test_samples_are_cut_apart():
    """An empty line ends each, the last one too; an address may have no name."""
    one, other = stacks(SCRIPT.splitlines())
    assert one[1] == "CPyDef_express___start"
    assert other[:2] == ["[unknown]", ""]


def test_a_sample_counts_for_the_innermost_function_of_ours():
    """What Python does for it belongs to it."""
    assert [step_of(names) for names in stacks(SCRIPT.splitlines())] == [
        "understand a command",
        "make EOF packets for older clients",
    ]
    assert step_of(["send", "_PyEval_EvalFrameDefault"]) == THE_REST


@pytest.mark.parametrize(
    ("function", "step"),
    [
        ("CPyPy_front___client___Client___lent", "find a backend, give it back"),
        ("CPyDef_front___client___Client___answer_arrived", "take over what it says"),
        ("CPyDef_exchange___Exchange___begin", "send a command"),
        ("CPyDef_exchange___Exchange____end", "follow an answer"),
    ],
)
def test_the_first_step_that_fits_has_it(function, step):
    """A module's functions may belong to several steps."""
    assert step in STEPS
    assert step_of([function]) == step
