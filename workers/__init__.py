"""The TLS fan-out worker process: it moves ready-made bytes to its shard of the clients."""
