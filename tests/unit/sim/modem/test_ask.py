from sim.cli import main


def test_persona_answers_one_command(capfdbinary):
    assert main(["ask", "generic", "AT+WS46?", "--after", "AT+WS46=28"]) == 0
    said, beside = capfdbinary.readouterr()
    assert said == b"\r\n+WS46: 28\r\n\r\nOK\r\n"
    assert b"mode='lte'" in beside


def test_unknown_persona_and_card_are_told(capfdbinary):
    assert main(["ask", "nokia", "AT"]) == 2
    assert main(["ask", "generic", "AT", "--card", "nobody"]) == 2
    assert b"nokia" in capfdbinary.readouterr().err
