#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""sbs_kazoo - kazoo's Lock as an ordinary program uses it, telling what it
sees, one line each: "<CLOCK_BOOTTIME ms> <what>".

    sbs_kazoo.py SERVERS TIMEOUT_S PATH

    version V       whose Lock it is
    state WORD      the connection's state changed; kazoo says LOST when it
                    knows that the session is over
    granted         acquire() has returned
    read            its own claim was read again: still there
    read failed     or not
"""
import sys
import time

import kazoo
from kazoo.client import KazooClient
from kazoo.exceptions import KazooException
from kazoo.handlers.threading import KazooTimeoutError

_READ_EVERY_S = 0.05


def say(what):
    at_ms = time.clock_gettime(time.CLOCK_BOOTTIME) * 1000
    sys.stdout.write(f"{at_ms:.1f} {what}\n")
    sys.stdout.flush()


def main(servers, timeout_s, path):
    say(f"version {kazoo.__version__}")
    client = KazooClient(hosts=servers, timeout=float(timeout_s))
    client.add_listener(lambda state: say(f"state {state}"))
    client.start(timeout=30)
    lock = client.Lock(path, "side by side")
    lock.acquire()
    say("granted")
    while True:
        try:
            client.get(f"{path}/{lock.node}")
            say("read")
        except (KazooException, KazooTimeoutError) as err:
            say(f"read failed {type(err).__name__}")
        time.sleep(_READ_EVERY_S)


if __name__ == "__main__":
    main(*sys.argv[1:])
