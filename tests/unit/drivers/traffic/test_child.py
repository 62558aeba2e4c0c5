import os
import sys
import threading
import time
from pathlib import Path

from drivers.traffic import child
from drivers.traffic.child import run_child

NEVER = threading.Event()


def run(code: str, *, deadline_s: float = 10, limit: int = 1 << 20, cancel=NEVER, **more):
    return run_child(
        [sys.executable, "-c", code],
        deadline_s=deadline_s,
        max_output_bytes=limit,
        cancel=cancel,
        **more,
    )


def test_output_of_a_good_child_comes_whole():
    end = run("print('x' * 200_000, end='')")
    assert (len(end.output), end.fault, end.cancelled) == (200_000, None, False)


def test_a_crash_is_named_by_its_signal():
    end = run("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    assert end.fault == "crashed: SIGSEGV"


def test_a_child_out_of_memory_is_a_fault():
    end = run(
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (1 << 28, 1 << 28));"
        "bytearray(1 << 29)"
    )
    assert end.fault == "exit code 1"


def test_a_child_that_hangs_is_killed_after_its_deadline(monkeypatch):
    monkeypatch.setattr(child, "KILL_AFTER_S", 0.5)
    begun = time.monotonic()
    end = run("import signal; signal.pause()", deadline_s=0.2)
    assert end.fault == "hung and was killed"
    assert time.monotonic() - begun < 5


def test_a_child_that_ignores_a_cancel_is_killed_within_a_second_or_so():
    cancel = threading.Event()
    threading.Timer(0.5, cancel.set).start()
    begun = time.monotonic()
    end = run(
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: signal.pause()",
        cancel=cancel,
        deadline_s=60,
    )
    assert end.cancelled
    assert time.monotonic() - begun < 5


def test_a_cancelled_child_may_hand_over_what_it_has():
    cancel = threading.Event()
    end = run(
        "import signal, sys, time\n"
        "def leave(*_):\n    print('partial', flush=True); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, leave)\n"
        "print('ready', flush=True)\n"
        "while True: signal.pause()",
        cancel=cancel,
        deadline_s=60,
        on_tick=lambda elapsed_s: cancel.set() if elapsed_s > 1 else None,
    )
    assert end.cancelled
    assert end.output == b"ready\npartial\n"


def test_endless_output_is_stopped_at_its_bound():
    end = run("while True: print('x' * 1000)", limit=10_000, deadline_s=60)
    assert end.fault == "more than 10000 bytes of output"


def test_grandchildren_do_not_outlive_the_child():
    end = run("import subprocess; print(subprocess.Popen(['sleep', '60']).pid)")
    grandchild = int(end.output)

    def ended() -> bool:
        try:
            stat = Path(f"/proc/{grandchild}/stat").read_text()
            return stat.rpartition(")")[2].split()[0] == "Z"
        except FileNotFoundError:
            return True

    deadline = time.monotonic() + 10
    while not ended():
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)


def test_the_child_owns_no_descriptor_of_ours(tmp_path):
    with (tmp_path / "spool.db").open("wb") as spool:
        os.set_inheritable(spool.fileno(), True)
        end = run("import os; print(sorted(int(fd) for fd in os.listdir('/proc/self/fd')))")
    assert end.output == b"[0, 1, 2, 3]\n"  # 3 is the listing itself


def test_temporary_files_lie_in_a_folder_that_goes_away():
    end = run("import os; print(os.environ['TMPDIR'])")
    folder = end.output.decode().strip()
    assert folder.startswith("/dev/shm/dosong-")  # noqa: S108
    assert not Path(folder).exists()


def test_a_program_that_is_not_there_is_a_fault():
    end = run_child(["/nowhere/iperf"], deadline_s=1, max_output_bytes=1, cancel=NEVER)
    assert end.fault == "cannot start: No such file or directory"


def test_the_child_leads_a_session_of_its_own():
    assert run("import os; print(os.getsid(0) == os.getpid())").output == b"True\n"
