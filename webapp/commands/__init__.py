"""What `yesladder` can be told to do. cli.py imports a module when its command is called, so that --help is quick.

site/      init, new, check, schema, serve, token
log/       import, verify, export, backup, forget, expire
results/   results, why, visitor, ledger, time-to-convert
planning/  plan, simulate, calibrate
demo/      demo
shared/    what commands share
"""
