"""``nextgen ui``, ``serve``, ``health``, ``metrics``, ``manifest``: what runs, and whether it is well."""

import sys
from pathlib import Path

import click

from nextgen_resources.settings.schema import Settings


@click.command()
@click.option("--port", default=3000, show_default=True)
@click.pass_obj
def ui(settings: Settings, port: int) -> None:
    """Serve the Dagster UI with its daemon, to this machine only."""
    from nextgen_assets.commands.ui import serve_ui

    sys.exit(serve_ui(settings, port))


@click.command()
@click.option("--socket", "path", type=click.Path(path_type=Path, dir_okay=False), help="Unix socket file.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Loopback address, without --socket.")
@click.option(
    "--port", default=7631, show_default=True, type=click.IntRange(0, 65_535), help="0: any free one."
)
@click.option(
    "--reload-seconds",
    default=5.0,
    show_default=True,
    type=click.FloatRange(0.05),
    help="How often to look for a promotion.",
)
@click.pass_obj
def serve(settings: Settings, path: Path | None, host: str, port: int, reload_seconds: float) -> None:
    """Serve the live models over a socket: predict_batch(window_ids), health, ping.

    The protocol is in docs/inference.md; nextgen_resources.inference.client speaks it.
    """
    from nextgen_assets.commands.serve import serve as run
    from nextgen_resources.structured_logs import log_services

    log_services(settings)
    run(settings, path, host, port, reload_seconds)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def health(settings: Settings, as_json: bool) -> None:
    """Print whether feeds, components, daemon, runs and alerts are well.

    Exits with 0 (ok), 1 (warning), 2 (failure) or 3 (unknown), as monitors expect.
    """
    from nextgen_assets.commands.health import print_health

    sys.exit(print_health(settings, as_json))


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option(
    "--port", default=9464, show_default=True, type=click.IntRange(0, 65_535), help="0: any free one."
)
@click.pass_obj
def metrics(settings: Settings, host: str, port: int) -> None:
    """Serve the figures of `nextgen health` to Prometheus at /metrics."""
    from nextgen_assets.commands.health import serve_metrics

    server, thread = serve_metrics(settings, host, port)
    click.echo(f"http://{host}:{server.server_port}/metrics (stop with Ctrl-C)")
    try:
        thread.join()
    except KeyboardInterrupt:
        server.shutdown()


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def manifest(settings: Settings, as_json: bool) -> None:
    """Print every task: cadence, needs, output, retries, failover, owner; and what starts it."""
    from nextgen_assets.commands import manifest as commands

    click.echo(
        commands.manifest_json(settings) if as_json else commands.manifest_markdown(settings), nl=False
    )
