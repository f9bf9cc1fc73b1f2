"""WebAssembly modules, written by hand, that do what compilers do not: each has to end in the way that it is
granted."""

import functools
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import unittest
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "e2e"), os.path.join(HERE, "..")]
import shannon
import tap

MODULES = os.path.join(HERE, "modules")
GUEST_C = os.path.join(shannon.ROOT, "interpreters", "python", "guest", "guest.c")

BOUNDS, CALL, STACK = "out of bounds memory access", "invalid indirect call", "call stack exhausted"
# Case of traps.wat: how it ends, and what it is about.
TRAPS = {
    0: (BOUNDS, "a load just behind the end"),
    1: (BOUNDS, "a store just behind the end"),
    2: (BOUNDS, "a load at the largest address with the largest offset"),
    3: (BOUNDS, "a store at the largest address with the largest offset"),
    4: (BOUNDS, "a store that reaches over the end"),
    5: (BOUNDS, "a load at the largest address"),
    6: (BOUNDS, "memory.copy to over the end"),
    7: (BOUNDS, "memory.copy from where addresses wrap around"),
    8: (BOUNDS, "memory.copy of all there could be"),
    9: (BOUNDS, "memory.fill of all there could be"),
    10: (BOUNDS, "memory.fill of nothing behind the end"),
    11: (BOUNDS, "memory.init from over a segment's end"),
    12: (BOUNDS, "memory.init to over the end"),
    13: (BOUNDS, "memory.init from where offsets wrap around"),
    14: (BOUNDS, "memory.init from a segment that was dropped"),
    15: (BOUNDS, "a store behind what was granted last"),
    16: (CALL, "no function"),
    17: (CALL, "behind the table"),
    18: (CALL, "far behind the table"),
    19: (CALL, "a function of another type"),
    20: (CALL, "no function in a table that changes"),
    21: (CALL, "behind a table that changes"),
    22: (CALL, "another type after table.set"),
    23: (CALL, "no function any more after table.set"),
    24: (BOUNDS, "table.set behind the table"),
    25: (BOUNDS, "table.get far behind the table"),
    26: (BOUNDS, "table.fill of all there could be"),
    27: (BOUNDS, "table.copy to over the end"),
    28: (BOUNDS, "table.init to over the end"),
    29: (BOUNDS, "table.init from a segment that was dropped"),
    30: (STACK, "recursion"),
    31: (STACK, "recursion with many arguments"),
    32: (STACK, "recursion that calls the host each time"),
    33: (STACK, "recursion that grows memory by nothing each time"),
    46: (STACK, "recursion through a table"),
    34: ("unreachable instruction executed", "unreachable"),
    35: ("integer divide by zero", "i32.div_s"),
    36: ("integer overflow", "the lowest number by -1"),
    37: ("integer divide by zero", "i64.rem_u"),
    38: ("invalid conversion to integer", "i32.trunc of NaN"),
    39: ("integer overflow", "i32.trunc of 1e10"),
    40: ("integer overflow", "i64.trunc_u of -1"),
    41: ("integer overflow", "the lowest number of 64 bits by -1"),
}
EXITS = {43: 0x78, 44: 255, 45: 0}

# Part of guest.wat, what is put there, and what must come: a status, or words of the error that is reported instead.
GUESTS = {
    "is in order": ("", "", "ok"),
    "traps in _initialize": ("initialize", "(unreachable)", "_initialize ended by unreachable"),
    "leaves in _initialize": ("initialize", "(call $exit (i32.const 0))", "_initialize ended by proc_exit"),
    "has another version": ("abi", "(return (i32.const 99))", "guest_abi answered 99"),
    "traps in guest_abi": ("abi", "(drop (i32.load (i32.const -1))) (unreachable)", "does not start"),
    "fails to start": ("init", "(return (i32.const 7))", "guest_init answered 7"),
    "leaves instead of starting": ("init", "(call $exit (i32.const 0))", "does not start"),
    "reads from nowhere while it starts": (
        "init", "(return (call $read (i32.const 0) (i32.const -8) (i32.const 1) (i32.const 0)))", "answered 21"),
    "gives cells behind the end": ("cells", "(return (i32.const 131070))", "makes no sense"),
    "gives cells at odd places": ("cells", "(i32.store (i32.const 20) (i32.const 65)) (return (i32.const 16))",
                                  "makes no sense"),
    "gives cells far away": ("cells", "(i32.store (i32.const 28) (i32.const -4)) (return (i32.const 16))",
                             "makes no sense"),
    "traps when asked for cells": ("cells", "(unreachable)", "makes no sense"),
    "leaves when asked for cells": ("cells", "(call $exit (i32.const 0))", "makes no sense"),
    "gives a buffer over the end": ("alloc", "(return (i32.const 131071))", "no room"),
    "gives a buffer far away": ("alloc", "(return (i32.const -1))", "no room"),
    "gives no buffer": ("alloc", "(return (i32.const 0))", "no room"),
    "traps when asked for a buffer": ("alloc", "(unreachable)", "crashed"),
    "gives a buffer in its cells": ("alloc", "(return (i32.const 16))", "ok"),
    "cannot read the request": ("run", "(return (i32.const -1))", "could not read"),
    "answers nonsense": ("run", "(return (i32.const 256))", "could not read"),
    "traps when it runs": ("run", "(unreachable)", "crashed"),
    "leaves when it runs": ("run", "(call $exit (i32.const 0))", "ok"),
    "sends events from nowhere": ("run", """
        (call $is (i32.const 21) (call $emit (i32.const 1) (i32.const -1) (i32.const 20)))
        (call $is (i32.const 21) (call $emit (i32.const 1) (i32.const 128) (i32.const -1)))
        (call $is (i32.const 21) (call $emit (i32.const 1) (i32.const 131060) (i32.const 20)))
        (call $is (i32.const 8) (call $emit (i32.const 0) (i32.const 128) (i32.const 20)))
        (call $is (i32.const 8) (call $emit (i32.const -1) (i32.const 128) (i32.const 20)))
        (call $is (i32.const 28) (call $emit (i32.const 1) (i32.const 128) (i32.const 19)))
        (call $is (i32.const 28) (call $emit (i32.const 3) (i32.const 128) (i32.const 20)))
        (call $is (i32.const 0) (call $emit (i32.const 1) (i32.const 128) (i32.const 20)))""", "ok"),
    "does not stop": ("run", "(loop $for_ever (i32.store (i32.const 64) (i32.const 0)) (br $for_ever))", "timeout"),
    "sleeps on": ("run", """(i64.store (i32.const 512) (i64.const 0)) (i32.store (i32.const 528) (i32.const 1))
        (i64.store (i32.const 536) (i64.const -1))
        (loop $for_ever
          (drop (call $poll (i32.const 512) (i32.const 1024) (i32.const 1) (i32.const 600))) (br $for_ever))""",
          "timeout"),
}


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        cls.env = {"SHANNON_HOME": os.path.join(cls.folder, "home")}

    @classmethod
    def build(cls, name, text):
        """The module's path, or what is wrong with it."""
        wat, wasm = os.path.join(cls.folder, name + ".wat"), os.path.join(cls.folder, name + ".wasm")
        with open(wat, "w", encoding="utf-8") as file:
            file.write(text)
        subprocess.run(["wat2wasm", wat, "-o", wasm], check=True)
        done = shannon.command("interpreter", "build", "--quiet", wasm, env=cls.env)
        return wasm if done.returncode == 0 else done.stderr

    @classmethod
    def build_file(cls, name):
        with open(os.path.join(MODULES, name + ".wat"), encoding="utf-8") as file:
            path = cls.build(name, file.read())
        if not path.endswith(".wasm"):
            raise AssertionError(path)
        return path

    def run_module(self, wasm, *args, timeout=2):
        start = time.monotonic()
        done = shannon.command("run", "--json", "--timeout", str(timeout), "--interpreter", wasm, *args, env=self.env)
        self.assertLess(time.monotonic() - start, timeout + 2.5)
        result = json.loads(done.stdout)
        self.assertNotIn("WorkerLost", done.stdout)
        return result


class Traps(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.wasm = cls.build_file("traps")

    def result_of(self, case, **options):
        return self.run_module(self.wasm, "--", f"{case:02}", **options)

    def check(self, case, text):
        result = self.result_of(case)
        self.assertEqual((result["status"], result["error"]["name"], result["error"]["value"]),
                         ("crashed", "SandboxTrap", text), result)

    def test_exit_codes(self):
        for case, code in EXITS.items():
            result = self.result_of(case)
            self.assertEqual(result["status"], "error" if code else "ok")
            self.assertEqual((result["error"] or {"value": "0"})["value"], str(code))

    def test_endless_loop(self):
        self.assertEqual(self.result_of(42, timeout=1)["status"], "timeout")

    def test_memory_tables_and_arithmetic_at_their_limits(self):
        for case in 50, 51, 52:
            result = self.result_of(case)
            self.assertEqual(result["status"], "ok", result)


class Wasi(Case):
    def test_calls_that_make_no_sense(self):
        wasm = self.build_file("wasi")
        result = self.run_module(wasm, "--file", __file__ + ":data", "--")
        # 42 is said at the end, when all checks were made
        self.assertEqual((result["stderr"], (result["error"] or {}).get("value")), ("", "42"), result)


class Guests(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with open(GUEST_C, encoding="utf-8") as file:
            version = re.search(r"ABI_VERSION = (\d+)", file.read())[1]
        with open(os.path.join(MODULES, "guest.wat"), encoding="utf-8") as file:
            cls.text = file.read().replace("(i32.const ABI)", f"(i32.const {version})")

    def check(self, name, place, body, expected):
        changed = self.text.replace(f"(;{place};)", body)
        self.assertTrue(not place or changed != self.text)
        with zipfile.ZipFile(os.path.join(self.folder, name + ".zip"), "w"):
            pass  # the archive that belongs to a guest
        wasm = self.build(name, changed)
        if not wasm.endswith(".wasm"):  # its image is made when it is built
            self.assertIn(expected, wasm)
            return
        result = self.run_module(wasm, "-c", "1", timeout=1)
        if "status" in result:
            self.assertEqual(result["status"], expected, result)
        else:
            self.assertIn(expected, result["error"]["message"])


def add_tests():
    for case, (text, about) in TRAPS.items():
        setattr(Traps, "test_" + about.replace(" ", "_"), functools.partialmethod(Traps.check, case, text))
    for about, (place, body, expected) in GUESTS.items():
        name = about.replace(" ", "_")
        setattr(Guests, "test_" + name, functools.partialmethod(Guests.check, name, place, body, expected))


add_tests()
tap.main(__name__)
