"""The protocol between server and clients, both sides of it.

Sans-IO: bytes in, events and bytes out.  Knows no socket, no clock and no policy.
"""
