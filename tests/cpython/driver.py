"""Runs in the sandbox: one file of CPython's own tests, by its own runner, in the writable workspace."""

import os
import sys
import tempfile

os.makedirs("/workspace/tmp")
os.chdir("/workspace")
os.environ["TMPDIR"] = os.environ["HOME"] = "/workspace/tmp"
tempfile.tempdir = None

from test import libregrtest  # noqa: E402

libregrtest.main(sys.argv[1:2], verbose=True)
