#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""crowd - many clients of one daemon in one process, to die together.

Usage: crowd.py SOCKET NAME CLIENTS LOCKS
Each client asks for one of the LOCKS; when every lock is held once and all
others wait, one line says so.  Then it stays until it is killed.
"""
import resource
import selectors
import socket
import sys


def main(path, name, clients, locks):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    selector = selectors.DefaultSelector()
    for number in range(clients):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.connect(path)
        sock.sendall(f"LOCK {name}.{number % locks}\n".encode())
        selector.register(sock, selectors.EVENT_READ)
    granted = waiting = 0
    while granted < locks or waiting < clients - locks:
        for key, _ in selector.select():
            part = key.fileobj.recv(65536)
            if not part:
                sys.exit("the daemon closed a connection")
            for line in part.split(b"\n"):
                granted += line.startswith(b"GRANTED")
                waiting += line.startswith(b"QUEUED")
                if line.startswith(b"ERR"):
                    sys.exit(line.decode())
    print(f"granted={granted} waiting={waiting}", flush=True)
    while True:
        selector.select()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
