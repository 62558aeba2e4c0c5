"""A fixed-duration capacity test, by iperf3 or HTTP as its profile says."""

from pathlib import Path

from agent.activities._profiles import http_server, iperf_server, load, others, ready
from agent.activity import Job, Ready, Result
from agent.config import Server
from drivers.traffic import run_throughput
from drivers.traffic.profile import Method, ThroughputProfile

KIND = "throughput"
NEEDS_SERVICE = True
DEFAULT_PROFILE = "tcp-6x10s-down"


def prepare(*, profile: str | None, server: Server | None, folder: Path | None) -> Ready:
    """The test with this profile; raises `UnpreparedError`."""
    chosen = load(profile or DEFAULT_PROFILE, ThroughputProfile, folder)
    known_as = iperf_server if chosen.method is Method.IPERF3 else http_server
    first, *rest = (known_as(each) for each in (server, *others(server)))

    def run(job: Job) -> Result:
        end = run_throughput(
            chosen,
            first,
            job.path,
            job.cancel,
            job.on_progress,
            others=rest,
            max_bytes=job.max_bytes,
            utc_s=job.utc_s,
            probe=job.probe,
        )
        return Result(end.outcome, end.reason, end.payload)

    return ready(chosen, run)
