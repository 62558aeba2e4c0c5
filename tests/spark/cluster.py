"""A Spark cluster on this machine: a master, workers and a Spark Connect server.

`tools/setup spark` puts the programs into `build/spark`. Everything listens on 127.0.0.1, and ends
when its starter does.
"""

import json
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from sim.parts import MissingCommandError, Part, ReservedPort, accepts, find_command

ROOT = Path(__file__).parents[2]
START_TIMEOUT_S = 120.0
_HERE = "127.0.0.1"
_CONNECT_SERVER = "org.apache.spark.sql.connect.service.SparkConnectServer"
_PAGE_TIMEOUT_S = 5.0
_DAEMON_MB = 256
_QUICK_START = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"
"""For machines that live for a minute."""


def spark_home(root: Path = ROOT) -> Path:
    """Folder of the installed Spark; raises `MissingCommandError`."""
    found = sorted(root.glob("build/spark/lib/python3*/site-packages/pyspark/bin/spark-class"))
    if not found:
        raise MissingCommandError("spark (tools/setup spark)")
    find_command("java")
    return found[-1].parents[1]


class Cluster:
    """A context manager that has it running; `url` is what `store.engine` wants."""

    def __init__(self, folder: Path, *, workers: int = 2, worker_mb: int = 1024) -> None:
        """Prepare; nothing runs yet. Each worker has one core."""
        self._home = spark_home()
        self._folder = folder
        self._worker_mb = worker_mb
        self._stack = ExitStack()
        self._ports = {
            name: self._stack.enter_context(ReservedPort()).number
            for name in ("master", "page", "connect")
        }
        self.workers = [self._worker(number) for number in range(1, workers + 1)]
        self.server = self._server()

    @property
    def url(self) -> str:
        """Of the Spark Connect server."""
        return f"sc://{_HERE}:{self._ports['connect']}"

    def alive_workers(self) -> int:
        """As many as the master knows; 0 while it is not there."""
        address = f"http://{_HERE}:{self._ports['page']}/json/"
        try:
            with urllib.request.urlopen(address, timeout=_PAGE_TIMEOUT_S) as page:
                return int(json.load(page)["aliveworkers"])
        except OSError:
            return 0

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def _start(self) -> None:
        master = self._part(
            "master",
            "spark-class",
            "org.apache.spark.deploy.master.Master",
            *("--host", _HERE, "--port", str(self._ports["master"])),
            *("--webui-port", str(self._ports["page"])),
        )
        # Nothing of it is worth a tidy end.
        for part in (master, *self.workers, self.server):
            self._stack.callback(part.kill)
        for part in (master, *self.workers):
            part.start()
        master.wait_until(
            lambda: self.alive_workers() == len(self.workers), "workers", START_TIMEOUT_S
        )
        self.server.start()
        self.server.wait_until(
            lambda: accepts(self._ports["connect"]), "Spark Connect", START_TIMEOUT_S
        )

    def _worker(self, number: int) -> Part:
        return self._part(
            f"worker-{number}",
            "spark-class",
            "org.apache.spark.deploy.worker.Worker",
            f"spark://{_HERE}:{self._ports['master']}",
            *("--host", _HERE, "--port", "0", "--webui-port", "0"),
            *("--cores", "1", "--memory", f"{self._worker_mb}m"),
            *("--work-dir", str(self._folder / f"worker-{number}")),
        )

    def _server(self) -> Part:
        settings = {
            "spark.driver.host": _HERE,
            "spark.driver.bindAddress": _HERE,
            "spark.connect.grpc.binding.address": _HERE,
            "spark.connect.grpc.binding.port": str(self._ports["connect"]),
            "spark.executor.memory": f"{self._worker_mb}m",
            "spark.executor.cores": "1",
            "spark.executor.extraJavaOptions": _QUICK_START,
            "spark.sql.shuffle.partitions": "2",
            "spark.locality.wait": "0s",
            "spark.sql.warehouse.dir": str(self._folder / "warehouse"),
            "spark.ui.enabled": "false",
            "spark.log.level": "WARN",
        }
        return self._part(
            "connect",
            "spark-submit",
            *("--master", f"spark://{_HERE}:{self._ports['master']}", "--class", _CONNECT_SERVER),
            *(word for pair in settings.items() for word in ("--conf", "=".join(pair))),
            "spark-internal",
            memory_mb=self._worker_mb,
        )

    def _part(self, name: str, program: str, *arguments: str, memory_mb: int = _DAEMON_MB) -> Part:
        """A Java program in the cluster's own folder, where it may leave what it wants."""
        return Part(
            name,
            ["env", "-C", str(self._folder), str(self._home / "bin" / program), *arguments],
            log=self._folder / f"{name}.log",
            environment={
                "SPARK_HOME": str(self._home),
                "SPARK_LOCAL_IP": _HERE,
                "SPARK_LOCAL_DIRS": str(self._folder / "scratch"),
                "SPARK_DAEMON_MEMORY": f"{memory_mb}m",
                "SPARK_DAEMON_JAVA_OPTS": _QUICK_START,
            },
        )
