"""The CT bench: doses, lesions, uniform tissue, rows that resume."""
