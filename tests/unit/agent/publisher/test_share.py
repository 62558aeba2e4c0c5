from agent.publisher.share import Share


def test_the_average_is_kept_and_nobody_starves():
    share = Share(16_000.0)
    sent, size = 0, 700
    for tick in range(4 * 60):
        if share.allows(tick / 4):
            share.spend(size)
            sent += size
    assert 0.9 * 60 * 2000 < sent < 60 * 2000 + 2 * 2000


def test_a_long_record_goes_too_and_is_paid_off():
    share = Share(16_000.0)
    assert share.allows(0.0)
    share.spend(20_000)
    assert not share.allows(8.0)
    assert share.allows(9.1)


def test_a_quiet_hour_is_not_saved_up():
    share = Share(16_000.0)
    share.allows(0.0)
    assert share.allows(3600.0)
    share.spend(share.batch_bytes)
    assert not share.allows(3600.0)
