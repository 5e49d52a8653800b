"""`python -m typha` is `typha`."""

from typha.commands import main

main()
