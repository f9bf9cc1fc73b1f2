"""Programs that try to get out of the sandbox or to do harm (programs/), each as the user that this is started as
and, if that is root, as an ordinary user."""

import concurrent.futures
import functools
import glob
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "e2e"), os.path.join(HERE, "..")]
import expect
import shannon
import tap

PROGRAMS = os.path.join(HERE, "programs")
ORDINARY_USER = 65534
TIME_LIMIT = 10  # seconds, of a program that asks for none
GRACE, SLACK = 1, 1.5
AT_ONCE = 3
# In the environment of every run, and never to be seen in what one says.
SECRET = "HOSTILE-SECRET-" + secrets.token_hex(16)

PATHS = sorted(glob.glob(os.path.join(PROGRAMS, "*", "*.py")))


class Ran:
    """One run of `shannon run --json`, and what was left of it."""

    def __init__(self, command, program, limit, **options):
        reader, writer = os.pipe()
        if program.input is not None:
            os.write(writer, program.input.encode())
            os.close(writer)
        start = time.monotonic()
        with subprocess.Popen(command, stdin=reader, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              start_new_session=True, **options) as process:
            os.close(reader)
            try:
                output, errors = process.communicate(timeout=limit + GRACE + SLACK)
                self.late = False
            except subprocess.TimeoutExpired:
                self.late = True
                process.kill()
                output, errors = process.communicate()
            self.seconds = time.monotonic() - start
            self.exit_code = process.returncode
        if program.input is None:
            os.close(writer)
        self.output, self.errors = output.decode(), errors.decode()
        self.survivors = survivors(process.pid)

    @functools.cached_property
    def result(self):
        return json.loads(self.output)


def survivors(session):
    """The processes that still belong to a run, after a moment to die in."""
    for _ in range(20):
        found = members(session)
        if not found:
            return []
        time.sleep(0.05)
    return found


def members(session):
    found = []
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                name, _, rest = file.read().rpartition(")")
        except OSError:  # ended meanwhile
            continue
        state, _, _, of_session = rest.split()[:4]
        if int(of_session) == session and state not in "ZX":
            found.append(name)
    return found


class User:
    """Where and as whom programs are run: as whoever this is."""

    programs = PROGRAMS
    executable = shannon.SHANNON
    attack = os.path.join(HERE, "attack.py")
    identity = {}

    def environment(self):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("WASI_")}
        return kept | {"SHANNON_HOSTILE_MARKER": SECRET, SECRET: "1"}

    def run(self, program, group, name):
        limit = program.timeout(TIME_LIMIT)
        command = [self.executable, "run", "--json", "--timeout", f"{limit:g}", "--file", self.attack,
                   *program.options, f"{name}.py"]
        return Ran(command, program, limit, cwd=os.path.join(self.programs, group), env=self.environment(),
                   **self.identity)

    def close(self):
        pass


class OrdinaryUser(User):
    """A user with nothing: what is needed is copied to where it can be reached, for a checkout may not be."""

    identity = {"user": ORDINARY_USER, "group": ORDINARY_USER, "extra_groups": []}

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="hostile-")
        self.programs = shutil.copytree(PROGRAMS, os.path.join(self.folder, "programs"))
        shutil.copytree(os.path.join(HERE, "data"), os.path.join(self.folder, "data"))
        self.attack = shutil.copy(User.attack, self.folder)
        self.executable = shutil.copy(shannon.SHANNON, self.folder)
        self.home = os.path.join(self.folder, "home")
        self._copy_interpreter()
        self._copy_cache()
        for folder, _, files in os.walk(self.folder):
            os.chmod(folder, 0o755)
            for path in [folder, *(os.path.join(folder, name) for name in files)]:
                os.chown(path, ORDINARY_USER, ORDINARY_USER, follow_symlinks=False)

    def _copy_interpreter(self):
        beside = os.path.join(os.path.dirname(os.path.realpath(shannon.SHANNON)), "..", "wasm-interpreters")
        wasm = os.environ.get("PYTHON_WASI_WASM_PATH") or glob.glob(beside + "/python-*.wasm")[0]
        self.wasm = os.path.join(self.folder, os.path.basename(wasm))
        for path in glob.glob(glob.escape(wasm.removesuffix(".wasm")) + ".*"):
            shutil.copy(path, self.folder)

    def _copy_cache(self):
        home = os.environ.get("SHANNON_HOME") or os.path.join(
            os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share"), "shannon")
        for name in "native", "images":
            if os.path.isdir(os.path.join(home, name)):
                shutil.copytree(os.path.join(home, name), os.path.join(self.home, name))

    def environment(self):
        return super().environment() | {
            "HOME": self.folder, "SHANNON_HOME": self.home, "PYTHON_WASI_WASM_PATH": self.wasm}

    def close(self):
        shutil.rmtree(self.folder)


class Suite(unittest.TestCase):
    """What both classes of tests are; a method for each program is added below."""

    make_user = None

    @classmethod
    def setUpClass(cls):
        cls.user = cls.make_user()
        cls.addClassCleanup(cls.user.close)
        cls.pool = concurrent.futures.ThreadPoolExecutor(AT_ONCE)
        cls.addClassCleanup(cls.pool.shutdown, cancel_futures=True)
        cls.running = {}

    def ahead(self, path):
        """The run of this program; the programs that follow are started with it, if they may run beside others."""
        start = PATHS.index(path)
        for other in PATHS[start : start + 2 * AT_ONCE]:
            program = expect.Program(other)
            if other not in self.running and not program.alone and not program.after:
                self.running[other] = self.pool.submit(self.start, other, program)
        if path in self.running:
            return self.running.pop(path).result()
        program = expect.Program(path)
        if program.after:
            self.start(os.path.join(os.path.dirname(path), program.after))
        for others in self.running.values():
            others.exception()
        return self.start(path, program)

    def start(self, path, program=None):
        group, name = os.path.split(path.removesuffix(".py"))
        return self.user.run(program or expect.Program(path), os.path.basename(group), name)

    def check(self, path):
        program = expect.Program(path)
        ran = self.ahead(path)
        self.assertFalse(ran.late, f"no answer within {ran.seconds:.1f} seconds")
        self.assertNotIn(SECRET, ran.output + ran.errors)
        self.assertEqual(ran.survivors, [])
        try:
            status = ran.result.get("status")
        except ValueError:
            status = None
        said = f"exit code {ran.exit_code}: {ran.output[:2000]!r} {ran.errors[:2000]!r}"
        self.assertIsNotNone(status, said)
        self.assertNotEqual((ran.result["error"] or {}).get("name"), "WorkerLost", said)
        self.assertEqual(program.differences(ran), [], ran.output[:4000])

    def check_group(self, group):
        """After all of a group, programs run as before."""
        with tempfile.NamedTemporaryFile("w", suffix=".py") as file:
            file.write("# expect: status=ok\n")
            file.flush()
            program = expect.Program(file.name)
        program.options += ["-c", "print(1)"]
        ran = self.user.run(program, group, "unused")
        self.assertEqual((ran.result["status"], ran.result["stdout"]), ("ok", "1\n"), ran.output)
        self.assertEqual(ran.survivors, [])


class AsStarted(Suite):
    make_user = User


@unittest.skipUnless(os.geteuid() == 0, "only root can become another user")
class AsOrdinaryUser(Suite):
    make_user = OrdinaryUser


def add_tests():
    for case in AsStarted, AsOrdinaryUser:
        for path in PATHS:
            group, name = path.removesuffix(".py").split(os.sep)[-2:]
            setattr(case, f"test_{group}_{name}", functools.partialmethod(Suite.check, path))
            setattr(case, f"test_{group}_~works_after", functools.partialmethod(Suite.check_group, group))


add_tests()
tap.main(__name__)
