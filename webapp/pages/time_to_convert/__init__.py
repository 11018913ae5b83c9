"""How long visitors take.

time_to_convert_routes.py  the page
scan.py                    the scan of the log behind it, bounded and kept
"""
