"""What can go wrong on the way to a running server, each with one sentence for its reader."""


class EmbeddedError(Exception):
    """A real server could not be had; the text says why and what to do."""


class ServerNotFoundError(EmbeddedError):
    """There are no server programs on this machine, and none could be fetched."""


class ServerFailedError(EmbeddedError):
    """The programs are there, but the server did not start, stop or answer in its time."""
