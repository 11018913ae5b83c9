"""What `yesladder` can be told to do. Modules import what they need inside the commands, so that --help is quick.

site_folder.py   init, new, check, schema: the files of a site
server.py        serve, token
results.py       results, over result_table.py and decision_table.py
why.py           why: what changed between two moments; ledger.py: ledger; visitor.py: visitor
plan.py          plan, over plan_table.py
calibrate.py     calibrate, over calibration_table.py
measured.py      what the log knows of an experiment's visitors; quantities.py: percentages on the command line
event_log.py     import, verify; export.py: export; backup.py: backup; erasure.py: forget, expire
simulation.py    simulate
demo.py          demo, over demo_site.py (its history) and traffic.py (its visitors of today)
"""
