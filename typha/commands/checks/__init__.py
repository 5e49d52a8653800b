"""What `typha check` looks at, a module for each kind of thing.

Each module has `find(subject) -> Iterator[Finding]`, which reads files and sockets but changes
nothing.
"""
