"""A scan for cells of any network, by the modem itself. Nobody looks at the radio meanwhile.

Evidence only: that a cell was heard, or that none was, is no verdict on anybody.
"""

from pathlib import Path

from agent.activities._profiles import load
from agent.activity import Job, Ready, Result
from agent.config import Server
from agent.orders import OrderError, UnableError
from drivers.traffic.profile import ScanProfile
from wire.messages import Outcome

KIND = "scan"
NEEDS_SERVICE = False


def prepare(*, profile: str | None, server: Server | None, folder: Path | None) -> Ready:
    """The scan for what its profile names, or for all there is; raises `UnpreparedError`."""
    del server
    chosen = ScanProfile() if profile is None else load(profile, ScanProfile, folder)

    def run(job: Job) -> Result:
        try:
            found = job.scan(frozenset(chosen.rats))
        except UnableError as error:
            return Result(Outcome.SKIPPED, str(error), None)
        except OrderError as error:
            return Result(Outcome.INVALID, str(error), None)
        return Result(Outcome.OK, None, found)

    return Ready(profile, run, settings=chosen)
