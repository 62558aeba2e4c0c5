"""A few small requests and a small download: is this a service, not only a level."""

from pathlib import Path

from agent.activities._profiles import http_server, load, ready
from agent.activity import Job, Ready, Result
from agent.config import Server
from drivers.traffic import run_latency
from drivers.traffic.profile import LatencyProfile

KIND = "latency"
NEEDS_SERVICE = True
DEFAULT_PROFILE = "latency"


def prepare(*, profile: str | None, server: Server | None, folder: Path | None) -> Ready:
    """The test with this profile; raises `UnpreparedError`."""
    chosen = load(profile or DEFAULT_PROFILE, LatencyProfile, folder)
    other = http_server(server)

    def run(job: Job) -> Result:
        end = run_latency(chosen, other, job.path, job.cancel, job.on_progress)
        return Result(end.outcome, end.reason, end.payload)

    return ready(chosen, run)
