"""The command that serves a guideline."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import click

from reasoner.cli.inputs import load
from reasoner.cli.options import Command, guideline_options
from reasoner.errors import ReasonerError
from reasoner.guideline import Selection


def seconds_option(name: str, default: float, words: str) -> Callable[[Command], Command]:
    """Take a time limit, in seconds."""
    seconds = click.FloatRange(0, min_open=True)
    return click.option(name, type=seconds, default=default, show_default=True, metavar="SECONDS", help=words)


@click.command()
@guideline_options
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=8000, show_default=True, metavar="N", help="The port to listen on."
)
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, metavar="N", help="How many processes.")
@click.option("--public-url", default="", metavar="URL", help="Where clients reach the service.  [default: the Host header]")
@click.option(
    "--allow-origin",
    "origins",
    multiple=True,
    metavar="ORIGIN",
    help="Let pages from ORIGIN call the service from browsers (repeatable; * for all).",
)
@click.option(
    "--keys",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Require CDS clients to send a token signed with a key of this JWK Set.",
)
@click.option(
    "--fhir-server",
    "fhir_servers",
    multiple=True,
    metavar="URL",
    help="Fetch what a CDS client does not prefetch from this FHIR server, with the client's token (repeatable).",
)
@click.option(
    "--fhir-network",
    "fhir_networks",
    multiple=True,
    metavar="CIDR",
    help="Let such a server have addresses in this network, which is not public (repeatable).",
)
@seconds_option("--fetch-timeout", 5, "How long fetching may take in all.")
@click.option("--issuer", "issuers", multiple=True, metavar="ISS", help="Trust only tokens from ISS (repeatable).")
@click.option(
    "--max-body", type=click.IntRange(1), default=16, show_default=True, metavar="MIB", help="The largest body, in MiB."
)
@seconds_option("--body-timeout", 10, "How long a request's head, and then its body, may take to arrive.")
@seconds_option("--answer-timeout", 30, "How long an answer may take.")
@click.option(
    "--max-waiting",
    type=click.IntRange(0),
    default=64,
    show_default=True,
    metavar="N",
    help="How many long questions may wait in each process.",
)
@click.option(
    "--max-courses",
    type=click.IntRange(0, 50),
    default=20,
    show_default=True,
    metavar="N",
    help="The longest history that is answered.",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="The lowest level that is logged.",
)
def serve(
    selection: Selection, host: str, port: int, workers: int, public_url: str, origins: tuple[str, ...], keys: Path | None,
    fhir_servers: tuple[str, ...], fhir_networks: tuple[str, ...], fetch_timeout: float, issuers: tuple[str, ...],
    max_body: int, body_timeout: float, answer_timeout: float, max_waiting: int, max_courses: int, log_level: str,
) -> None:  # fmt: skip
    """Serve the guideline over HTTP: CDS Hooks, a JSON API and a page to try it.

    Behind a proxy that terminates TLS, give the URL that clients use with --public-url. The log is written to standard error
    as lines of JSON and holds nothing about patients. A container file and a systemd unit are in the package's folder
    serve/deploy.
    """
    try:
        from reasoner.serve.run import run
        from reasoner.serve.settings import Settings
    except ModuleNotFoundError as error:
        raise ReasonerError(f"{error.name} is not installed; pip install 'guideline-reasoner[serve]'") from None
    check_public_url(public_url, keys)
    load(selection, with_fhir=True)
    settings = Settings(
        selection=Selection(
            selection.folder.resolve(),
            selection.layer,
            tuple(path.resolve() for path in selection.overlays),
            selection.readings,
            selection.no_record_means_none,
        ),
        public_url=public_url.rstrip("/"),
        origins=origins,
        keys=None if keys is None else str(keys.resolve()),
        issuers=issuers,
        fhir_servers=fhir_servers,
        fhir_networks=fhir_networks,
        fetch_seconds=fetch_timeout,
        largest_body=max_body * 2**20,
        body_seconds=body_timeout,
        answer_seconds=answer_timeout,
        waiting=max_waiting,
        courses=max_courses,
        log_level=log_level,
    )
    run(settings, host, port, workers)


def check_public_url(url: str, keys: Path | None) -> None:
    """Check where clients reach the service; raises ReasonerError where links in cards would lead nowhere."""
    if keys is not None and not url:
        raise ReasonerError(
            "--keys: needs --public-url: tokens are issued for that URL and links in cards lead there; "
            "write --public-url https://cds.example.org"
        )
    if url:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ReasonerError(f"--public-url {url}: not a whole URL; write one such as https://cds.example.org")
