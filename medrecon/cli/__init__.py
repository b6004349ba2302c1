"""The command line: devices, progress bars, tables and exit codes live here and nowhere deeper."""
