"""Go's encoding/gob: its integers, its type descriptions, values in and out.

Sans-IO, and without any knowledge of the messages that travel in it.
"""
