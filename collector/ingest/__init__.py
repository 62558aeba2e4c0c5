"""Records on their way in: from MQTT or a file into the lake and the ledger."""
