"""The command line.

What a command needs is imported when it runs, so that `nwip --help` comes at once; the modules here import
nothing but Click and the standard library's small parts.
"""
