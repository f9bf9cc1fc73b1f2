"""`shannon interpreter`: any WASI module is compiled, cached and run; what cannot be is refused by name and number."""

import glob
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile

sys.path[:0] = [os.path.dirname(__file__), os.path.join(os.path.dirname(__file__), "..")]
import shannon
import tap

HELLO = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
void *volatile block;
int main(int argc, char **argv) {
    char line[100];
    for (int i = 1; i < argc; i++)
        printf("arg %s\n", argv[i]);
    if (argc > 1 && strcmp(argv[1], "read") == 0 && fgets(line, sizeof line, stdin))
        printf("read %s", line);
    if (argc > 1 && strcmp(argv[1], "exit") == 0)
        exit(atoi(argv[2]));
    if (argc > 1 && strcmp(argv[1], "open") == 0)
        printf("%s\n", fopen(argv[2], "r") ? "opened" : strerror(28) ? "not there" : "");
    if (argc > 1 && strcmp(argv[1], "abort") == 0)
        abort();
    if (argc > 1 && strcmp(argv[1], "grow") == 0)
        printf("%s\n", (block = malloc(500u << 20)) ? "got it" : "no memory");
    return 0;
}
"""


def tool(*args):
    subprocess.run(args, check=True, capture_output=True)


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.home = os.path.join(self.folder.name, "home")

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def shannon(self, *args, **options):
        env = {"SHANNON_HOME": self.home, **options.pop("env", {})}
        return shannon.command(*args, env=env, **options)

    def wat(self, text, name="m.wasm"):
        with open(self.path("m.wat"), "w") as file:
            file.write(text)
        tool("wat2wasm", "--enable-all", self.path("m.wat"), "-o", self.path(name))
        return self.path(name)

    def c(self, text, name="prog.wasm", *flags):
        with open(self.path("prog.c"), "w") as file:
            file.write(text)
        tool("clang-19", "--target=wasm32-wasi", "-O1", *flags, self.path("prog.c"), "-o", self.path(name))
        return self.path(name)

    def build(self, path, *args, **options):
        done = self.shannon("interpreter", "build", path, *args, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def leftovers(self):
        return glob.glob(self.home + "/native/build-*") + glob.glob(self.home + "/native/train-*")

    def refused(self, path, *words, code=2, args=(), **options):
        done = self.shannon("interpreter", "build", path, *args, **options)
        self.assertEqual(done.returncode, code, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertEqual(self.leftovers(), [])


class Commands(Case):
    def setUp(self):
        super().setUp()
        self.prog = self.c(HELLO)
        self.build(self.prog)

    def run_prog(self, *args, **options):
        return self.shannon("run", "--interpreter", self.prog, "--", *args, **options)

    def test_arguments_stdin_and_exit_code(self):
        done = self.run_prog("a", "b c", "")
        self.assertEqual((done.stdout, done.returncode), ("arg a\narg b c\narg \n", 0), done.stderr)
        self.assertEqual(self.run_prog("read", stdin="text\n").stdout, "arg read\nread text\n")
        self.assertEqual(self.run_prog("exit", "7").returncode, 7)

    def test_no_host_files(self):
        for path in ("/etc/passwd", "../../etc/passwd", "/proc/self/exe"):
            self.assertIn("not there", self.run_prog("open", path).stdout)

    def test_a_trap_is_a_crash_and_says_which(self):
        done = self.run_prog("abort")
        self.assertEqual(done.returncode, 137)
        self.assertIn("crashed: unreachable", done.stderr)

    def test_memory_limit(self):
        self.assertIn("no memory", self.run_prog("grow").stdout)

    def test_it_is_found_in_the_cache(self):
        self.assertIn("up to date", self.build(self.prog).stdout)
        self.assertIn("compiled in", self.build(self.prog, "--force").stdout)
        listed = self.shannon("interpreter", "list").stdout
        self.assertIn(self.prog, listed)

    def test_as_the_python_of_PYTHON_WASI_WASM_PATH(self):
        env = {"PYTHON_WASI_WASM_PATH": self.prog}
        done = self.shannon("run", "-c", "print(1)", "x", env=env)
        self.assertEqual(done.stdout, "arg -c\narg print(1)\narg x\n", done.stderr)


class Cache(Case):
    WAT = '(module (memory (export "memory") 1) (func (export "_start")))'

    def run_it(self, path):
        return self.shannon("run", "--interpreter", path, "--")

    def native(self):
        return glob.glob(self.home + "/native/*.so")[0]

    def test_not_compiled_yet(self):
        done = self.run_it(self.wat(self.WAT))
        self.assertEqual(done.returncode, 125)
        self.assertIn("is not compiled yet", done.stderr)
        self.assertIn("shannon interpreter build", done.stderr)

    def test_no_such_module(self):
        done = self.run_it(self.path("none.wasm"))
        self.assertEqual(done.returncode, 125)
        self.assertIn("not_found", done.stderr)
        done = self.shannon("run", "-c", "1", env={"PYTHON_WASI_WASM_PATH": self.path("none.wasm")})
        self.assertIn("PYTHON_WASI_WASM_PATH", done.stderr)

    def test_damaged_native_code_is_refused(self):
        path = self.wat(self.WAT)
        for damage in ("flip", "truncate"):
            self.build(path, "--force")
            self.assertEqual(self.run_it(path).returncode, 0)
            with open(self.native(), "r+b") as file:
                if damage == "flip":
                    file.seek(600)
                    byte = file.read(1)
                    file.seek(600)
                    file.write(bytes([byte[0] ^ 1]))
                else:
                    file.truncate(1000)
            done = self.run_it(path)
            self.assertEqual(done.returncode, 125, damage)
            self.assertIn("is damaged", done.stderr)
            self.assertIn("--force", done.stderr)

    def test_a_touched_file_is_hashed_again_and_taken(self):
        path = self.wat(self.WAT)
        self.build(path)
        os.utime(self.native())
        os.utime(path)
        self.assertEqual(self.run_it(path).returncode, 0)

    def test_limits_hold_for_what_is_compiled_already(self):
        path = self.wat('(module (memory (export "memory") 1) (table 50 funcref) (func (export "_start")))')
        self.build(path)
        self.assertEqual(self.run_it(path).returncode, 0)
        done = self.shannon("run", "--interpreter", path, "--", env={"WASI_TABLE_ELEMENTS_LIMIT": "49"})
        self.assertEqual(done.returncode, 2)
        self.assertIn("table minimum size of 50 elements exceeds table limits (49)", done.stderr)

    def test_a_changed_module_is_another_module(self):
        path = self.wat(self.WAT)
        self.build(path)
        self.wat(self.WAT.replace(" 1)", " 2)"))
        self.assertIn("is not compiled yet", self.run_it(path).stderr)

    def test_code_that_others_could_have_written_is_refused(self):
        path = self.wat(self.WAT)
        self.build(path)
        os.chmod(self.native(), 0o777)
        done = self.run_it(path)
        self.assertEqual(done.returncode, 125)
        self.assertIn("can be written by other users", done.stderr)

    def test_a_full_disk(self):
        if os.geteuid() != 0 or subprocess.run(["mount", "--version"], capture_output=True).returncode:
            self.skipTest("only root can mount a small file system")
        os.mkdir(self.home)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=0700", "none", self.home], capture_output=True)
        if mounted.returncode:
            self.skipTest("no file system can be mounted here")
        try:
            done = self.shannon("interpreter", "build", self.wat(self.WAT))
            self.assertEqual(done.returncode, 125, done.stderr)
            self.assertIn("resource_exhausted", done.stderr)
            self.assertEqual(self.leftovers(), [])
        finally:
            subprocess.run(["umount", self.home], check=True)

    def test_interrupted_build_leaves_nothing(self):
        path = self.c(HELLO)
        env = dict(os.environ, SHANNON_HOME=self.home)
        process = subprocess.Popen([shannon.SHANNON, "interpreter", "build", path], env=env, stderr=subprocess.PIPE,
                                   stdout=subprocess.DEVNULL)
        process.stderr.read(5)
        process.terminate()
        self.assertNotEqual(process.wait(timeout=20), 0)
        process.stderr.close()
        self.assertEqual(self.leftovers() + glob.glob(self.home + "/native/*.so"), [])

    def test_without_a_compiler(self):
        empty = self.path("empty")
        os.mkdir(empty)
        self.refused(self.wat(self.WAT), "apt-get install", code=125, env={"PATH": empty})


class Training(Case):
    GUEST = """(module
        (import "shannon" "emit" (func (param i32 i32 i32) (result i32)))
        (memory (export "memory") 2)
        (func (export "_initialize"))
        (func (export "guest_abi") (result i32) (i32.const 2))
        (func (export "guest_init") (result i32) (i32.const 0))
        (func (export "guest_alloc") (param i32) (result i32) (i32.const 1024))
        (func (export "guest_run") (param i32 i32) (result i32) (i32.const 0)))"""

    def setUp(self):
        super().setUp()
        self.guest = self.wat(self.GUEST)
        with zipfile.ZipFile(self.guest[:-5] + ".zip", "w") as archive:
            archive.writestr("lib/empty", "")
        os.mkdir(self.path("programs"))
        with open(self.path("programs/one.py"), "w") as file:
            file.write("pass")

    def train(self):
        return self.build(self.guest, "--train", self.path("programs")).stdout

    def kind(self):
        return "trained" if ", trained " in self.shannon("interpreter", "list").stdout else "compiled"

    def test_what_was_not_trained_is_made_again(self):
        self.build(self.guest)
        self.assertEqual(self.kind(), "compiled")
        self.assertIn("compiled in", self.train())
        self.assertEqual(self.kind(), "trained")
        self.assertIn("up to date", self.train())
        self.assertIn("up to date", self.build(self.guest).stdout)
        self.assertEqual(self.kind(), "trained")
        self.assertEqual(self.leftovers(), [])

    def test_what_another_compiler_made_is_made_again_and_trained(self):
        self.train()
        record, = glob.glob(self.home + "/native/" + "[0-9a-f]" * 64 + ".json")
        native, = glob.glob(self.home + "/native/*.so")
        with open(record) as file:
            text = file.read()
        os.rename(native, native[:-4] + "x.so")
        with open(record, "w") as file:
            file.write(text.replace(os.path.basename(native), os.path.basename(native)[:-4] + "x.so"))
        self.assertIn("compiled in", self.train())
        self.assertEqual(self.kind(), "trained")

    def test_bad_training(self):
        for folder, words in (("none", "no programs"),):
            done = self.shannon("interpreter", "build", self.guest, "--train", self.path(folder))
            self.assertEqual(done.returncode, 2)
            self.assertIn(words, done.stderr)
        self.refused(self.wat('(module (memory (export "memory") 1) (func (export "_start")))'), "not a Python guest",
                     args=["--train", self.path("programs")])


class Refusals(Case):
    def test_what_is_no_module(self):
        for name, data in (("empty", b""), ("text", b"(module)"), ("elf", b"\x7fELF" + b"\0" * 100),
                           ("header", b"\0asm\1\0\0\0\1"), ("component", b"\0asm\x0d\0\1\0")):
            path = self.path(name + ".wasm")
            with open(path, "wb") as file:
                file.write(data)
            self.refused(path, "invalid_argument")

    def test_every_truncation(self):
        whole = open(self.wat('(module (memory (export "memory") 1) (table 3 funcref) (elem (i32.const 0) func 0)'
                              ' (func (export "_start")) (data (i32.const 8) "data"))'), "rb").read()
        for cut in range(1, len(whole), 7):
            path = self.path("cut.wasm")
            with open(path, "wb") as file:
                file.write(whole[:cut])
            done = self.shannon("interpreter", "build", path)
            self.assertIn(done.returncode, (0, 2), f"{cut}: {done.stderr}")

    def test_limits_by_name_and_number(self):
        self.refused(self.wat("(module (table 5413 funcref))"),
                     "table minimum size of 5413 elements exceeds table limits (1024)", "WASI_TABLE_ELEMENTS_LIMIT",
                     env={"WASI_TABLE_ELEMENTS_LIMIT": "1024"})
        self.refused(self.wat("(module (table 10001 funcref))"), "10001", "10000")
        self.refused(self.wat("(module" + "(table 1 funcref)" * 11 + ")"), "11", "10", "WASI_TABLES_LIMIT")
        self.refused(self.wat("(module" + "(memory 1)" * 5 + ")"), "5", "4", "WASI_MEMORIES_LIMIT")
        self.refused(self.wat("(module (memory 4097))"), "WASI_MEMORY_LIMIT_MB")

    def test_bad_limits(self):
        self.refused(self.wat("(module)"), "WASI_TABLES_LIMIT", env={"WASI_TABLES_LIMIT": "many"})

    def test_foreign_imports(self):
        self.refused(self.wat('(module (import "env" "system" (func (param i32))))'), "env.system")
        self.refused(self.wat('(module (import "wasi_snapshot_preview1" "fd_close" (func (param i64))))'), "fd_close")
        self.refused(self.wat('(module (import "env" "memory" (memory 1)))'), "memory")

    def test_names_that_would_be_code(self):
        marker = self.path("pwned")
        code = f'*/ __attribute__((constructor)) void f(void) {{ fopen(\\"{marker}\\", \\"w\\"); }} /*'
        self.refused(self.wat(f'(module (func (export "{code}")))'), "name")
        self.refused(self.wat(f'(module (import "wasi_snapshot_preview1" "{code}" (func)))'), "name")
        self.assertFalse(os.path.exists(marker))

    def test_damaged_function_body(self):
        path = self.wat('(module (func (export "_start") (drop (i32.add (i32.const 1) (i32.const 2)))))')
        data = bytearray(open(path, "rb").read())
        at = data.index(b"\x41\x01\x41\x02\x6a")
        data[at + 4] = 0x7C  # i64.add of two i32
        with open(path, "wb") as file:
            file.write(data)
        self.refused(path, "invalid_argument")


class Libc(Case):
    """tests/guest/wasi_libc.c exercises the calls that wasi-libc makes, from inside."""

    def test_wasi_libc(self):
        path = self.path("libc.wasm")
        source = os.path.join(shannon.ROOT, "tests", "guest", "wasi_libc.c")
        tool("clang-19", "--target=wasm32-wasi", "-O1", source, "-o", path)
        self.build(path)
        done = self.shannon("run", "--interpreter", path, "--")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("ok 1", done.stdout)
        self.assertNotIn("not ok", done.stdout)


if not shutil.which("clang-19") or not shutil.which("wat2wasm"):
    sys.exit("clang-19 and wabt are needed: scripts/install_packages.sh test")
tap.main(__name__)
