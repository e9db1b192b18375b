"""The console before proxies that do nothing."""

from __future__ import annotations

import ipaddress

from twisted.internet.defer import Deferred

from proxy.admin.console import AdminConsole
from proxy.admin.site import AdminSite
from proxy.config.admin import AdminConfig
from proxy.config.admin_users import AdminRole
from proxy.credentials.admins import Admin, Admins
from proxy.credentials.source import Credential
from proxy.errors import StatementRefusedError
from proxy.front.console import Asker, Table
from tests.admin.operating import FakeOperations, FakeProcess

HERE = (ipaddress.ip_network("127.0.0.0/8"),)
USERS = {
    name: Admin(Credential(name, ("a-long-password",), networks=HERE), role)
    for name, role in (("ops", AdminRole.OPERATOR), ("eye", AdminRole.VIEWER))
}


class Terminal:
    """Somebody at the console.

    Attributes:
        process: Whose console it is.
        operations: Those of its proxies.
        admins: Who may be at it.
    """

    def __init__(self, *names):
        self.operations = [FakeOperations(name) for name in names or ("shop",)]
        self.process = FakeProcess(*self.operations)
        self.clock = self.process.stages[0].clock
        self.desk = AdminSite(self.process, AdminConfig(), self.clock).desk
        self.admins = Admins(USERS)
        self.console = AdminConsole(self.desk, self.admins)

    def begin(self, text, user="ops", schema=""):
        """Send a statement; the Deferred of its answer."""
        asker = Asker(77, user, "127.0.0.1", "shop", schema, "8.4.0")
        text = text if isinstance(text, bytes) else text.encode()
        return Deferred.fromCoroutine(self.console.answer(asker, text))

    def say(self, text, user="ops", **more):
        """Send a statement that is answered at once; its answer."""
        results = []
        self.begin(text, user, **more).addBoth(results.append)
        (result,) = results
        if hasattr(result, "raiseException"):
            result.raiseException()
        return result

    def rows(self, text, user="ops", **more):
        """The same; the rows as dicts, numbered where columns have one name."""
        answer = self.say(text, user, **more)
        assert isinstance(answer, Table)
        names = [column.name for column in answer.columns]
        return [dict(zip(names, row, strict=True)) for row in answer.rows]

    def refusal(self, text, user="ops", **more):
        """The same for what is refused: the reply."""
        try:
            answer = self.say(text, user, **more)
        except StatementRefusedError as error:
            return error.reply
        raise AssertionError(f"not refused: {answer}")
