import attrs
import pytest
from prometheus_client import generate_latest

from proxy.observe.metrics import PREFIX, Counters, Gauges, ProxyCollector, make_registry


@pytest.fixture
def collector():
    return ProxyCollector()


def test_counts_are_read_when_somebody_asks(collector):
    """A scrape shows the integers as they are at that moment, by proxy."""
    registry = make_registry(collector)
    shop, blog = Counters(), Counters()
    collector.watch("shop", shop, Gauges)
    collector.watch("blog", blog, Gauges)
    shop.query_requests += 3
    name = "mysqlproxy_query_requests_total"
    assert registry.get_sample_value(name, {"proxy": "shop"}) == 3
    assert registry.get_sample_value(name, {"proxy": "blog"}) == 0
    shop.query_requests += 1
    assert registry.get_sample_value(name, {"proxy": "shop"}) == 4


def test_pins_are_counted_by_reason(collector):
    """Each reason for a pin is a series of its own."""
    registry = make_registry(collector)
    counters = Counters()
    collector.watch("shop", counters, Gauges)
    for reason in ("get_lock", "temporary_table", "get_lock"):
        counters.count_pin(reason)
    name = "mysqlproxy_session_pins_total"
    assert registry.get_sample_value(name, {"proxy": "shop", "reason": "get_lock"}) == 2
    assert registry.get_sample_value(name, {"proxy": "shop", "reason": "temporary_table"}) == 1


def test_gauges_are_asked_once_a_scrape(collector):
    """All gauges of a scrape come from one look, so that they fit together."""
    looks = []

    def look():
        looks.append(1)
        return Gauges(client_connections=len(looks), database_connections=5)

    registry = make_registry(collector)
    collector.watch("shop", Counters(), look)
    text = generate_latest(registry).decode()
    assert looks == [1]
    assert 'mysqlproxy_client_connections{proxy="shop"} 1.0' in text
    assert 'mysqlproxy_database_connections{proxy="shop"} 5.0' in text


def test_every_field_is_a_series_with_a_sentence(collector):
    """No counter and no gauge is left out of the page, and each is explained."""
    families = {family.name: family for family in collector.collect()}
    fields = [*attrs.fields(Counters), *attrs.fields(Gauges)]
    assert set(families) == {PREFIX + field.name for field in fields}
    assert all(family.documentation.endswith(".") for family in families.values())


def test_a_forgotten_proxy_is_not_shown(collector):
    """After forget() no series carries the name of the proxy."""
    registry = make_registry(collector)
    collector.watch("shop", Counters(), Gauges)
    collector.forget("shop")
    assert b"shop" not in generate_latest(registry)


def test_counters_are_slotted():
    """A misspelt counter is an error and not a new attribute."""
    with pytest.raises(AttributeError):
        Counters().query_request = 1
