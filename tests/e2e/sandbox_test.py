"""The sandbox from outside: what a live worker has and has not, the base image's life, `shannon doctor`."""

import ctypes
import functools
import glob
import json
import os
import secrets
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import unittest

sys.path[:0] = [os.path.dirname(__file__), os.path.join(os.path.dirname(__file__), "..")]
import shannon
import tap

IS_ROOT = os.geteuid() == 0


def read(path):
    with open(path, "rb") as file:
        return file.read()


def needs_wall(name):
    """Skips a test of a wall that this machine does not grant; that it is told of is a test of its own."""
    def decorate(test):
        def wrapped(self):
            for wall in doctor()["walls"]:
                if wall["name"] == name and not wall["stands"]:
                    self.skipTest(f"{name}: {wall['reason']}")
            test(self)
        wrapped.__name__ = test.__name__
        return wrapped
    return decorate


@functools.cache
def doctor():
    return json.loads(shannon.command("doctor", "--json").stdout)


def children(pid):
    found = []
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            fields = read(path).decode().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == pid:
            found.append(int(path.split("/")[2]))
    return found


class Worker(unittest.TestCase):
    """One that waits for its input."""

    def setUp(self):
        self.secret = secrets.token_hex(16)
        env = dict(os.environ, SHANNON_TEST_SECRET=self.secret)
        self.shannon = subprocess.Popen([shannon.SHANNON, "run", "-c", "print('here'); input()"], env=env,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertEqual(self.shannon.stdout.readline(), b"here\n")
        self.zygote, = children(self.shannon.pid)
        self.worker, = children(self.zygote)

    def tearDown(self):
        self.shannon.communicate(b"\n")
        self.assertEqual(self.shannon.returncode, 0)

    def status(self, pid):
        return dict(line.split(":\t", 1) for line in read(f"/proc/{pid}/status").decode().splitlines() if ":\t" in line)

    def test_privileges_are_gone(self):
        for pid in self.zygote, self.worker:
            status = self.status(pid)
            for name in "CapInh", "CapPrm", "CapEff", "CapAmb":
                self.assertEqual(int(status[name], 16), 0, name)
            self.assertEqual(status["NoNewPrivs"], "1")
            self.assertEqual(status["Seccomp"], "2")
            if IS_ROOT:
                self.assertNotIn("0", status["Uid"].split())
                self.assertNotIn("0", status["Gid"].split())
                self.assertEqual(status["Groups"].split(), [])

    @needs_wall("no other processes")
    def test_pid_namespace(self):
        self.assertEqual(self.status(self.zygote)["NSpid"].split()[-1], "1")
        self.assertEqual(len(self.status(self.worker)["NSpid"].split()), len(self.status("self")["NSpid"].split()) + 1)

    @unittest.skipUnless(IS_ROOT, "only root can look into a process that is not dumpable")
    @needs_wall("no network")
    @needs_wall("no shared names")
    def test_namespaces_are_its_own(self):
        for name in "net", "mnt", "pid", "ipc", "uts", "cgroup":
            self.assertNotEqual(os.readlink(f"/proc/{self.worker}/ns/{name}"), os.readlink(f"/proc/self/ns/{name}"), name)

    @unittest.skipUnless(IS_ROOT, "only root can look into a process that is not dumpable")
    def test_one_descriptor(self):
        found = [os.readlink(f"/proc/{self.worker}/fd/{fd}") for fd in os.listdir(f"/proc/{self.worker}/fd")]
        self.assertEqual(len(found), 1, found)
        self.assertRegex(found[0], "^socket:")

    @unittest.skipUnless(IS_ROOT, "only root can look into a process that is not dumpable")
    @needs_wall("no files")
    def test_empty_root(self):
        self.assertEqual(os.listdir(f"/proc/{self.worker}/root/"), [])
        with self.assertRaises(OSError):
            os.mkdir(f"/proc/{self.worker}/root/new")
        interfaces = read(f"/proc/{self.worker}/net/dev").decode().splitlines()[2:]
        self.assertEqual([line.split(":")[0].strip() for line in interfaces], ["lo"])

    @unittest.skipUnless(IS_ROOT, "only root can look into a process that is not dumpable")
    def test_no_secret_in_its_memory(self):
        """The environment is not only unset: nothing of it is left anywhere in the worker's memory."""
        self.assertNotIn(self.secret.encode(), read(f"/proc/{self.worker}/environ"))
        searched = 0
        with open(f"/proc/{self.worker}/mem", "rb") as memory:
            for line in read(f"/proc/{self.worker}/maps").decode().splitlines():
                span, modes = line.split()[:2]
                start, end = (int(part, 16) for part in span.split("-"))
                if modes[0] != "r" or "[v" in line:
                    continue
                memory.seek(start)
                searched += end - start
                self.assertNotIn(self.secret.encode(), memory.read(end - start), line)
        self.assertGreater(searched, 20 << 20)

    def test_no_core(self):
        self.assertRegex(read(f"/proc/{self.worker}/limits").decode(), r"Max core file size +0 +0")
        self.assertRegex(read(f"/proc/{self.worker}/limits").decode(), r"Max processes +0 +0")


class Orphans(unittest.TestCase):
    def gone(self, pids):
        for _ in range(100):
            if not any(os.path.exists(f"/proc/{pid}") for pid in pids):
                return True
            time.sleep(0.02)
        return False

    def test_whoever_is_killed_takes_the_rest_along(self):
        for victim in 0, 1, 2:  # the program, the zygote, the worker
            process = subprocess.Popen([shannon.SHANNON, "run", "-c", "print('here')\nwhile True: pass"],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            process.stdout.readline()
            zygote, = children(process.pid)
            worker, = children(zygote)
            os.kill([process.pid, zygote, worker][victim], 9)
            _, err = process.communicate(timeout=10)
            self.assertEqual(process.returncode, -9 if victim == 0 else 137)
            if victim:
                self.assertIn(b"crashed", err)
            self.assertTrue(self.gone([zygote, worker]))


class Image(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.home = folder.name
        cache = os.environ.get("SHANNON_HOME") or os.path.join(
            os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share"), "shannon")
        shutil.copytree(os.path.join(cache, "native"), os.path.join(self.home, "native"))

    def run_it(self):
        return shannon.run("print(6 * 7)", env={"SHANNON_HOME": self.home})

    def image(self):
        path, = glob.glob(self.home + "/images/*.img")
        return path

    def test_is_made_once(self):
        first = self.run_it()
        self.assertEqual(first.stdout, "42\n")
        self.assertIn("made the interpreter's base image", first.stderr)
        before = os.stat(self.image())
        second = self.run_it()
        self.assertEqual((second.stdout, second.stderr), ("42\n", ""))
        self.assertEqual(os.stat(self.image()).st_ino, before.st_ino)

    def test_is_the_same_each_time(self):
        made = set()
        for zone in "UTC", "Asia/Tokyo", "America/Lima":
            shutil.rmtree(self.home + "/images", ignore_errors=True)
            shannon.run("1", env={"SHANNON_HOME": self.home, "TZ": zone, "PYTHONHASHSEED": "1", "LANG": "de_DE.UTF-8"})
            made.add(read(self.image()))
        self.assertEqual(len(made), 1)

    def check_remade(self, *words):
        done = self.run_it()
        self.assertEqual(done.stdout, "42\n", done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertEqual(self.run_it().stderr, "")

    def test_damage_is_found_and_mended(self):
        self.run_it()
        good = read(self.image())
        for at in 0, 9, 20, 100, 188, 4097, len(good) // 2, len(good) - 1:
            bad = bytearray(good)
            bad[at] ^= 1
            with open(self.image(), "wb") as file:
                file.write(bad)
            self.check_remade("the base image is damaged", "made the interpreter's base image")
            self.assertEqual(read(self.image()), good)
        for bytes_left in 0, 10, 4096, len(good) - 4096:
            os.truncate(self.image(), bytes_left)
            self.check_remade("damaged")
        with open(self.image(), "ab") as file:
            file.write(bytes(4096))
        self.check_remade("damaged")

    def test_one_of_another_interpreter_is_refused(self):
        self.run_it()
        other = bytearray(read(self.image()))
        other[40] ^= 1  # in the module's hash: its checksum is wrong, too, but this is said first
        with open(self.image(), "wb") as file:
            file.write(other)
        self.check_remade("made from another interpreter")

    def test_writable_by_others_is_refused(self):
        self.run_it()
        os.chmod(self.image(), 0o666)
        self.check_remade("can be written by other users")

    def test_folder_that_cannot_be_written(self):
        with open(self.home + "/images", "w"):
            pass
        done = self.run_it()
        self.assertEqual(done.stdout, "42\n")
        self.assertIn("the base image is not kept", done.stderr)


NO_SECCOMP = [  # classic BPF: (code, jump if true, jump if false, value); loads are of struct seccomp_data
    (0x20, 0, 0, 0),  # the number
    (0x15, 0, 1, 317),  # seccomp
    (0x06, 0, 0, 0x00050000 | 22),  # EINVAL, as a kernel without it says
    (0x15, 0, 3, 157),  # prctl
    (0x20, 0, 0, 16),  # its first argument
    (0x15, 0, 1, 22),  # PR_SET_SECCOMP
    (0x06, 0, 0, 0x00050000 | 22),
    (0x06, 0, 0, 0x7FFF0000),  # allow
]


def forbid_seccomp():
    program = b"".join(struct.pack("HBBI", *line) for line in NO_SECCOMP)
    buffer = ctypes.create_string_buffer(program)
    header = struct.pack("HxxxxxxP", len(NO_SECCOMP), ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, header, 0, 0):
        raise OSError(ctypes.get_errno(), "cannot install the filter")


class Doctor(unittest.TestCase):
    def test_says_which_walls_stand(self):
        done = shannon.command("doctor")
        for line in ("system call filter", "no network", "no files", "no other processes", "own user", "print(1)"):
            self.assertIn(line, done.stdout)
        report = json.loads(shannon.command("doctor", "--json").stdout)
        self.assertEqual(len(report["walls"]), 7)
        self.assertEqual(done.returncode, 0 if all(wall["stands"] for wall in report["walls"]) else 1)
        self.assertEqual(done.stdout.count("  yes  "), 1 + sum(wall["stands"] for wall in report["walls"]))

    def test_without_seccomp(self):
        refused = shannon.run("print(1)", preexec_fn=forbid_seccomp)
        self.assertEqual((refused.returncode, refused.stdout), (125, ""))
        self.assertIn("seccomp", refused.stderr)
        self.assertIn("--allow-weak-sandbox", refused.stderr)
        allowed = shannon.run("print(1)", "--allow-weak-sandbox", preexec_fn=forbid_seccomp)
        self.assertEqual((allowed.returncode, allowed.stdout), (0, "1\n"))
        doctor = shannon.command("doctor", preexec_fn=forbid_seccomp)
        self.assertEqual(doctor.returncode, 1)
        self.assertIn("NO   system call filter", doctor.stdout)

    @unittest.skipUnless(IS_ROOT, "only root can take the right to make namespaces away")
    def test_without_namespaces(self):
        done = subprocess.run(["unshare", "--user", "--map-root-user", "sh", "-c",
                               "echo 0 > /proc/sys/user/max_net_namespaces && exec \"$0\" doctor", shannon.SHANNON],
                              capture_output=True, text=True)
        self.assertIn("NO   no network", done.stdout, done.stderr)
        self.assertIn("yes  system call filter", done.stdout)
        self.assertIn("without the walls that say NO", done.stdout)
        self.assertEqual(done.returncode, 1)


class Deterministic(unittest.TestCase):
    CODE = "import random, time, uuid; print(random.random(), time.time(), uuid.uuid4())"

    def test_seed(self):
        first = shannon.run(self.CODE, "--seed", "7", "--time", "1000000000")
        self.assertEqual(first.stdout, shannon.run(self.CODE, "--seed", "7", "--time", "1000000000").stdout)
        self.assertRegex(first.stdout, r"^0\.\d+ 1000000000\.0")
        self.assertNotEqual(first.stdout, shannon.run(self.CODE, "--seed", "8", "--time", "1000000000").stdout)
        self.assertNotEqual(shannon.run(self.CODE).stdout, shannon.run(self.CODE).stdout)

    def test_wrong_values(self):
        for args, word in ((["--seed", "x"], "--seed"), (["--time", "5"], "needs --seed"),
                           (["--seed", "1", "--time", "-1"], "deterministic.time")):
            done = shannon.run("1", *args)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(word, done.stderr)


tap.main(__name__)
