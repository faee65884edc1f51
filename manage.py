#!/usr/bin/env python
"""Dali's command line: `./manage.py help` lists the commands."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dali.settings")
    from dali.start import run_command

    run_command(sys.argv)
