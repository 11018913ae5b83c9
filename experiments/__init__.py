"""What an experiment is and what happened in it; knows nothing of HTTP. A room imports only from those below it.

maintenance/  backup, export, forgetting, expiry: the data are their owner's
simulation/   seeded visitors, and how often a page would be wrong
gallery/      ready experiments, with their histories
audit/        why is this number what it is, and what did people decide by it
planning/     how many visitors it takes, and when it is decided
site/         a folder with its config files, and which definitions are in force
reporting/    from tables of counts to everything a result page shows
store/        the durable log that answers in tables of counts
assignment/   which variant does this visitor get, and may this event enter the log
events/       what happened, and what it means for the counts
definition/   experiments as frozen values, and what must hold between their keys
"""
