"""The examples of the documents: every ```console block is run against a service, and what it shows is what came.

A line that begins with "$ " is a command, what follows it is its output; … stands for anything."""

import os
import pathlib
import re
import subprocess
import sys

sys.path[:0] = [os.path.dirname(__file__), os.path.join(os.path.dirname(__file__), "..")]
import tap
from doors import Doors

DOCS = pathlib.Path(__file__).parents[2] / "docs"


def examples(path):
    """(line, command, output) of each command."""
    command = None
    shown, line, inside = [], 0, False
    for number, text in enumerate(path.read_text().splitlines(), 1):
        if text.startswith("```"):
            if command:
                yield line, command, "\n".join(shown)
            command, inside = None, text == "```console"
        elif inside and text.startswith("$ "):
            if command:
                yield line, command, "\n".join(shown)
            command, shown, line = text[2:], [], number
        elif inside and command:
            shown.append(text)


def fits(shown, came):
    pattern = ".*?".join(re.escape(part) for part in shown.rstrip("\n").split("…"))
    return re.fullmatch(pattern, came.rstrip("\n"), re.DOTALL)


class Examples(Doors):
    def test_api(self):
        self.serve(command="llm-service")
        folder = self.make_home()
        ran = 0
        for line, command, shown in examples(DOCS / "api.md"):
            done = subprocess.run(["bash", "-c", command.replace("http://127.0.0.1:8000", self.url)], cwd=folder, capture_output=True, text=True, timeout=30)
            self.assertEqual(done.returncode, 0, f"api.md:{line}: {done.stderr}")
            self.assertTrue(fits(shown, done.stdout), f"api.md:{line}: $ {command}\nshown: {shown}\ncame: {done.stdout}")
            ran += 1
        self.assertGreaterEqual(ran, 20)

    def test_every_route_has_an_example_or_a_row(self):
        self.serve(command="llm-service")
        text = (DOCS / "api.md").read_text()
        for path in self.ask("GET", "/openapi.json").json["paths"]:
            if path != "/agent/query":
                self.assertIn(path, text.replace("/tools/python_executor/", "/tools/{name}/"))


tap.main(__name__)
