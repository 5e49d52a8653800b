"""X.509 for operators: making certificates, and reading them to say what is wrong with them.

The modules here import cryptography, which takes time and memory: import them where they are
used, never in a module that the parent or a worker loads.
"""
