"""`python -m simplesfu`, for want of the command `simplesfu` in PATH."""
import sys

from simplesfu.cli.main import main

sys.exit(main())
