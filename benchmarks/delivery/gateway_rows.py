"""A connector of thingsboard-gateway that makes 50 rows a second. Runs in the gateway's process.

A row counts as accepted when `send_to_storage` says SUCCESS, which is all that a connector is told.
"""

import json
import os
import sys
import threading
import time as clock

from thingsboard_gateway.connectors.connector import Connector
from thingsboard_gateway.gateway.entities.converted_data import ConvertedData

ROWS_PER_S = 50
GROUP = 25
FIRST_MS = 1_793_491_200_000
MS_A_ROW = 1000 // ROWS_PER_S


class RowsConnector(Connector, threading.Thread):
    """Writes until the gateway ends."""

    def __init__(self, gateway, config, _connector_type):
        super().__init__(daemon=True)
        self.name = "Rows"
        self._gateway = gateway
        self._config = config
        self._bursts = 0
        with open(os.environ["ROWS_VALUES"]) as file:
            self._values = json.load(file)

    def open(self):
        threading.Thread(target=self._listen, daemon=True).start()
        self.start()

    def run(self):
        group, due = int(os.environ["ROWS_FIRST"]), clock.monotonic()
        while True:
            for number in range(group, group + GROUP):
                self._send(number)
                if self._bursts > 0:
                    self._bursts -= 1
                    due = clock.monotonic()
                else:
                    due += 1 / ROWS_PER_S
                    clock.sleep(max(0.0, due - clock.monotonic()))
            sys.__stdout__.write(f"A {group} {group + GROUP - 1}\n")
            sys.__stdout__.flush()
            group += GROUP

    def _send(self, number):
        row = ConvertedData(device_name="dn", device_type="probe")
        values = {**self._values, "number": number}
        # Of two rows of one instant the gateway keeps the later one, so no two have the same.
        row.add_to_telemetry({"ts": FIRST_MS + number * MS_A_ROW, **values})
        status = self._gateway.send_to_storage("Rows", "rows", row)
        if status.name != "SUCCESS":
            raise RuntimeError(status.name)

    def _listen(self):
        for line in sys.stdin:
            self._bursts += int(line.split()[1])

    def close(self):
        pass

    def get_id(self):
        return "rows"

    def get_name(self):
        return "Rows"

    def get_type(self):
        return "rows"

    def get_config(self):
        return self._config

    def is_connected(self):
        return True

    def is_stopped(self):
        return False

    def on_attributes_update(self, content):
        pass

    def server_side_rpc_handler(self, content):
        pass
