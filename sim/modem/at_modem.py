"""The understanding half of a simulated modem: a command line in, the answer of its persona out."""

from collections.abc import Sequence

from sim.modem.answer import Answer, Fault, framed, framed_unasked
from sim.modem.persona import Persona, PersonaError, Values, fill, final_line, render
from sim.modem.reading import list_values, reading_values, scan_values
from sim.world import SimulatedModem, World
from sim.world.radio import RadioMap
from sim.world.technology import Technology
from wire.cells import Rat
from wire.kinds.radio import Payload, RegistrationState

ATTACH_S = 4.0
"""From a change of the allowed technologies, or from radio on, to the next serving cell."""


class AtModem:
    """A modem of some persona that hears the world's radio. Knows nothing of its line."""

    def __init__(
        self, persona: Persona, modem: SimulatedModem, world: World, *, attach_s: float = ATTACH_S
    ) -> None:
        """Switch it on: it is attached already."""
        self._persona = persona
        self._modem = modem
        self._world = world
        self._radio = RadioMap(world)
        self._attach_s = attach_s
        self._settings = dict(persona.settings)
        self._in_force = dict(persona.settings)
        self._searching_until_s = float("-inf")
        self._last_urc_s: dict[str, float] = {}
        self._faults: frozenset[str] = frozenset()

    @property
    def echo(self) -> bool:
        """As set by `ATE`."""
        return self._settings["echo"] == "1"

    @property
    def allowed(self) -> frozenset[Technology]:
        """What the settings let it use; nothing while the radio is off."""
        if self._settings["cfun"] != "1":
            return frozenset()
        return self._persona.allowed(self._in_force)

    def answer(self, line: str, unix_s: float, faults: frozenset[str]) -> Answer:
        """The answer to one command line; ERROR for one that the persona does not know."""
        self._faults = faults
        found = self._persona.match(line)
        if found is None:
            return Answer(framed((), final_line("ERROR", self._settings["cmee"])))
        command, written = found
        before, before_cfun = self.allowed, self._settings["cfun"]
        self._settings |= written
        stays = Fault.OBSTINATE in faults
        stays |= Fault.STUBBORN in faults and self._settings["cfun"] == before_cfun == "1"
        if not stays:
            self._in_force = dict(self._settings)
        if self.allowed != before:
            self._searching_until_s = unix_s + self._attach_s
        reading = self.reading(unix_s)
        values = self._words(reading, unix_s)
        lists = list_values(reading)

        def entries(name: str) -> Sequence[Values]:
            return lists[name] if name in lists else self._scan(unix_s)[name]

        for variant in command.variants:
            if variant.condition.holds(values):
                rows = tuple(render(variant, values, entries))
                final = final_line(variant.error, self._settings["cmee"])
                if variant.reset_s is not None:
                    self._reset(unix_s + variant.reset_s)
                return Answer(framed(rows, final), variant.wait_s, variant.reset_s)
        return Answer(framed((), "ERROR"))

    def unasked(self, unix_s: float) -> bytes:
        """The persona's unsolicited lines, each in its own rhythm."""
        text = b""
        for urc in self._persona.urcs:
            last_s = self._last_urc_s.setdefault(urc.template, unix_s)
            if unix_s - last_s >= urc.every_s:
                self._last_urc_s[urc.template] = unix_s
                values = self._words(self.reading(unix_s), unix_s)
                try:
                    text += framed_unasked(fill(urc.template, values))
                except PersonaError:
                    continue  # nothing to tell while there is no service
        return text

    def reading(self, unix_s: float) -> Payload:
        """What it hears now, where the vehicle is."""
        if not self.allowed or unix_s < self._searching_until_s:
            return Payload(rrc_state="search", registration=RegistrationState.SEARCHING)
        motion = self._world.position_at(unix_s)
        return self._radio.radio_at(
            self._modem.plmn, motion.lat_deg, motion.lon_deg, unix_s, self.allowed
        )

    def _words(self, reading: Payload, unix_s: float) -> dict[str, str]:
        sim = "absent" if Fault.NO_SIM in self._faults else "ready"
        sim = "pin" if Fault.SIM_PIN in self._faults else sim
        if reading.serving is None or sim != "ready":
            stat = "2" if reading.serving is None and self.allowed and sim == "ready" else "0"
        else:
            stat = "3" if Fault.DENIED in self._faults else "1"
        state = {"1": "NOCONN", "3": "LIMSRV"}.get(stat, "LIMSRV" if reading.serving else "SEARCH")
        return {
            **self._settings,
            "maker": self._persona.maker,
            "model": self._persona.model,
            "firmware": self._persona.firmware,
            "imei": self._modem.imei,
            "imsi": self._modem.imsi,
            "iccid": self._modem.iccid,
            "home": self._modem.plmn,
            "name": self._world.operator(self._modem.plmn).name,
            "sim": sim,
            "stat": stat,
            "state": state,
            "registered": "yes" if stat == "1" else "no",
            "served": "no" if reading.serving is None else "yes",
            "temperature": str(41 + int(unix_s / 60) % 7),
            **reading_values(reading),
        }

    def _scan(self, unix_s: float) -> dict[str, list[dict[str, str]]]:
        """What a search over all networks finds; nothing while the radio is off."""
        if self._settings["cfun"] != "1":
            return scan_values((), (), self._modem.plmn)
        motion = self._world.position_at(unix_s)
        rats = {Technology.GSM: Rat.GSM, Technology.LTE: Rat.LTE, Technology.NR_SA: Rat.NR}
        capable = [rat for technology, rat in rats.items() if technology in self._persona.allow]
        cells = self._radio.cells_at(motion.lat_deg, motion.lon_deg, unix_s, *capable)
        return scan_values(cells, self._world.operators, self._modem.plmn)

    def _reset(self, back_at_s: float) -> None:
        kept = {name: self._settings[name] for name in self._persona.kept}
        self._settings = {**self._persona.settings, **kept}
        self._in_force = dict(self._settings)
        self._searching_until_s = back_at_s + self._attach_s
