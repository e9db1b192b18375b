"""`mysqlproxy token`: an IAM token to log in with."""

from __future__ import annotations

from typing import Any

import click

_EPILOG = """\b
For instance:
  mysql -h shop-db.example -u app --ssl-mode=VERIFY_IDENTITY --ssl-ca=ca.pem \\
    --password="$(mysqlproxy token --user app --host shop-db.example --region eu-central-1)"
"""


def _endpoint(_context: Any, _parameter: Any, url: str | None) -> str | None:
    """The address of an STS, as it was given.

    Raises:
        click.BadParameter: it is none.
    """
    if url is None:
        return None
    from proxy.credentials.iam.sts import sts_endpoints  # noqa: PLC0415 - see `token`

    try:
        sts_endpoints("", url)
    except ValueError:
        raise click.BadParameter("it is not https://host or https://host:port") from None
    return url


@click.command(epilog=_EPILOG, short_help="Print an IAM token to log in with.")
@click.option("-u", "--user", required=True, help="As whom the token shall log in.")
@click.option(
    "-h", "--host", required=True, help="The host name by which the proxy is reached."
)
@click.option(
    "-P",
    "--port",
    type=click.IntRange(1, 65535),
    default=3306,
    show_default=True,
    help="The port of the proxy.",
)
@click.option("--region", help="The region; by default that of the environment or the profile.")
@click.option("--profile", help="A profile of the AWS configuration files.")
@click.option(
    "--sts",
    is_flag=True,
    help="A token that the proxy checks by asking AWS STS (iam.verification: STS).",
)
@click.option(
    "--sts-endpoint-url",
    callback=_endpoint,
    help="Another address of STS than AWS's own; with --sts.",
)
def token(
    user: str,
    host: str,
    port: int,
    region: str | None,
    profile: str | None,
    *,
    sts: bool,
    sts_endpoint_url: str | None,
) -> None:
    """Print an IAM token, good for 15 minutes, to log in with as a password.

    It is signed with the AWS credentials that are found as by AWS's own command line.
    """
    if sts_endpoint_url is not None and not sts:
        raise click.UsageError("--sts-endpoint-url needs --sts beside it")
    # botocore takes a while to import, and no other command needs it so early.
    from proxy.credentials.aws import (  # noqa: PLC0415 - see above
        AwsSettings,
        configured_region,
        make_session,
    )
    from proxy.credentials.aws_errors import (  # noqa: PLC0415 - see above
        AWS_ERRORS,
        AwsUnavailableError,
        explain,
    )
    from proxy.credentials.iam.sts import make_sts_token  # noqa: PLC0415 - see above
    from proxy.credentials.iam.token import make_token  # noqa: PLC0415 - see above

    try:
        settings = AwsSettings(region=region, profile=profile)
        session = make_session(settings)
        wanted = configured_region(settings)
        if not wanted:
            raise click.ClickException("no region is given: use --region, or set AWS_REGION")
        if sts:
            made = make_sts_token(session, host, port, user, wanted, sts_endpoint_url)
        else:
            made = make_token(session, host, port, user, wanted)
    except (AwsUnavailableError, *AWS_ERRORS) as error:
        raise click.ClickException(explain(error).why) from error
    click.echo(made)
