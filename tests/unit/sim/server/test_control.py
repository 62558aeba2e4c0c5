"""Who may say how fast the server is, and how old that word is."""

import pytest

from sim.server.control import Control, ControlRates, TokenError, read_token

TOKEN = "0123456789abcdefXYZ-._~+/="  # noqa: S105 - a test's


def test_only_the_token_is_trusted():
    control = Control(TOKEN)
    assert control.trusts(f"Bearer {TOKEN}")
    for other in (None, "", TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer ", "Bearer é"):
        assert not control.trusts(other)


def test_the_newest_test_is_told_with_its_age():
    control = Control(TOKEN)
    assert control.state(0.0) is None
    control.store(ControlRates(down_bits_per_second=1e9, up_bits_per_second=5e8), 10.0)
    control.store(ControlRates(down_bits_per_second=9e8, up_bits_per_second=4e8), 20.0)
    state = control.state(50.5)
    assert (state.down_bits_per_second, state.up_bits_per_second, state.age_s) == (9e8, 4e8, 30.5)


def test_a_token_is_read_without_the_line_end(tmp_path):
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    assert read_token(file) == TOKEN


@pytest.mark.parametrize("text", ["", "short", "with a space in between", "x" * 15, "é" * 40])
def test_what_protects_nothing_is_no_token_and_is_not_quoted(tmp_path, text):
    file = tmp_path / "token"
    file.write_text(text)
    with pytest.raises(TokenError) as refused:
        read_token(file)
    assert not text or text not in str(refused.value)
