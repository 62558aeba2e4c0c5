"""A scan for cells of any network, by the modem itself. Nobody looks at the radio meanwhile."""

from pathlib import Path

from agent.activity import Job, Ready, Result, UnpreparedError
from agent.config import Server
from agent.orders import OrderError
from wire.messages import Outcome

KIND = "scan"
NEEDS_SERVICE = False


def prepare(*, profile: str | None, server: Server | None, folder: Path | None) -> Ready:  # noqa: ARG001  # it needs neither
    """The scan; raises `UnpreparedError` for a profile, as there are none."""
    if profile is not None:
        raise UnpreparedError("a scan has no profiles")
    return Ready(None, _run)


def _run(job: Job) -> Result:
    try:
        found = job.scan()
    except OrderError as error:
        return Result(Outcome.INVALID, str(error), None)
    return Result(Outcome.OK, None, found)
