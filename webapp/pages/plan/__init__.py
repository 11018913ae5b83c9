"""What a test takes: visitors, days, chances.

plan_routes.py     the page
form.py            what is filled in
inputs.py          form and baseline -> what is planned with
plan_sentences.py  the plan in sentences
"""
