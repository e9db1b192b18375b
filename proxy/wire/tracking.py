"""Which session reports a client has asked for.

MySQL manual, "Server Tracking of Client Session State".
"""

from __future__ import annotations

import attrs

from proxy.wire.constants import SessionTrack
from proxy.wire.primitives import Malformed
from proxy.wire.responses import parse_variable_change

_ON = (b"1", b"ON")


@attrs.frozen(cache_hash=True)
class Tracking:
    """The `session_track_...` settings of a client.

    Attributes:
        variables: Of session_track_system_variables; None stands for `*`, all.
        schema: Of session_track_schema.
        state_change: Of session_track_state_change.
        transaction_info: Of session_track_transaction_info: OFF, STATE or CHARACTERISTICS.
        gtids: Of session_track_gtids.
        tells_explicit: With transaction_info OFF the server tells all the same when a
            transaction begins that was asked for, and when it ends: so does MySQL, MariaDB not.
    """

    variables: frozenset[bytes] | None = frozenset(
        (
            b"autocommit",
            b"character_set_client",
            b"character_set_connection",
            b"character_set_results",
            b"time_zone",
        )
    )
    schema: bool = True
    state_change: bool = False
    transaction_info: bytes = b"OFF"
    gtids: bool = False
    tells_explicit: bool = True

    def tells(self, kind: int, data: bytes) -> bool:
        """Whether the client gets this report."""
        match kind:
            case SessionTrack.SYSTEM_VARIABLES:
                pairs = parse_variable_change(data)
                return not isinstance(pairs, Malformed) and (
                    self.variables is None or all(name in self.variables for name, _ in pairs)
                )
            case SessionTrack.SCHEMA:
                return self.schema
            case SessionTrack.STATE_CHANGE:
                return self.state_change
            case SessionTrack.TRANSACTION_STATE:
                return self.transaction_info != b"OFF"
            case SessionTrack.TRANSACTION_CHARACTERISTICS:
                return self.transaction_info == b"CHARACTERISTICS"
            case SessionTrack.GTIDS:
                return self.gtids
            case _:
                return False

    def assign(self, values: dict[bytes, bytes]) -> Tracking:
        """The settings after a SET, from names without `session_track_` and their values."""
        tracking = self
        if b"system_variables" in values:
            names = values[b"system_variables"].replace(b" ", b"").lower()
            every = names == b"*"
            tracking = attrs.evolve(
                tracking, variables=None if every else frozenset(names.split(b",")) - {b""}
            )
        if b"schema" in values:
            tracking = attrs.evolve(tracking, schema=values[b"schema"] in _ON)
        if b"state_change" in values:
            tracking = attrs.evolve(tracking, state_change=values[b"state_change"] in _ON)
        if b"gtids" in values:
            tracking = attrs.evolve(tracking, gtids=values[b"gtids"] not in (b"OFF", b"0"))
        if b"transaction_info" in values:
            info = values[b"transaction_info"]
            tracking = attrs.evolve(tracking, transaction_info=info)
        return tracking


NOTHING = Tracking(
    variables=frozenset(), schema=False, transaction_info=b"OFF", tells_explicit=False
)
"""Of somebody who wants no reports at all."""
