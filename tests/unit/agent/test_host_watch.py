import threading

import pytest

from agent import host_watch
from agent.config import Host
from agent.host_load import Look, limited_by, parse_memory, parse_stat, summarise
from agent.host_watch import HostWatch, usb_mbit_s
from agent.machine import THROTTLED
from wire.evidence import HostLoad

STAT = """\
cpu  300 0 100 1500 100 0 40 0 0 0
cpu0 100 0 50 800 50 0 20 0 0 0
cpu1 200 0 50 700 50 0 20 0 0 0
cpu2 1 2 3
intr 1 2 3
"""
MEMINFO = "MemTotal: 3884436 kB\nMemFree: 200000 kB\nMemAvailable: 1000000 kB\n"
GOOD = HostLoad(samples=12, busiest_core_share=0.5, memory_available_bytes=10**9, throttled=0)
CLOSE = 270e6


@pytest.fixture
def root(tmp_path):
    """A Raspberry Pi with an LTE modem on USB 2.0."""
    for name, text in {
        "proc/stat": STAT,
        "proc/meminfo": MEMINFO,
        "sys/class/thermal/thermal_zone0/temp": "61322\n",
        "sys/class/thermal/thermal_zone1/temp": "70100\n",
        THROTTLED: "0\n",
        "sys/devices/usb1/speed": "5000\n",
        "sys/devices/usb1/devnum": "1\n",
        "sys/devices/usb1/1-1/speed": "480\n",
        "sys/devices/usb1/1-1/devnum": "7\n",
        "sys/devices/usb1/1-1/1-1:1.4/net/wwan0/speed": "100\n",
        "sys/devices/virtual/net/lo/speed": "10\n",
    }.items():
        put(tmp_path, name, text)
    link = tmp_path / "sys/class/net/wwan0"
    link.parent.mkdir(parents=True)
    link.symlink_to("../../devices/usb1/1-1/1-1:1.4/net/wwan0")
    (link / "device").symlink_to("../../../1-1:1.4")
    (tmp_path / "sys/class/net/lo").symlink_to("../../devices/virtual/net/lo")
    return tmp_path


def put(root, name, text):
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def busy(root, *cores):
    """Add ticks of a second to /proc/stat: how many of a hundred each core was busy."""
    lines = []
    for index, ticks in enumerate(cores):
        now = parse_stat((root / "proc/stat").read_text())[index]
        idle = now.total - now.busy + 100 - ticks
        lines.append(f"cpu{index} {now.busy - now.softirq + ticks} 0 0 {idle} 0 0 {now.softirq} 0")
    put(root, "proc/stat", "\n".join(lines))


def test_cores_are_counted_without_what_they_waited():
    first, second = parse_stat(STAT)
    assert (first.busy, first.softirq, first.total) == (170, 20, 1020)
    assert (second.busy, second.total) == (270, 1020)
    assert parse_stat("cpu0 1 2 x 4 5 6 7 8\ncpux 1\n\0\n") == ()
    assert parse_memory(MEMINFO) == 1_024_000_000
    assert parse_memory("MemAvailable: much\n") is None
    assert parse_memory("") is None


def test_a_test_carries_what_the_computer_did(root, monkeypatch):
    monkeypatch.setattr(host_watch, "LOOK_EVERY_S", 3600)
    now_s = iter((0.0, 1.0, 2.0, 3.0))
    monkeypatch.setattr(host_watch.time, "monotonic", lambda: next(now_s))
    watch = HostWatch(Host(), root)
    with watch.watching("wwan0") as watching:
        for cores in ((20, 100), (100, 30)):
            busy(root, *cores)
            put(root, "sys/class/thermal/thermal_zone0/temp", "83000")
            watching.looks.append(watch.look())
        busy(root, 10, 10)
        put(root, "sys/class/thermal/thermal_zone0/temp", "60000")
    load = watching.load(50e6)
    assert load.samples == 4
    assert load.busiest_core_share == pytest.approx(0.7)
    assert load.core_shares == pytest.approx((0.4333, 0.4667))
    assert load.softirq_share == 0.0
    assert load.temperature_c == 83.0
    assert load.memory_available_bytes == 1_024_000_000
    assert load.usb_mbit_s == 480
    assert load.throttled == 0
    assert load.limited_by is None


def test_the_computer_is_looked_at_while_the_test_runs(monkeypatch):
    monkeypatch.setattr(host_watch, "LOOK_EVERY_S", 0.05)
    seen = threading.Event()
    watch = HostWatch(Host())
    look = watch.look

    def count():
        if threading.current_thread().name == "host-watch":
            seen.set()
        return look()

    monkeypatch.setattr(watch, "look", count)
    with watch.watching(None) as watching:
        assert seen.wait(10)
    load = watching.load(None)
    assert load.samples >= 3
    assert load.memory_available_bytes > 0
    assert load.usb_mbit_s is None
    assert not any(thread.name == "host-watch" for thread in threading.enumerate())


def test_the_link_is_that_of_the_usb_device_itself(root):
    assert usb_mbit_s("wwan0", root) == 480
    assert usb_mbit_s("lo", root) is None
    assert usb_mbit_s("gone", root) is None
    put(root, "sys/devices/usb1/1-1/speed", "unknown\n")
    assert usb_mbit_s("wwan0", root) is None
    put(root, "sys/devices/usb1/1-1/speed", "1.5\n")
    assert usb_mbit_s("wwan0", root) == 1


@pytest.mark.parametrize(
    ("changes", "rate", "reason"),
    [
        ({}, 200e6, None),
        ({"busiest_core_share": 0.97}, 50e6, "a core was 97 % busy"),
        ({"busiest_core_share": 0.9}, 50e6, None),
        ({"throttled": 0x1}, 50e6, "under-voltage"),
        ({"throttled": 0x4}, 50e6, "the processor was throttled"),
        ({"throttled": 0x50000}, 50e6, None),
        ({"throttled": 0x8}, 50e6, None),
        ({"memory_available_bytes": 20_000_000}, 5e6, "only 20 MB of memory were left"),
        ({"usb_mbit_s": 480}, CLOSE - 1, None),
        ({"usb_mbit_s": 480}, CLOSE, "USB at 480 Mbit/s carries about 300"),
        ({"usb_mbit_s": 480}, 340e6, "USB at 480 Mbit/s carries about 300"),
        ({"usb_mbit_s": 480}, None, None),
        ({"usb_mbit_s": 12}, 7e6, "USB at 12 Mbit/s carries about 8"),
        ({"usb_mbit_s": 5000}, 800e6, None),
    ],
)
def test_what_limits_a_test(changes, rate, reason):
    load = HostLoad(**{name: getattr(GOOD, name) for name in GOOD.__struct_fields__} | changes)
    assert limited_by(load, Host(), rate) == reason


def test_a_full_core_is_no_limit_where_that_is_switched_off():
    full = HostLoad(busiest_core_share=1.0)
    assert limited_by(full, Host(max_core_share=1.0), 1e6) is None


def test_nothing_known_limits_nothing(tmp_path):
    watch = HostWatch(Host(), tmp_path)
    assert watch.unfit() is None
    with watch.watching("wwan0") as watching:
        pass
    assert watching.load(1e9) == HostLoad(samples=2)


def test_a_weakness_between_two_looks_shows_in_what_was_since_the_boot():
    looks = [Look(0.0, throttled=0x20000), Look(1.0, throttled=0x70000)]
    assert summarise(looks, None).throttled == 0x70005
    before = [Look(0.0, throttled=0x50000), Look(1.0, throttled=0x50000)]
    assert summarise(before, None).throttled == 0x50000


def test_moments_too_short_to_count_in_have_no_shares():
    cores = parse_stat(STAT)
    load = summarise([Look(0.0, cores), Look(0.1, cores)], None)
    assert (load.busiest_core_share, load.core_shares, load.samples) == (None, (), 2)


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("sys/class/thermal/thermal_zone1/temp", "88400\n", "temperature: 88 C"),
        ("sys/class/thermal/thermal_zone1/temp", "85000\n", None),
        (THROTTLED, "50001\n", "under-voltage"),
        (THROTTLED, "50000\n", None),
        (THROTTLED, "what\n", None),
    ],
)
def test_no_test_begins_too_hot_or_with_too_little_voltage(root, name, text, reason):
    put(root, name, text)
    assert HostWatch(Host(), root).unfit() == reason


@pytest.mark.parametrize(("alarm", "reason"), [("1\n", "under-voltage"), ("0\n", None)])
def test_the_voltage_monitor_is_asked_where_the_firmware_is_not(root, alarm, reason):
    (root / THROTTLED).unlink()
    put(root, "sys/class/hwmon/hwmon0/name", "cpu_thermal\n")
    put(root, "sys/class/hwmon/hwmon1/name", "rpi_volt\n")
    put(root, "sys/class/hwmon/hwmon1/in0_lcrit_alarm", alarm)
    assert HostWatch(Host(), root).unfit() == reason
