"""Files that lie in memory alone, for what OpenSSL takes from files and nowhere else.

A key that came as text is written to no disk, and nothing has to be writable.
"""

import os


class Held:
    """Contents, each under a path that stays the same as long as the content is wanted."""

    def __init__(self) -> None:
        """Begin with none."""
        self._descriptors: dict[bytes, int] = {}
        self._wanted: set[bytes] = set()

    def path(self, content: bytes) -> str:
        """Give a path at which this process can read `content`."""
        self._wanted.add(content)
        if content not in self._descriptors:
            descriptor = os.memfd_create("kubeconfig")
            with open(descriptor, "wb", closefd=False) as file:
                file.write(content)
            self._descriptors[content] = descriptor
        return f"/proc/self/fd/{self._descriptors[content]}"

    def drop_others(self) -> None:
        """Close what nobody has asked for since the last time."""
        for content in self._descriptors.keys() - self._wanted:
            os.close(self._descriptors.pop(content))
        self._wanted.clear()
