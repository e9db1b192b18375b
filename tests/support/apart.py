"""A proxy in two parts, in memory: the supervisor's, and a worker's."""

from __future__ import annotations

from types import SimpleNamespace

import attrs

from proxy.pool.board import Board
from proxy.service.assembly import assemble_distant, assemble_served
from proxy.service.materials import Materials
from proxy.service.renewal import examine, renew
from proxy.service.seats.directed import Directed
from proxy.service.seats.remembered import Remembered
from proxy.service.supervising.directing import Directing
from proxy.service.supervising.remembering import Remembering
from tests.support.staffed import MemoryLink


class Apart:
    """See the module.

    Attributes:
        distant: The supervisor's part.
        served: The worker's.
        attached: Targets whose pools share connections.
    """

    def __init__(self, config, shared):
        self.shared = shared
        self._ours, self._theirs = MemoryLink.pair(shared.reactor)
        self._board = Board.make()
        self.attached = []
        self.directing = Directing(self._ours.tell)
        self.directed = Directed(self._theirs, 1, self._board)
        self.remembering = Remembering(self._ours.tell, shared.reactor)
        self.distant = assemble_distant(config, shared, self.directing, self.remembering)
        shares = SimpleNamespace(
            attach=lambda _, *, proxy, target: self.attached.append((proxy, target))
        )
        self.remembered = Remembered(self._theirs)
        self.served = assemble_served(config, shared, self.directed, shares, self.remembered)

    def start(self):
        """Start both, the supervisor first."""
        self.distant.start()
        for part in (self.directing, self.remembering):
            part.join(SimpleNamespace(number=1, link=self._ours))
        self.served.start()
        self.run()
        return self

    def run(self):
        """Let all be heard that was said."""
        for _ in range(4):
            self.shared.reactor.advance(0)

    def renew(self, **settings):
        """Have both go by other settings, the worker first."""
        for assembly in (self.served, self.distant):
            workshop = assembly.workshop
            config = attrs.evolve(assembly.proxy.config, **settings)
            fresh = Materials(config, workshop.means, workshop.materials)
            examine(assembly, fresh)
            for source in fresh.living:
                if source not in workshop.materials.living:
                    source.start()
            renew(assembly, fresh)
        self.run()

    def stop_supervisor(self):
        """Stop the one part."""
        if not self.distant.steward.stopped:
            self.distant.stop()
            self.run()

    def stop(self):
        """Stop both, the supervisor first."""
        self.stop_supervisor()
        self.served.stop()
        self._board.close()
