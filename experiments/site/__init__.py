"""One folder: settings, experiments, the record of phases.

site.py              the folder and its settings
catalog.py           which definitions are in force, hot; `check`
configuration.py     all files of a site, read: what is in force
config_file.py       YAML with the place of every value
yaml_errors.py       what is wrong with the YAML, in plain words; validation: with a value
phase_record.py      the record of every phase, phases.json
phase_transition.py  what may follow what
whole_file.py        replaced at once and for good
json_schema.py       JSON Schemas for editors
"""
