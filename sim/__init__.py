"""The other end of every wire: simulated modems, GNSS, servers, fleets and the demo."""
