"""A configuration on its way into force: first all that may fail, then what does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from proxy.config.model import Config
from proxy.config.problem import ConfigError
from proxy.credentials.admins import Admins
from proxy.credentials.aws_errors import AwsUnavailableError
from proxy.credentials.aws_threads import AwsThreads
from proxy.credentials.static import PasswordUnreadableError
from proxy.observe.log import level
from proxy.policy.standing import OperationRefusedError
from proxy.service.assembly import AnyAssembly
from proxy.service.fresh import Fresh, begin_sources, make, wait_for_secrets
from proxy.service.logged import apply_log
from proxy.service.materials import Living
from proxy.service.renewal import examine, renew
from proxy.service.tokens import UnusableError

if TYPE_CHECKING:
    from proxy.service.serving import Serving

T = TypeVar("T")


@attrs.frozen
class Change:
    """See the module.

    Attributes:
        serving: Who is to go by it.
        admins: Who gets the console there.
        fresh: What was made for it.
        before: The proxies that there are, by name.
        begun: What has begun to read passwords for it.
    """

    serving: Serving
    admins: Admins
    fresh: Fresh
    before: Mapping[str, Any]
    begun: list[Living]

    def examine(self) -> None:
        """Look whether it can be put in force now.

        Raises:
            UnusableError: it cannot; says why.
        """
        for name, materials in self.fresh.materials.items():
            examine(self.before[name], materials)

    def abandon(self) -> None:
        """Leave everything as it is."""
        for source in self.begun:
            source.stop()

    def put_in_force(self) -> None:
        """Go by it from now on; nothing of this fails, and nobody is served in between."""
        serving, fresh = self.serving, self.fresh
        self.admins.replace(fresh.admins)
        for name, materials in fresh.materials.items():
            renew(self.before[name], materials)
        old, serving.config = serving.config, fresh.config
        served = [fresh.assembly(one.name, self.before) for one in fresh.config.proxies]
        serving.take(served, [*fresh.added.values()])
        _change_log(old, fresh.config, serving)


async def begin_change(
    serving: Serving,
    admins: Admins,
    read: Callable[[], Config],
    assemble: Callable[[Any], AnyAssembly],
) -> Change:
    """Make all that a configuration needs, and read its passwords.

    Args:
        serving: Who is to go by it.
        admins: Who gets the console there.
        read: Gives the configuration; called in a thread.
        assemble: Makes a proxy that is new.

    Raises:
        OperationRefusedError: something cannot be used; says all reasons, a line for each.
    """
    before = {one.proxy.config.name: one for one in serving.assemblies}
    fresh = await _in_thread(serving, partial(make, read, before, assemble))
    begun = begin_sources(fresh, before)
    change = Change(serving, admins, fresh, before, begun)
    try:
        await wait_for_secrets(begun)
    except BaseException:
        change.abandon()
        raise
    return change


async def _in_thread(serving: Serving, work: Callable[[], T]) -> T:
    """Call what reads files: one that is far away may hang, and clients are served."""
    threads = AwsThreads(serving.reactor)
    threads.start()
    try:
        return await threads.run(work)
    except (ConfigError, PasswordUnreadableError, UnusableError) as error:
        raise OperationRefusedError(str(error)) from error
    except AwsUnavailableError as error:
        raise OperationRefusedError("reading its files takes too long") from error
    finally:
        threads.stop()


def _change_log(old: Config, new: Config, serving: Serving) -> None:
    """A level that was set while the proxy runs stays, unless the file has another one now."""
    settings = new.log
    if old.log.level == settings.level:
        settings = attrs.evolve(settings, level=level())
    apply_log(settings, serving.proxies)
