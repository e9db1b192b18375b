"""The process that was started, where others serve the clients: it has everything else."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.protocol import Factory

from proxy.admin.console import AdminConsole
from proxy.config.load import load_config_text, read_config
from proxy.config.model import Config, ProxyConfig
from proxy.front.proxy import ConnectionIds, first_number
from proxy.observe.log import events, get_logger, level
from proxy.policy.standing import OperationRefusedError
from proxy.pool.board import Board
from proxy.service.alone import Alone
from proxy.service.assembly import AnyAssembly, DistantAssembly, assemble_distant
from proxy.service.channel import Channel
from proxy.service.cores import decide
from proxy.service.handover.restart import Going, HandedOver
from proxy.service.link import LinkError, LinkRefusedError, LinkSilentError, all_of
from proxy.service.started import Started
from proxy.service.supervising.balancing import Balancing
from proxy.service.supervising.budget import Budget
from proxy.service.supervising.directing import Directing
from proxy.service.supervising.distant_console import ConsoleForWorkers
from proxy.service.supervising.distant_events import EventsOfWorkers
from proxy.service.supervising.distant_kill import KillsBetween
from proxy.service.supervising.distant_sights import DistantSights
from proxy.service.supervising.member import Member
from proxy.service.supervising.reception import Reception
from proxy.service.supervising.relay import Relay
from proxy.service.supervising.remembering import Remembering
from proxy.service.supervising.staff import Seat, Staff
from proxy.service.supervising.staff_leaving import StaffLeaving
from proxy.service.tokens import UnusableError

TICKET_KEY_BYTES = 32
"""Of the secret by which workers seal TLS sessions for clients to keep."""


class Supervisor(Started):
    """See the module.

    Attributes:
        staff: Who serves.
        reception: Deals the clients.
        relay: Carries those that change workers.
        text: That of the configuration in force.
    """

    def __init__(self, reactor: Any, config_path: Path, size: int) -> None:
        """Prepare.

        Args:
            reactor: Ours.
            config_path: The configuration file.
            size: How many serve.

        Raises:
            UnusableError: the configuration points to something that cannot be used.
        """
        self.text = read_config(config_path)
        config = load_config_text(self.text, config_path)
        log = get_logger()
        self._board = Board.make()
        self._ticket_key = secrets.token_bytes(TICKET_KEY_BYTES)
        self.staff = Staff(size, reactor, self._begin_of, self._board, log)
        self.reception = Reception(self.staff, reactor, log, self._limit_of)
        self.relay = Relay(self.staff, log)
        self._balancing = Balancing(self.staff, self.relay, reactor, log)
        self._prepared: list[Member] = []
        self._directing = Directing(self.staff.tell)
        self._remembering = Remembering(self.staff.tell, reactor)
        self._budget = Budget(reactor, config.proxies)
        kills = KillsBetween(lambda: self.staff.members)
        events_of_workers = EventsOfWorkers(events, log)
        self._distant = DistantSights(self.staff, reactor, self._distant_assemblies, log)
        super().__init__(
            config,
            reactor,
            config_path,
            reader=self.reception.reader,
            take=self.relay.take,
            sights=self._distant,
        )
        self._last_number = self._ids.upcoming
        self.collector.workers = self._distant.tallies.now
        consoles = ConsoleForWorkers(AdminConsole(self.admin.desk, self.admins), reactor)
        for part in (
            self._directing,
            self._remembering,
            self._budget,
            kills,
            consoles,
            events_of_workers,
        ):
            self.staff.on_joining.append(part.join)
        for leaving in (self._directing, self._budget, consoles):
            self.staff.on_left.append(leaving.leave)
        self.staff.on_left.append(self._note_numbers)

    def _distant_assemblies(self) -> list[DistantAssembly]:
        return [one for one in self.assemblies if isinstance(one, DistantAssembly)]

    def _limit_of(self, name: str) -> int:
        """How many clients a proxy may have; 0 where there is none of that name."""
        configs = (proxy.config for proxy in self.proxies)
        return next((one.max_clients for one in configs if one.name == name), 0)

    def _begin_of(self, seat: Seat) -> dict[str, Any]:
        assert seat.member is not None
        first = seat.member.first_number = first_number(seat.number, self._highest())
        return {
            "number": seat.number,
            "workers": len(self.staff.seats),
            "text": self.text,
            "path": str(self.config_path),
            "level": level(),
            "ticket_key": self._ticket_key.hex(),
            "first_number": first,
        }

    def _note_numbers(self, member: Member) -> None:
        """A client that has moved away keeps its number: no other one gets that."""
        self._last_number = max(self._last_number, member.last_number)

    def _highest(self) -> int:
        """A number above which nobody has one; it may have more than the 32 bits of those."""
        for member in self.staff.joined:
            self._note_numbers(member)
        return self._last_number

    def _handed_over(self) -> HandedOver:
        self._ids.upcoming = ConnectionIds(self._highest()).upcoming
        return super()._handed_over()

    # Serving by others

    def assemble(self, config: ProxyConfig) -> DistantAssembly:
        """See `Started`."""
        return assemble_distant(config, self._shared, self._directing, self._remembering)

    def _watch(self, assembly: AnyAssembly) -> None:
        assert isinstance(assembly, DistantAssembly)
        sight = self._distant.of(assembly)
        self.collector.watch(sight.name, sight.counters, sight.now)

    def clients_of(self, proxy: Any, endpoint: str) -> Factory:
        """See `Started`."""
        return self.reception.endpoint(proxy.config.name, endpoint)

    def _see_targets(self) -> None:
        """Its workers do."""

    def _begin(self) -> None:
        super()._begin()
        self.staff.start()
        self._balancing.start()

    async def _can_serve(self, proxy: Any) -> None:  # noqa: ARG002 - all serve all
        try:
            await self.staff.complete()
        except OperationRefusedError as error:
            if self.running:  # else it is stopped before it has begun, which is no mistake
                raise UnusableError(f"a worker cannot serve: {error.why}") from error

    async def _let_go(self, is_awaited: Callable[[], bool]) -> None:  # noqa: ARG002 - its workers know that
        self._balancing.stop()
        self.reception.stop()
        self.relay.halt()
        await self.staff.end(self.config.drain_timeout)
        self.relay.stop()
        self._budget.stop()
        for assembly in (*self.assemblies, *self._leaving):
            assembly.stop()
        self._leaving = {}

    async def _end(self, assembly: AnyAssembly) -> None:
        """The workers let the clients of a proxy go that is no more."""
        del self._leaving[assembly]
        assembly.stop()
        name = assembly.proxy.config.name
        if name not in [one.config.name for one in self.proxies]:
            self.collector.forget(name)

    def _tend(self, assembly: AnyAssembly) -> None:
        assembly.look()

    def _leave_to(self, channel: Channel) -> Going:
        return StaffLeaving(
            channel,
            self.staff,
            self.relay,
            self.config.handover_timeout,
            self._has_no_predecessor,
            lambda: self.reception.are_dealt,
            self.reactor,
            self._log,
        )

    def _look(self) -> None:
        super()._look()
        self._remembering.look()
        for proxy in self.proxies:
            name = proxy.config.name
            proxy.count = sum(one.clients_of(name) for one in self.staff.members)

    # Another configuration

    async def prepare_others(self, text: str) -> None:
        """See `Started`."""
        self._prepared = self.staff.joined
        troubles = dict.fromkeys(
            why for why in await all_of(_prepare(one, text) for one in self._prepared) if why
        )
        if troubles:
            raise OperationRefusedError("\n".join(troubles))

    def let_others_be(self) -> None:
        """See `Started`."""
        for member in self._prepared:
            member.link.tell("abandon")

    def have_others_change(self, text: str) -> None:
        """See `Started`."""
        self.text = text
        self._budget.reconfigure(load_config_text(text, str(self.config_path)).proxies)
        for member in self.staff.joined:
            if member in self._prepared:
                member.link.tell("commit")
            else:
                self.staff.dismiss(member, "it has begun with the configuration before")


async def _prepare(member: Member, text: str) -> str:
    """Why a worker cannot go by a configuration; empty when it can, or is gone."""
    try:
        await member.link.ask("prepare", text=text)
    except LinkRefusedError as error:
        return str(error)
    except LinkSilentError:
        return f"worker {member.number} has not got ready for it in time"
    except LinkError:
        return ""  # it is replaced by another one
    return ""


def process_for(config: Config, reactor: Any, path: Path | None = None) -> Started:
    """What serves a configuration: this process alone, or others that it supervises.

    Raises:
        UnusableError: the configuration points to something that cannot be used.
    """
    if path is None:  # others could not read it
        return Alone(config, reactor)
    decided = decide(config.workers)
    count = decided.count
    made = Alone(config, reactor, path) if count == 1 else Supervisor(reactor, path, count)
    get_logger().info("the number of workers is decided", workers=count, why=decided.why)
    return made
