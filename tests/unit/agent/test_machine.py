from agent import machine


def test_this_machine_says_how_it_is(tmp_path):
    now = machine.look(tmp_path)
    assert now.cpu_load_1min >= 0
    assert now.memory_rss_bytes > 1 << 20
    assert now.disk_free_bytes > 0


def test_a_raspberry_says_that_it_is_throttled(tmp_path):
    files = {
        "proc/loadavg": "0.52 0.58 0.59 1/467 1234\n",
        "proc/self/statm": "5000 2500 900 1 0 800 0\n",
        "sys/class/thermal/thermal_zone0/temp": "61322\n",
        machine.THROTTLED: "50005\n",
    }
    for name, text in files.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    now = machine.look(tmp_path, tmp_path)
    assert now.cpu_load_1min == 0.52
    assert now.memory_rss_bytes == 2500 * machine.PAGE_BYTES
    assert now.cpu_temperature_c == 61.322
    assert now.throttled == 0x50005


def test_what_the_machine_does_not_say_is_unknown(tmp_path):
    assert machine.look(tmp_path / "gone", tmp_path) == (None, None, None, None, None)
