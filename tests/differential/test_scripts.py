"""Scripts by hand and by chance are answered as directly, among others on few backends."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from proxy.embedded import Flavor
from tests.differential import chance
from tests.differential.compare import differences
from tests.differential.crowd import played_among
from tests.differential.scripts import SCRIPTS
from tests.differential.stage import NEW, OLD
from tests.support.process import WORKERS, WORKERS_IN_TURN

pytestmark = pytest.mark.live

OTHERS = 8
BACKENDS = 3
SHAPES = {"old clients": OLD, "new clients": NEW}
MANNERS = {
    **{name: (shape, WORKERS) for name, shape in SHAPES.items()},
    **{
        f"{workers} workers": (NEW, workers)
        for workers in WORKERS_IN_TURN
        if workers != WORKERS
    },
}
"""What the clients negotiate, and how many processes serve them."""

GENERATED = 12
"""Scripts by chance for each server and shape, of some forty steps; `make soak` runs more."""


@pytest.fixture(scope="module", params=MANNERS)
def manner(request):
    """Each of them in turn."""
    return MANNERS[request.param]


@pytest.fixture(scope="module")
def shape(manner):
    """What the clients negotiate."""
    return manner[0]


@pytest.fixture(scope="module", params=list(Flavor), ids=lambda flavor: flavor.value)
def played(request, manner, tmp_path_factory):
    """A stage and the port of a proxy whose backends others use all the time."""
    server = request.getfixturevalue(f"{request.param.value}_server")
    folder = tmp_path_factory.mktemp("differential")
    shape, workers = manner
    with played_among(
        OTHERS, server, folder, shape=shape, backends=BACKENDS, workers=workers
    ) as played:
        yield played


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
