#!/usr/bin/python3.11
"""Looks for programs that end in a trap of the sandbox where Python should raise an exception.

Usage: fuzz/nesting_fuzz.py [--seconds N] [--seed N] [--programs N] [--tap]

A program builds something deep, of random shape and depth, and gives it to something that recurses: repr, compare, copy,
pickle, json, compile, deallocate and so on, without touching the recursion limit. Whatever Python makes of it is right (a
result, an exception, no memory, out of time); `crashed` is a finding. The same seed makes the same programs.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))
SHANNON = os.environ.get("SHANNON", os.path.join(ROOT, "build", "shannon"))

WRAPS = [  # each makes something one level deeper out of x
    "[x]", "(x,)", "{'k': x}", "{1: x, 2: [x]}", "frozenset([x])", "functools.partial(print, x)", "functools.partial(x)",
    "types.MappingProxyType({'k': x})", "types.SimpleNamespace(k=x)", "(lambda: x)", "iter([x])", "map(str, [x])",
    "zip([x])", "itertools.chain([x])", "reversed([x])", "property(x)", "classmethod(x)", "slice(x)", "memoryview(b'')[:] and x",
    "collections.deque([x])", "collections.OrderedDict(k=x)", "collections.defaultdict(list, k=x)", "collections.UserList([x])",
    "collections.ChainMap({'k': x})", "Node(x)", "Slotted(x)", "Data(x)", "Named(x)", "type('T', (), {'k': x})", "list[x]",
    "tuple[x, ...]", "weakref.WeakValueDictionary() and [x]", "chained(x)", "generator(x)", "contextlib.closing(x)",
    "ast.List(elts=[x], ctx=ast.Load())", "ast.UnaryOp(op=ast.USub(), operand=x)", "ast.Expression(body=x)",
]
USES = [  # each looks at all of x
    "repr(x)", "str(x)", "hash(x)", "x == y", "x < y", "x != y", "copy.deepcopy(x)", "copy.copy(x)", "pickle.dumps(x)",
    "pickle.dumps(x, 0)", "pickle._dumps(x)", "pickle.loads(pickle.dumps(x))", "marshal.dumps(x)",
    "marshal.loads(marshal.dumps(x))", "json.dumps(x)", "json.dumps(x, indent=1)", "pprint.pformat(x)", "reprlib.repr(x)",
    "sys.getsizeof(x)", "gc.collect()", "gc.get_referents(x)", "isinstance(1, x)", "issubclass(int, x)", "sorted([x, y])",
    "list(x)", "next(x)", "x()", "format(x)", "f'{x!r:>10}'", "'%r' % (x,)", "dict(x)", "set([x])", "compile(x, '', 'eval')",
    "ast.dump(x)", "ast.unparse(x)", "ast.fix_missing_locations(x)", "ast.literal_eval(x)", "inspect.signature(x)",
    "dataclasses.asdict(x)", "traceback.format_exception(x)", "print(x)", "del_(x)", "x", "weakref.ref(x)", "bool(x)",
    "len(x)", "operator.eq(x, y)", "min(x, y)", "typing.get_type_hints(x)", "str.join(',', x)", "bytes(x)", "type(x)(x)",
]
TEXTS = [  # a text of depth n, and what reads it
    ("'[' * n + ']' * n", ["json.loads(t)", "ast.literal_eval(t)", "eval(t)", "compile(t, '', 'eval')", "pickle.loads(t.encode())"]),
    ("'{\"a\":' * n + '1' + '}' * n", ["json.loads(t)", "eval(t)"]),
    ("'(' * n + ')' * n", ["re.compile(t)", "eval(t)", "ast.parse(t)", "list(tokenize.generate_tokens(io.StringIO(t).readline))"]),
    ("'(?:a|' * n + 'b' + ')' * n", ["re.compile(t)", "re.match(t, 'ab')"]),
    ("'(a*)*' * n", ["re.match(t, 'a' * 20 + 'b')"]),
    ("'<a>' * n + '</a>' * n", ["xml.etree.ElementTree.fromstring(t)", "xml.etree.ElementTree.tostring(xml.etree.ElementTree.fromstring(t))",
                                 "copy.deepcopy(xml.etree.ElementTree.fromstring(t))", "xml.dom.minidom.parseString(t).toxml()"]),
    ("'-' * n + '1'", ["eval(t)", "ast.unparse(ast.parse(t))", "compile(t, '', 'eval')"]),
    ("'not ' * n + '1'", ["eval(t)"]),
    ("'+'.join(['1'] * n)", ["eval(t)", "ast.dump(ast.parse(t))"]),
    ("'x' + '.x' * n", ["compile(t, '', 'eval')"]),
    ("'x' + '[0]' * n", ["compile(t, '', 'eval')"]),
    ("'f' + '()' * n", ["compile(t, '', 'eval')"]),
    ("'lambda: ' * n + '0'", ["eval(t)", "compile(t, '', 'eval')"]),
    ("'1 if 1 else ' * n + '0'", ["eval(t)"]),
    ("'f\"{' * n + '1' + '}\"' * n", ["eval(t)"]),
    ("''.join('  ' * i + 'if 1:\\n' for i in range(min(n, 500))) + '  ' * 500 + 'pass'", ["compile(t, '', 'exec')"]),
    ("'class A:\\n ' + 'x = 1\\n ' * n", ["compile(t, '', 'exec')"]),
    ("'try:\\n pass\\nexcept: pass\\n' * n", ["compile(t, '', 'exec')"]),
    ("'a=' * n + '1'", ["exec(t)"]),
    ("'%(' * n", ["t % {}"]), ("'{' * n", ["t.format(1)"]), ("'{0:' * n + '}' * n", ["t.format(1)"]),
    ("'a' * n", ["t.encode('idna')", "fnmatch.translate(t)", "shlex.split(t)", "difflib.unified_diff([t], [t + 'b'])"]),
    ("b'(' .decode() * n + '.'", ["pickle.loads(t.encode())"]), ("'(l' * n + '.'", ["pickle.loads(t.encode())"]),
    ("'i' * n", ["marshal.loads(t.encode())"]), ("'[\\x01\\x00\\x00\\x00' * n + 'N'", ["marshal.loads(t.encode('latin-1'))"]),
    ("'SELECT ' + '(' * n + '1' + ')' * n", ["sqlite3.connect(':memory:').execute(t).fetchall()"]),
    ("'SELECT 1' + ' UNION SELECT 1' * n", ["sqlite3.connect(':memory:').execute(t).fetchall()"]),
    ("'1' * n", ["int(t)", "int(t, 16)", "float(t)", "decimal.Decimal(t)", "fractions.Fraction(t)", "complex(t)"]),
]
HEAD = """
import ast, collections, contextlib, copy, dataclasses, decimal, difflib, fnmatch, fractions, functools, gc, inspect, io, itertools
import json, marshal, operator, pickle, pprint, re, reprlib, shlex, sqlite3, sys, tokenize, traceback, types, typing, weakref
import xml.etree.ElementTree, xml.dom.minidom
class Node:
    def __init__(self, x): self.x = x
    def __repr__(self): return f"Node({self.x!r})"
    def __eq__(self, other): return self.x == other.x
    def __hash__(self): return hash(self.x)
    def __lt__(self, other): return self.x < other.x
    def __iter__(self): return iter(self.x)
    def __call__(self): return self.x()
    def __getattr__(self, name): return getattr(self.x, name)
class Slotted:
    __slots__ = "x",
    def __init__(self, x): self.x = x
    def __del__(self): self.x = None
@dataclasses.dataclass(order=True)
class Data:
    x: object
Named = collections.namedtuple("Named", "x")
def chained(x):
    error = ValueError(x)
    error.__cause__ = x if isinstance(x, BaseException) else None
    return error
def generator(x):
    yield from x
def del_(x):
    pass
"""


def structure(chance):
    wraps = chance.sample(WRAPS, chance.choice([1, 1, 2, 3]))
    depth = int(10 ** chance.uniform(1, 6))
    lines = [HEAD, "def build():", "    x = None", f"    for i in range({depth} // {len(wraps)}):"]
    for wrap in wraps:
        lines.append(f"        x = {wrap}")
    lines += ["    return x", "x, y = build(), build()"]
    for use in chance.sample(USES, 3):
        lines += ["try:", f"    unused = {use}", "except Exception as error:", "    print(type(error).__name__)"]
    lines.append("x = y = None")
    return "\n".join(lines)


def text(chance):
    made, uses = chance.choice(TEXTS)
    depth = int(10 ** chance.uniform(1, 5.5))
    return "\n".join([HEAD, f"n = {depth}", f"t = {made}", "try:", f"    unused = {chance.choice(uses)}",
                      "except Exception as error:", "    print(type(error).__name__)", "unused = None"])


def run(program):
    done = subprocess.run([SHANNON, "run", "--json", "--timeout", "5", "-"], input=program, capture_output=True, text=True)
    try:
        result = json.loads(done.stdout)
        return result["status"], (result["error"] or {}).get("value", "")
    except (ValueError, KeyError):
        return "no result", done.stdout + done.stderr


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--programs", type=int, default=None)
    parser.add_argument("--tap", action="store_true")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.randrange(1 << 32)
    print(f"# seed {seed}", flush=True)
    until, findings, number = time.monotonic() + options.seconds, 0, 0
    while time.monotonic() < until if options.programs is None else number < options.programs:
        chance = random.Random(f"{seed} {number}")
        program = chance.choice([structure, structure, text])(chance)
        status, value = run(program)
        good = status in ("ok", "error", "timeout", "memory_limit", "output_limit")
        number += 1
        findings += not good
        if not good:
            shown = program.replace(HEAD, "").strip()
            print(f"# {status}: {value[:300]}\n# " + shown.replace("\n", "\n# "), flush=True)
        if options.tap:
            print(f"{'ok' if good else 'not ok'} {number} - program {number - 1} ({status})", flush=True)
    if options.tap:
        print(f"1..{number}")
    print(f"# {number} programs, {findings} findings", flush=True)
    sys.exit(findings > 0)


main()
