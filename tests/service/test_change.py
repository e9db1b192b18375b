"""Tests of `proxy.service.change`, with a process that serves nobody yet."""

from __future__ import annotations

import pytest
from twisted.internet import reactor

from proxy.config.load import load_config_text
from proxy.observe import log
from proxy.policy.standing import OperationRefusedError
from proxy.service import change as module
from proxy.service.alone import Alone
from proxy.service.change import begin_change
from proxy.service.tokens import UnusableError
from tests.support.turning import turned

TEXT = """
proxies:
  - name: shop
    auth: [{username: app, password: app-secret-1}]
    target_group: {targets: [{address: "127.0.0.1:1"}]}
    endpoints: [{name: main, listen: "tcp:0"}]
  - name: blog
    auth: [{username: app, password: app-secret-1}]
    target_group: {targets: [{address: "127.0.0.1:1"}]}
    endpoints: [{name: main, listen: "tcp:0"}]
"""


class Looks:
    """Looks at no target."""

    def begin(self, _proxy):
        """There is none."""

    def give_up(self, _proxy):
        """Nor is one sought."""


class Scene:
    """A process, and its configuration.

    Attributes:
        process: The process.
    """

    def __init__(self, folder):
        self.path = folder / "mysqlproxy.yaml"
        self.process = Alone(load_config_text(TEXT, self.path), reactor)
        self.process.first_looks = Looks()

    def begin(self, text):
        """Make all that another configuration needs."""
        process = self.process
        read = lambda: load_config_text(text, self.path)  # noqa: E731 - it is called elsewhere
        return turned(begin_change(process, process.admins, read, process.assemble))

    def names(self):
        """Of the proxies."""
        return [one.config.name for one in self.process.proxies]

    def proxy(self, name):
        """One of them."""
        return self.process.proxies[self.names().index(name)]


@pytest.fixture
def scene(tmp_path):
    """It has not begun."""
    before = log.level()
    scene = Scene(tmp_path)
    yield scene
    log.set_level(before)


def test_nothing_changes_before_it_is_put_in_force(scene):
    """Then all of it does; a proxy that stays is the same, with its clients."""
    shop = scene.proxy("shop")
    text = TEXT.replace("name: shop", "name: shop\n    max_clients: 7").replace(
        "name: blog", "name: news"
    )
    change = scene.begin(text)
    change.examine()
    assert scene.names() == ["shop", "blog"]
    assert shop.config.max_clients != 7
    change.put_in_force()
    assert scene.names() == ["shop", "news"]
    assert scene.proxy("shop") is shop
    assert shop.config.max_clients == 7
    assert scene.process.config.proxies[1].name == "news"


def test_what_is_abandoned_changes_nothing(scene):
    """What had begun to read passwords for it stops."""
    stopped = []

    class Source:
        def stop(self):
            stopped.append(True)

    change = scene.begin(TEXT.replace("name: blog", "name: news"))
    change.begun.append(Source())
    change.abandon()
    assert stopped == [True]
    assert scene.names() == ["shop", "blog"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (TEXT + "nonsense: 1\n", "nonsense"),
        (TEXT.replace("password: app-secret-1", "password_file: /nowhere"), "/nowhere"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(scene, text, why):
    """Nothing has changed."""
    with pytest.raises(OperationRefusedError, match=why):
        scene.begin(text)
    assert scene.names() == ["shop", "blog"]


def test_a_secret_that_cannot_be_read_ends_it(scene, monkeypatch):
    """What has begun to read others stops."""
    stopped = []

    class Source:
        def stop(self):
            stopped.append(True)

    async def wait(_begun):
        raise OperationRefusedError("secret shop: denied")

    monkeypatch.setattr(module, "begin_sources", lambda *_: [Source()])
    monkeypatch.setattr(module, "wait_for_secrets", wait)
    with pytest.raises(OperationRefusedError, match="denied"):
        scene.begin(TEXT)
    assert stopped == [True]


def test_what_does_not_suit_how_things_stand_is_said(scene, monkeypatch):
    """An operator may have given an order meanwhile."""

    def refuse(assembly, _materials):
        raise UnusableError(f"proxy {assembly.proxy.config.name}: not now")

    change = scene.begin(TEXT)
    monkeypatch.setattr(module, "examine", refuse)
    with pytest.raises(UnusableError, match="not now"):
        change.examine()


def test_a_level_of_the_log_that_was_set_by_hand_stays(scene):
    """Unless the file has another one now."""
    log.set_level("error")
    scene.begin(TEXT).put_in_force()
    assert log.level() == "error"
    scene.begin(TEXT + "log: {level: warning}\n").put_in_force()
    assert log.level() == "warning"
