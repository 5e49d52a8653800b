"""What `typha demo` shows: a cluster in a folder, a server on it, and its clients."""
