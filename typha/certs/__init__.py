"""X.509 for operators: making certificates, reading them to say what is wrong, serving with them.

`making` and `reading` import cryptography, which takes time and memory: import them where they are
used, never in a module that the parent or a worker loads.
"""
