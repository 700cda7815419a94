"""``python -m lktrio`` is the ``lktrio`` command."""

from __future__ import annotations

import sys

from lktrio.cli import main

if __name__ == "__main__":
    sys.exit(main())
