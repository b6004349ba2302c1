"""Tables and figures of the docs, made of results; `tables.py` beside this folder writes them."""
