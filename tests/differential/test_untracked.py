"""Without session trackers the text alone tells what changes a session: more pins."""

from __future__ import annotations

import pytest

from proxy.embedded import Flavor
from tests.differential.compare import differences
from tests.differential.crowd import played_among
from tests.differential.scripts import SCRIPTS
from tests.differential.stage import OLD
from tests.support.old_server import old_server

pytestmark = pytest.mark.live

OTHERS = 8
BACKENDS = OTHERS + 2
"""One for each that is pinned: what is never enough with fewer is no fault of the sessions."""


@pytest.fixture(scope="module", params=list(Flavor), ids=lambda flavor: flavor.value)
def played(request, tmp_path_factory):
    """A stage, and the port of a proxy before a server that reports nothing."""
    server = request.getfixturevalue(f"{request.param.value}_server")
    folder = tmp_path_factory.mktemp("untracked")
    with (
        old_server(server) as target,
        played_among(
            OTHERS, server, folder, shape=OLD, backends=BACKENDS, target=target
        ) as played,
    ):
        yield played


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_is_answered_as_directly_without_trackers(name, played):
    """What no text tells to be over pins, and nothing of it is seen elsewhere."""
    stage, port = played
    found = differences(stage, port, SCRIPTS[name], OLD)
    assert not found, found
