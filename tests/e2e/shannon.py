"""Drives the real `shannon` executable for the tests in this folder."""

import json
import os
import subprocess

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
SHANNON = os.environ.get("SHANNON", os.path.join(ROOT, "build", "shannon"))


def command(*args, stdin="", env=None, timeout=90, **options):
    """Runs `shannon ARGS`; stdin and the outputs are text."""
    full = {name: value for name, value in os.environ.items() if not name.startswith("WASI_")}
    full.update(env or {})
    text = not isinstance(stdin, bytes)
    return subprocess.run([SHANNON, *args], input=stdin, capture_output=True, text=text, env=full,
                          timeout=timeout, **options)


def run(code, *args, **options):
    """`shannon run ARGS -c CODE`."""
    return command("run", *args, "-c", code, **options)


def result(code, *args, **options):
    """The JSON result of running the code."""
    done = run(code, "--json", *args, **options)
    parsed = json.loads(done.stdout)
    parsed["exit_code"] = done.returncode
    return parsed
