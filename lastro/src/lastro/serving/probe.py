"""The image's health check: exit 0 when /ping answers. Imports next to nothing, as it runs every few seconds."""

import os
import socket
import sys


def main() -> int:
    """Ask /ping; return 0 when it answers 200."""
    try:
        port = os.environ.get("LASTRO_PORT", "")
        # Anything else than a number is Kubernetes' own variable: see settings.
        with socket.create_connection(("127.0.0.1", int(port) if port.isdigit() else 8080), 3) as link:
            link.sendall(b"GET /ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return 0 if b" 200 " in link.recv(32) else 1
    except OSError:
        return 1


if __name__ == "__main__":
    sys.exit(main())
