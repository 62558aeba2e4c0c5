"""Extracted rows on the disk: what makes a part stale, what damage does, and who may sweep."""

import os
import shutil
import sqlite3
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from collector.checker import Checker
from collector.extracts import Keep, LostObjectError
from collector.extracts.keep import KeepIndexError, Unit
from collector.kpi._attempts import extract_of
from collector.targets import HEADLINE, parse
from tests.unit.collector.campaigns import NOW, OCTOBER, Campaign, ground, spots
from tests.unit.collector.provinces import configured

MONTH = parse("2026-10")
ROWS = pa.table({"probe": ["dn-01"]})
OTHERS = pa.table({"probe": ["dn-02"]})


@pytest.fixture
def keep(tmp_path):
    keep = Keep(tmp_path / "extracts")
    yield keep
    keep.close()


@pytest.fixture
def config(tmp_path):
    """A collector with a commune that was measured."""
    config = configured(tmp_path)
    campaign = Campaign()
    for index, (lat, lon, at) in enumerate(spots(60)):
        campaign.test(52 + index % 9, lat=lat, lon=lon, at=at)
    campaign.store(config.store.lake).close()
    return config


def verdicts(config, *, rebuild=False):
    with Checker.opened(config) as checker:
        if rebuild:
            checker.rebuild()
        return checker.check(now=NOW, period=MONTH, target="T1")


def counted(config):
    """How many tests of the month count."""
    [headline] = [one for one in verdicts(config) if one.level == HEADLINE]
    return headline.n


def undated(config):
    """One test of a boot that does not know the time."""
    campaign = Campaign()
    campaign.test(50, at=None)
    campaign.store(config.store.lake).close()


def anchored(config, at, *, mono_ns, seq):
    campaign = Campaign(first_seq=seq)
    campaign.anchor(at=at, mono_ns=mono_ns)
    campaign.store(config.store.lake).close()


def grown_old(folder):
    for file in folder.glob("extracts/objects/*/*"):
        os.utime(file, (0, 0))


def test_an_anchor_that_tells_no_possible_time_does_not_hide_a_later_one(tmp_path):
    config = configured(tmp_path)
    undated(config)
    anchored(config, datetime(2006, 1, 1, tzinfo=UTC), mono_ns=10**12, seq=200)
    assert counted(config) == 0
    anchored(config, OCTOBER + timedelta(days=2), mono_ns=10**9, seq=100)
    assert counted(config) == 1


def test_of_two_anchors_at_one_instant_the_later_row_is_noticed(tmp_path):
    config = configured(tmp_path)
    undated(config)
    anchored(config, OCTOBER - timedelta(days=40), mono_ns=10**9, seq=100)
    assert counted(config) == 0
    anchored(config, OCTOBER + timedelta(days=2), mono_ns=10**9, seq=200)
    assert counted(config) == 1


def test_the_boots_of_a_part_are_read_once_a_check(config, monkeypatch):
    verdicts(config)
    read = []
    plain = Keep.read
    monkeypatch.setattr(Keep, "read", lambda keep, name: read.append(name) or plain(keep, name))
    with Checker.opened(config) as checker:
        checker.check(now=NOW, period=MONTH)
        first = len(read)
        checker.check(now=NOW, period=MONTH)
    assert len(read) == first


@pytest.mark.parametrize("damage", [shutil.rmtree, None], ids=["gone", "damaged"])
def test_a_rebuild_brings_back_what_the_disk_lost(config, damage):
    before = verdicts(config)
    objects = config.store.extracts / "objects"
    for folder in objects.iterdir():
        if damage is not None:
            damage(folder)
            continue
        for file in folder.iterdir():
            file.write_bytes(b"x")
    with pytest.raises(LostObjectError, match="--rebuild"):
        verdicts(config)
    assert verdicts(config, rebuild=True) == before


def test_files_that_vanish_while_others_sweep_are_none_of_ours(keep, tmp_path):
    folder = tmp_path / "extracts" / "objects" / "ab"
    folder.mkdir()
    (folder / "abc.arrow").symlink_to(folder / "gone")
    assert keep.sweep(()) == 0


def test_what_another_process_may_just_judge_by_is_not_swept(keep, tmp_path):
    first, then = keep.write(ROWS), keep.write(OTHERS)
    keep.put("x", Unit("2026-10-01", "a", first, None, None))
    grown_old(tmp_path)
    keep.put("x", Unit("2026-10-01", "b", then, None, None))
    keep.forget()
    assert keep.sweep(()) == 0
    grown_old(tmp_path)
    assert keep.sweep(()) == 2


def test_rows_kept_again_are_young_again(keep, tmp_path):
    name = keep.write(ROWS)
    grown_old(tmp_path)
    keep.write(ROWS)
    assert keep.sweep(()) == 0
    assert keep.read(name) == ROWS


def test_a_damaged_index_says_that_it_may_be_deleted(tmp_path):
    (tmp_path / "index.db").write_bytes(b"no database, and longer than its header would be" * 9)
    with pytest.raises(KeepIndexError, match="delete it") as told:
        Keep(tmp_path)
    assert isinstance(told.value.__cause__, sqlite3.Error)


def test_whatever_a_build_is_told_makes_another_extract():
    def build(rows, *, ground, parameters, direction):  # noqa: ARG001  # as a KPI has it
        return rows.filter(rows.direction == direction)

    where = ground()
    down, up = (
        extract_of("x", "throughput", build, ground=where, parameters={}, direction=way)
        for way in ("down", "up")
    )
    assert down.settings != up.settings
    assert down.settings["operators"] == where.operators
