"""`python -m approval.cli`: the command, for child processes of `serve`."""

from approval.cli import main

main(prog_name="approval")
