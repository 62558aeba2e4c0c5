"""Which AT commands a person should think about before they are sent, and which hold secrets.

No I/O. The lists are data, from vendors' manuals and from what modems were broken by. A command
that is not in them may still do harm: this is a rail, not a wall.
"""

import re
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

INFO_TIMEOUT_S = 10.0
TEST_TIMEOUT_S = 20.0
"""Of `=?` forms: some look through their files first."""
HIDDEN = "..."


class Danger(IntEnum):
    """What is to be done about a command, the worst last."""

    CONFIRM = 1
    """Send it only if the person says so again."""
    PIN = 2
    """As that, and once at most: three wrong ones lock the card."""
    NEVER = 3
    """Not from here."""


class Caution(NamedTuple):
    """Why a command is held back."""

    danger: Danger
    why: str


_HARMLESS = r"""
    &F\d*
    \+CLCK="?\w+"?,2(,.*)?
    \+CRSM=(176|178|192|203|242)(,.*)?
"""
"""Would be caught below: resetting to the profile; asking for a lock; reading a file."""

_RULES: tuple[tuple[Danger, str, str], ...] = (
    (
        Danger.NEVER,
        "it changes the modem's own identity number",
        r"""
        \+EGMR=1.* \+(SIMEI|IMEI|EGMEXT|GTSN)=.* \^(PHYNUM|WIMEI)=.* [!*$]IMEI=.* \#CGSN=.*
        !NVENCRYPTIMEI.* !NVIMEIUNLOCK.*
        """,
    ),
    (
        Danger.NEVER,
        "the modem would wait for text that cannot be typed here",
        r"""
        \+CM(GS|GW|GC)=.* \+Q(ISEND|HTTPPOST|HTTPURL|MTPUBE?X?|FUPL|FWRITE)=.* \+UDWNFILE=.*
        """,
    ),
    (
        Danger.PIN,
        "three wrong codes lock the card",
        r"""
        [+^*\#$!]E?CPINR?2?=.+
        """,
    ),
    (
        Danger.CONFIRM,
        "it changes or uses a code of the card or the modem, and a wrong one locks it",
        r"""
        [+^]CLCK=.* [+^]CPWD=.*
        """,
    ),
    (
        Danger.CONFIRM,
        "the modem counts wrong unlock codes, and locks itself for good",
        r"""
        \^CARD(LOCK|UNLOCK)=.* \+(QSIMLOCK|SIMLOCK|SPLCK|ESMLCK)=.*
        [\#$+^](PERSO|SIMUNLOCK|NCK).*=.*
        """,
    ),
    (
        Danger.CONFIRM,
        "it writes to the card, or sends it raw commands",
        r"""
        \+CRSM=.* \+(CSIM|CGLA|CCHO|CCHC)=.* \+C(SCA|PBW|PBF)=.*
        """,
    ),
    (
        Danger.CONFIRM,
        "the modem restarts: its ports vanish, and whoever uses it loses the connection",
        r"""
        \+CFUN=\d*,1 \+CFUN=(6|15|16) \^(RESET|CURC_RESET) !RESET \+CRESET \+TRB \#REBOOT
        \#ENHRST=.* \+ZRST \+RESET \*REBOOT
        """,
    ),
    (
        Danger.CONFIRM,
        "the modem switches itself off, and somebody has to take its power away to have it back",
        r"""
        \+(CPOF|CPWROFF|MSO|POWEROFF|ZTURNOFF|QPOWD)(=.*)? \^SMSO(=.*)? \#SHDN !POWERDOWN
        !PCOFFEN=.*
        """,
    ),
    (
        Danger.CONFIRM,
        "it wipes settings, perhaps the radio's calibration, and cannot be taken back",
        r"""
        \+QPRTPARA=.* \+QCFG="(RESET|RESTORE).* !(RMARESET|NVRESTORE|NVDEFAULT|RESTORE|FACTORY).*
        \+(UFACTORY|CRST|CRESTORE|GTRESTORE|FACTORY|ZFACTORY).* \^NVRESTORE.*
        """,
    ),
    (
        Danger.CONFIRM,
        "the modem waits for new firmware after it, and may answer nothing else any more",
        r"""
        \+Q(FASTBOOT|DOWNLOAD|FOTADL|FWUPD)(=.*)? !(BOOT|FWDOWNLOAD|IMPREF|UPDATE).*
        \+(UFWUPD|UFWINSTALL|CFOTA|GTFOTA|GTDOWNLOAD|LFOTA|CDELTA)(=.*)?
        \^(GODLOAD|SFDL|FDLOAD)(=.*)? \#(OTAUPW?|FWSWITCH|OAPSWITCH)(=.*)?
        """,
    ),
    (
        Danger.CONFIRM,
        "it changes the modem's USB ports: this one may not come back",
        r"""
        \+QCFG="(USBCFG|USBNET|USBID|USBEE|USBSPEED|DATA_INTERFACE)",.+
        \+(QUSBCFG|CUSBPIDSWITCH|CUSBSELNV|GTUSBMODE|GTUSBDETECTEN|UUSBCONF|UDCONF)=.+
        \+(ZSWITCH|ZCDRUN|ZUSBMODE|USBSWITCH|SWITCHUSB|BMDATASTATUS)=.*
        !(USBCOMP|USBPID|USBVID|USBINFO|UDUSBCOMP|UDPID|UDINFO|PRIID)=.* \#(USBCFG|PORTCFG)=.*
        \^(SETPORT|SETMODE|U2DIAG|SSRVSET)=.* \^SCFG="(SERIAL|USB).*,.+ \$QCUSB.*=.*
        """,
    ),
    (
        Danger.CONFIRM,
        "it writes to the modem's own memory or files",
        r"""
        \^NVW.*=.* \+(QNVFW|QNVW|CNVW|ENVW)=.* \+Q(FDEL|FMOV|RFTEST|RFTESTMODE|MBNCFG)=.*
        \+(FSDEL|UDELFILE|CFTRANRX)=.* !(CUSTOM|ENTERCND|OPENLOCK)=.*
        """,
    ),
    (
        Danger.CONFIRM,
        "it may cost money, and the port may carry data instead of commands after it",
        r"""
        D.+ \+CUSD=1.* \+CMSS=.* \+CGDATA.*
        """,
    ),
)


_BASIC = re.compile(r"(?:S\d+=\d*|&?[A-CE-Z]\d*)(?=[&+^$#!*%A-Z])", re.IGNORECASE)
"""A command of one letter with another one right behind it; a D takes all that follows."""


def _compiled(patterns: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in patterns.split())


_CALM = _compiled(_HARMLESS)
_KNOWN = tuple(
    (pattern, Caution(danger, why))
    for danger, why, patterns in _RULES
    for pattern in _compiled(patterns)
)
_SOUNDS = re.compile(
    "RESET|FACTORY|RESTORE|FOTA|UPGRADE|DOWNLOAD|ERASE|FORMAT|FASTBOOT|REBOOT", re.IGNORECASE
)
"""In names nobody has listed."""
_SOUNDS_BAD = Caution(Danger.CONFIRM, "its name sounds like a restart, a wipe or new firmware")
_SECRET = re.compile(
    r"CPIN|CPWD|CLCK|AUTH|PASS|PWD|PUK|QICSGP|QCPDPP|CARDLOCK|CARDUNLOCK|SIMLOCK|SPLCK|CSIM|CGLA"
    r"|APNSET|ENTERCND|OPENLOCK|PERSO|NCK|USER|SECRET|CUSD",
    re.IGNORECASE,
)
_LONG = tuple(
    (re.compile(pattern, re.IGNORECASE), seconds)
    for pattern, seconds in (
        (r"\+COPS=\?", 240.0),
        (r"[^=]*(SCAN|SURV|QOPS).*", 420.0),
        (r"\+COPS=.*", 180.0),
        (r"\+CG(ACT|ATT)=.*", 160.0),
        (r"\+CFUN=.*", 30.0),
        (r"\+(CPIN|CLCK|CPWD|CRSM|CSIM|CGLA|CUSD)=.*", 40.0),
        (r"D.*", 120.0),
    )
)


def caution(line: str) -> Caution | None:
    """Why a command line should not just be sent, the worst reason; None for one without any."""
    found = [each for part in _parts(line) if (each := _of_part(part)) is not None]
    return max(found, key=lambda each: each.danger, default=None)


def is_secret(line: str) -> bool:
    """Whether the line may hold a code or a password: for no history and no log."""
    asks = not re.search(r"[=0-9]", line)
    return not asks and _SECRET.search(line) is not None


def shown(line: str) -> str:
    """The line as anybody may see it."""
    name = re.match(r"\s*(?:AT)?\W?[A-Z]*", line, re.IGNORECASE)
    return f"{name[0] if name else ''}{HIDDEN}" if is_secret(line) else line


def timeout_s(line: str) -> float:
    """How long an answer may take."""
    return max((_timeout_s(part) for part in _parts(line)), default=INFO_TIMEOUT_S)


def whole_line(words: str) -> str | None:
    """The command line a person means: `+CSQ` is `AT+CSQ`; None for what is none."""
    line = words.strip()
    if not line.isascii() or not line.isprintable():
        return None
    if line[:2].upper() == "AT":
        return line
    return f"AT{line}" if re.match(r"[+^$#!*%&]\w|I\d?$", line, re.IGNORECASE) else None


def _of_part(part: str) -> Caution | None:
    if part.endswith("=?") or any(pattern.fullmatch(part) for pattern in _CALM):
        return None
    for pattern, known in _KNOWN:
        if pattern.fullmatch(part):
            return known
    name, _, value = part.partition("=")
    return _SOUNDS_BAD if _SOUNDS.search(name) and (value or not part.endswith("?")) else None


def _timeout_s(part: str) -> float:
    for pattern, seconds in _LONG:
        if pattern.fullmatch(part):
            return seconds
    return TEST_TIMEOUT_S if part.endswith("=?") else INFO_TIMEOUT_S


def _parts(line: str) -> Iterator[str]:
    """The commands of one line, without AT and blanks (V.250 5.2.1).

    `AT+A=1;+B` is two. So is `ATE0+A=1`: behind basic commands no semicolon is needed.
    """
    for part in re.findall(r'(?:[^;"]|"[^"]*"?)+', line.strip()[2:]):
        left = part.replace(" ", "")
        yield left
        while basic := _BASIC.match(left):
            left = left[basic.end() :]
            yield left
