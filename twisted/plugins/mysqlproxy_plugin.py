"""Tells twistd of the command `mysqlproxy`."""

from twisted.application.service import ServiceMaker

mysqlproxy = ServiceMaker(
    "mysqlproxy", "proxy.tap", "A pooling, multiplexing proxy for MySQL.", "mysqlproxy"
)
