"""Scripts by hand and by chance are answered as directly, among others on few backends."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from proxy.embedded import Flavor
from tests.differential import chance
from tests.differential.compare import differences
from tests.differential.crowd import crowd
from tests.differential.scripts import SCRIPTS
from tests.differential.stage import NEW, OLD, Stage
from tests.support.process import running_proxy

pytestmark = pytest.mark.live

OTHERS = 8
BACKENDS = {"max_connections": 3, "connection_borrow_timeout": 30}
SHAPES = {"old clients": OLD, "new clients": NEW}
GENERATED = 12
"""Scripts by chance for each server and shape, of some forty steps; `make soak` runs more."""


@pytest.fixture(scope="module", params=SHAPES)
def shape(request):
    """What the clients negotiate."""
    return SHAPES[request.param]


@pytest.fixture(scope="module", params=list(Flavor), ids=lambda flavor: flavor.value)
def played(request, shape, tmp_path_factory):
    """A stage and the port of a proxy whose backends others use all the time."""
    server = request.getfixturevalue(f"{request.param.value}_server")
    with contextlib.ExitStack() as stack:
        folder = tmp_path_factory.mktemp("differential")
        proxy = stack.enter_context(running_proxy(server, folder, pool=BACKENDS))
        stage = Stage(server, "subject")
        others = stack.enter_context(crowd(server, proxy.port, OTHERS, shape))
        yield stage, proxy.port
        assert others.said > 0


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_is_answered_as_directly(name, played, shape):
    """Every packet says the same: answers, columns, warnings, ids, status bits and errors."""
    stage, port = played
    found = differences(stage, port, SCRIPTS[name], shape)
    assert not found, found


def test_scripts_by_chance_are_answered_as_directly(played, shape):
    """The same for sequences that nobody thought of; the same ones in every run."""
    stage, port = played
    mariadb = stage.server.flavor is Flavor.MARIADB
    scripts = chance.script(mariadb=mariadb, schema=stage.schema, other=stage.other)

    @settings(
        max_examples=GENERATED,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(scripts)
    def play(script):
        found = differences(stage, port, script, shape)
        assert not found, found

    play()
