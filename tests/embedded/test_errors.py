from proxy.embedded import errors


def test_one_except_clause_catches_every_failure_to_get_a_server():
    """Not found and failed are both an EmbeddedError, and neither is the other."""
    assert issubclass(errors.ServerNotFoundError, errors.EmbeddedError)
    assert issubclass(errors.ServerFailedError, errors.EmbeddedError)
    assert not issubclass(errors.ServerFailedError, errors.ServerNotFoundError)
