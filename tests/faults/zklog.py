# SPDX-License-Identifier: MIT
"""zklog - one number changed in a ZooKeeper server's transaction log.

A file is a header of 16 bytes and records: Adler-32, length, the transaction,
a byte 'B'; zeros follow.  A create carries the version that its parent's
child list has afterwards, from which the next sequence number is made.  Only
while the server is stopped, and one with its digests off.
"""
import glob
import os
import struct
import zlib

_HEADER = 16
_CREATES = (1, 15)


def _records(raw):
    at = _HEADER
    while at + 12 <= len(raw):
        size = struct.unpack_from(">i", raw, at + 8)[0]
        if size <= 0:
            return
        yield at, size
        at += 12 + size + 1


def _version_place(body, path):
    """Where the number stands in a create of that path, or None."""
    kind = struct.unpack_from(">i", body, 28)[0]
    if kind not in _CREATES:
        return None
    at = 32
    size = struct.unpack_from(">i", body, at)[0]
    if body[at + 4:at + 4 + size] != path.encode():
        return None
    at += 4 + size
    at += 4 + max(0, struct.unpack_from(">i", body, at)[0])  # its data
    acls = struct.unpack_from(">i", body, at)[0]
    at += 4
    for _ in range(acls):
        at += 4  # the permissions
        for _ in ("scheme", "id"):
            at += 4 + struct.unpack_from(">i", body, at)[0]
    return at + 1  # ephemeral or not


def set_child_version(folder, path, version):
    """The create of path, in any log of that data folder, left its parent's
    child list at this version.  How many were changed."""
    changed = 0
    for name in glob.glob(os.path.join(folder, "version-2", "log.*")):
        with open(name, "rb") as log:
            raw = bytearray(log.read())
        for at, size in _records(raw):
            body = raw[at + 12:at + 12 + size]
            place = _version_place(body, path)
            if place is None:
                continue
            struct.pack_into(">i", body, place, version)
            raw[at + 12:at + 12 + size] = body
            struct.pack_into(">q", raw, at, zlib.adler32(bytes(body)))
            changed += 1
        with open(name, "wb") as log:
            log.write(raw)
    return changed
