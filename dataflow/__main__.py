"""``python -m dataflow`` is the ``dataflow`` command."""

from __future__ import annotations

import sys

from dataflow.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
