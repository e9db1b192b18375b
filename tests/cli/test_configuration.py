"""Tests of `proxy.cli.configuration`."""

import click
import pytest

from proxy.cli.configuration import load
from tests.cli.test_main import GOOD


def test_what_the_file_points_to_is_read(tmp_path):
    """A password and a certificate that are not there are told before anything starts."""
    path = tmp_path / "mysqlproxy.yaml"
    path.write_text(GOOD)
    with pytest.raises(click.ClickException, match=r"proxy shop: .*app\.password"):
        load(path)
    (tmp_path / "app.password").write_text("secret\n")
    assert load(path).proxies[0].name == "shop"
    tls = 'tls: {certificates: [{certificate: "no.crt", private_key: "no.key"}]}'
    path.write_text(GOOD.replace("target_group", f"{tls}\n    target_group"))
    with pytest.raises(click.ClickException, match=r"proxy shop: .*no\.crt: cannot be read"):
        load(path)
