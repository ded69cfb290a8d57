"""`python -m symgrad` is the command line."""

import sys

from symgrad.command.cli import main

sys.exit(main())
