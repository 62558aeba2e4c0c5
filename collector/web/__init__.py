"""The page on 127.0.0.1: targets, roads, ledger and probes. The only event loop."""
