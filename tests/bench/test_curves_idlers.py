import pytest

from bench.clients_sysbench import LoadFailedError
from bench.curves.idlers import come

HOST = "127.0.0.1"
SOURCE = "127.0.0.2"


def test_a_client_comes_and_stays(served):
    """It has run one statement, and says nothing more."""
    held = come(HOST, served.port, SOURCE, tls=True)
    assert held
    assert served.received == [b"\x03SELECT 1"]
    held[0].close()


def test_a_refused_client_says_why(served):
    """In the server's words."""
    served.verdict = (b"\xff\x15\x04#28000Access denied",)
    with pytest.raises(LoadFailedError, match="Access denied"):
        come(HOST, served.port, SOURCE, tls=True)
