"""What must happen to a hostile program: the comment lines at its top, read and checked. README.md describes them."""

import json
import re

LINE = re.compile(r"# (expect|option|input|after|alone):(.*)")
TERM = re.compile(r'(\w+)(=|~)("(?:[^"\\]|\\.)*"|\S+)(?:\s+|$)')

# Conditions on texts of the result: where each is found in it.
TEXTS = {
    "stdout": lambda result: result["stdout"],
    "stderr": lambda result: result["stderr"],
    "value": lambda result: (result["error"] or {}).get("value", ""),
    "traceback": lambda result: (result["error"] or {}).get("traceback", ""),
    "result": lambda result: (result["result"] or {}).get("text/plain", ""),
}
NUMBERS = {"within", "least", "exit", "outputs"}
NAMES = {"status", "error", "absent", "truncated"}


class Malformed(Exception):
    """A comment line that cannot be understood."""


def _terms(text):
    at = 0
    text = text.strip()
    while at < len(text):
        match = TERM.match(text, at)
        if not match:
            raise Malformed(f"cannot read {text[at:]!r}")
        name, relation, value = match.groups()
        if name not in TEXTS and (relation == "~" or name not in NUMBERS | NAMES):
            raise Malformed(f"there is no condition {name}{relation}")
        yield name, relation, json.loads(value) if value.startswith('"') else value
        at = match.end()


class Program:
    """One program's comment lines."""

    def __init__(self, path):
        self.options, self.terms = [], []
        self.input = ""  # None: one that never comes
        self.after = None
        self.alone = False
        with open(path, encoding="utf-8") as file:
            for line in file:
                match = LINE.match(line.rstrip("\n"))
                if match:
                    self._take(*match.groups())
        if not any(name == "status" for name, _, _ in self.terms):
            raise Malformed(f"{path} does not say which status is expected")

    def _take(self, kind, text):
        if kind == "expect":
            self.terms += _terms(text)
        elif kind == "option":
            self.options += text.split()
        elif kind == "input":
            self.input = None if text.strip() == "never" else json.loads(text)
        elif kind == "after":
            self.after = text.strip()
        else:
            self.alone = True

    def timeout(self, default):
        options = self.options
        return float(options[options.index("--timeout") + 1]) if "--timeout" in options else default

    def differences(self, ran):
        """What is not as it must be, one line each; `ran` has exit_code, seconds, output and result."""
        return [line for term in self.terms for line in _difference(*term, ran)]


def _difference(name, relation, expected, ran):
    result = ran.result
    if name in TEXTS:
        found = TEXTS[name](result)
        holds = re.search(expected, found) is not None if relation == "~" else found == expected
    elif name == "absent":
        found, holds = "it", expected not in ran.output
    elif name == "truncated":
        found, holds = result["truncated"], result["truncated"][expected]
    elif name == "within":
        found, holds = ran.seconds, ran.seconds <= float(expected)
    elif name == "least":
        found, holds = ran.seconds, ran.seconds >= float(expected)
    elif name == "exit":
        found, holds = ran.exit_code, ran.exit_code == int(expected)
    elif name == "outputs":
        found, holds = len(result["outputs"]), len(result["outputs"]) == int(expected)
    else:
        found = result["status"] if name == "status" else (result["error"] or {}).get("name", "")
        holds = found in expected.split("|")
    if not holds:
        yield f"{name}{relation}{expected!r} was expected, but there is {str(found)[:2000]!r}"
