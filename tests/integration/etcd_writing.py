"""Writes without pause, through whichever member of a cluster answers."""

import contextlib
import json
import threading

from tests.integration.etcd_servers import connect, control, try_to, wait_for
from typha.datastore.etcd import kinds, protobuf
from typha.datastore.etcd.errors import EtcdError

POOLS = 300  # keys that are written again and again


class Writer:
    """Writes and deletes pools from a thread, through whichever member answers."""

    def __init__(self, members, writes):
        """Begin."""
        self._members = members
        self.writes = writes
        self.done = 0
        self.thread = threading.Thread(target=self._write, daemon=True)
        self.thread.start()

    def _write(self):
        while self.done < self.writes:
            for member in self._members:
                try:
                    with connect(member.url) as connection:
                        self._write_through(connection)
                except EtcdError:
                    continue

    def _write_through(self, connection):
        while self.done < self.writes:
            number = self.done % POOLS
            key = f"{kinds.V3_PREFIX}ippools/pool-{number}".encode()
            spec = {"cidr": f"10.{number // 100}.{number % 100}.0/24", "blockSize": self.done}
            value = json.dumps({"metadata": {"name": f"pool-{number}"}, "spec": spec}).encode()
            put = protobuf.field(1, key) + protobuf.field(2, value)
            connection._call("/etcdserverpb.KV/Put", put, 5.0)
            self.done += 1


def leader_of(members):
    """Return the member that leads; on a loaded machine there may be none for a moment."""
    leaders = []

    def found():
        leaders[:] = [member for member in members if leads(member)]
        return leaders

    wait_for(found, "somebody to lead")
    return leaders[0]


def leads(member):
    """Tell whether a member believes that it leads."""
    told = control(member.url, "endpoint", "status", "-w", "fields")
    fields = dict(line.split(" : ") for line in told.splitlines() if " : " in line)
    return fields['"MemberID"'] == fields['"Leader"']


def compact(member):
    """Forget all history, however the cluster fares at present."""

    def is_done():
        with contextlib.suppress(EtcdError), connect(member.url) as connection:
            revision = connection.page(b"x", b"", limit=1).header.revision
            tried = try_to(member.url, "compact", str(revision))
            return tried.returncode == 0 or "has been compacted" in tried.stderr
        return False

    wait_for(is_done, "history to be forgotten")
