"""How many files this process, and those that it starts, may have open: as many as they may.

Each client takes a descriptor.  Of those that are on their way between processes of one user,
as clients are between workers, the kernel lets there be no more than whoever sends one may have
open.  Where nothing else is said that is 1024, the soft limit; whoever needs more has to ask.
"""

from __future__ import annotations

import resource
from typing import Final

from structlog.typing import FilteringBoundLogger

MOST: Final = 1 << 20
"""More is not asked for: it is what Linux lets a process have if nothing else is set
(fs.nr_open), and more clients than one process serves.  In some containers the limit is 2^30 or
none, and there are programs that set up memory for as many files as they may open: database
servers, which `mysqlproxy try` starts."""


def raise_limit(log: FilteringBoundLogger) -> None:
    """Have the soft limit be the hard one; children inherit it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError) as error:  # it is forbidden, or nr_open is less by now
        log.warning(
            "the limit of open files cannot be raised",
            limit=soft,
            wanted=wanted,
            why=str(error),
        )
    else:
        log.info("the limit of open files is raised", limit=wanted, before=soft)
