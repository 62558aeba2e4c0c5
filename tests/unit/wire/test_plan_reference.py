"""The plan shown in docs/reference/mqtt.md is one, and so is the answer."""

import re
from pathlib import Path

import msgspec

from wire.control import PlanAnswer
from wire.signature import is_signed
from wire.signed_plan import decode_plan, digest, encode_plan, signed_bytes

PAGE = (Path(__file__).parents[3] / "docs/reference/mqtt.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("\n## A plan\n")[2].partition("\n## ")[0]
MESSAGE, ANSWER = (block.encode() for block in re.findall(r"```json\n(.*?)\n```", SECTION))


def test_the_plan_shown_is_signed_with_the_key_shown():
    (key,) = re.findall(r"public\s+key `(.*?)`", SECTION)
    message = decode_plan(MESSAGE)
    assert encode_plan(message) == MESSAGE
    assert is_signed(signed_bytes(message), message.signature, (key,))


def test_what_is_signed_is_what_the_page_says():
    head = MESSAGE[: MESSAGE.rindex(b',"signature"')]
    assert signed_bytes(decode_plan(MESSAGE)) == b"dosong/v1/dn-01/down/plan\n" + head + b"}"


def test_the_answer_shown_is_to_the_plan_shown():
    answer = msgspec.json.decode(ANSWER, type=PlanAnswer)
    assert msgspec.json.encode(answer) == ANSWER
    assert answer.digest == digest(MESSAGE)


def test_every_field_is_described():
    for struct in (type(decode_plan(MESSAGE)), PlanAnswer):
        for field in msgspec.structs.fields(struct):
            assert f"`{field.name}`" in SECTION
