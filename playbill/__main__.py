"""`python -m playbill`: the same as the `playbill` command."""

from playbill.cli.main import main

main()
