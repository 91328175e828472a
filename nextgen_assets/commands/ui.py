"""``nextgen ui``: the webserver and the daemon of one scenario, to this machine only."""

import os
import signal
import subprocess
import sys

from nextgen_assets.commands.home import enter_home
from nextgen_resources.settings.schema import Settings

_PATIENCE_SECONDS = 20.0


def serve_ui(settings: Settings, port: int) -> int:
    """Run both until Ctrl-C or until the webserver ends; its exit status."""
    enter_home(settings)
    workspace = ["-w", str(settings.project_root / "workspace.yaml")]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    daemon = subprocess.Popen(
        [sys.executable, "-m", "nextgen_resources.daemon", "run", *workspace],
        cwd=settings.project_root,
        env=dict(os.environ),
    )
    try:
        web = [
            sys.executable,
            "-m",
            "nextgen_resources.webserver",
            *workspace,
            "-h",
            "127.0.0.1",
            "-p",
            str(port),
        ]
        return subprocess.call(web, cwd=settings.project_root)
    except KeyboardInterrupt:
        return 0
    finally:
        _stop(daemon)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
