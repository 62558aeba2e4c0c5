"""A far end that takes connections: `python3 odd_far_end.py silent|resets HOST PORT...`."""

import socket
import struct
import sys
import threading

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of no time: closing is a reset."""


def serve(listener: socket.socket, how: str, taken: list[socket.socket]) -> None:
    while True:
        connection, _ = listener.accept()
        if how == "silent":
            taken.append(connection)
            continue
        connection.recv(64)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        connection.close()


def main(how: str, host: str, *ports: str) -> None:
    taken: list[socket.socket] = []
    listeners = [socket.create_server((host, int(port)), backlog=64) for port in ports]
    print("listening", flush=True)  # noqa: T201  # whoever started it waits for it
    threads = [
        threading.Thread(target=serve, args=(each, how, taken), daemon=True) for each in listeners
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
