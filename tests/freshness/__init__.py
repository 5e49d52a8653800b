"""What can befall a server's datastore, and how long it takes to be noticed and to be over.

`python -m tests.freshness` measures it with the default thresholds; test_freshness.py in
tests/e2e and tests/integration asserts it with short ones.
"""
