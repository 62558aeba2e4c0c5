"""One video session: synthetic segments, a manifest's, or a paced yes or no."""

from pathlib import Path

from agent.activities._profiles import http_server, load, others, ready
from agent.activity import Job, Ready, Result
from agent.config import Server
from drivers.traffic import run_video
from drivers.traffic.profile import VideoProfile

KIND = "video"
NEEDS_SERVICE = True
DEFAULT_PROFILE = "video-1080p"


def prepare(*, profile: str | None, server: Server | None, folder: Path | None) -> Ready:
    """The test with this profile; raises `UnpreparedError`."""
    chosen = load(profile or DEFAULT_PROFILE, VideoProfile, folder)
    first, *rest = (http_server(each) for each in (server, *others(server)))

    def run(job: Job) -> Result:
        end = run_video(
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
