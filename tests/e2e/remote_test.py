"""The command `shannon` with AGENT_CORE_ADDR: everything runs in an agent-core, and the caller sees no difference."""

import json
import os
import pathlib
import select
import signal
import subprocess
import sys
import tempfile
import time

sys.path[:0] = [os.path.dirname(__file__), os.path.join(os.path.dirname(__file__), "..")]
import tap
from agent_core import SHANNON, AgentCore

NOWHERE = "/nonexistent"


class Remote(AgentCore):
    """A client without an interpreter or a home with anything in it."""

    def setUp(self):
        self.client_env = {}
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def environment(self, **env):
        there = {"AGENT_CORE_ADDR": f"127.0.0.1:{self.port}", "SHANNON_HOME": str(self.folder / "home"), "PYTHON_WASI_WASM_PATH": NOWHERE}
        return {**os.environ, **there, **self.client_env, **env}

    def shannon(self, *args, input="", env=None, timeout=60):
        return subprocess.run([SHANNON, *args], input=input, capture_output=True, text=True, env=self.environment(**(env or {})),
                              timeout=timeout)

    def run_code(self, code, *args, **options):
        return self.shannon("run", *args, "-c", code, **options)

    def json(self, code, *args, **options):
        return json.loads(self.run_code(code, "--json", *args, **options).stdout)

    def refused(self, *args, says, code=2, **options):
        got = self.shannon(*args, **options)
        self.assertEqual(got.returncode, code, got)
        self.assertIn(says, got.stderr)
        return got

    def begin(self, *args, stdin=subprocess.DEVNULL):
        process = subprocess.Popen([SHANNON, *args], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env=self.environment())
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def until(self, condition, seconds=10):
        end = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), end, self.logged())
            time.sleep(0.02)

    def end(self, process):
        out, err = process.communicate(timeout=20)
        return process.returncode, out, err


class Executions(Remote):
    def setUp(self):
        super().setUp()
        self.serve()

    def test_results(self):
        got = self.run_code("import sys\nprint('hé')\nprint('no', file=sys.stderr)\n6 * 7", "--value")
        self.assertEqual((got.returncode, got.stdout, got.stderr), (0, "hé\n42\n", "no\n"))
        got = self.json("import sys\nprint('a\\0b')\nprint('e', file=sys.stderr)\ndisplay(1)\n6 * 7")
        self.assertEqual((got["status"], got["stdout"], got["stderr"], got["result"]), ("ok", "a\0b\n", "e\n", {"text/plain": "42"}))
        self.assertEqual(got["outputs"], [{"text/plain": "1"}])
        self.assertGreater(got["usage"]["peak_memory_bytes"], 1 << 20)
        self.assertIsNone(got["error"])

    def test_errors_of_the_guest(self):
        got = self.run_code("1/0")
        self.assertEqual(got.returncode, 1)
        self.assertIn("ZeroDivisionError: division by zero", got.stderr)
        self.assertEqual(self.json("1/0")["error"]["name"], "ZeroDivisionError")

    def test_exit_codes(self):
        self.assertEqual(self.run_code("import sys; sys.exit(3)").returncode, 3)
        start = time.monotonic()
        got = self.run_code("while True: pass", "--timeout", "1")
        self.assertEqual(got.returncode, 124)
        self.assertIn("timeout: the time limit of 1 seconds", got.stderr)
        self.assertLess(time.monotonic() - start, 6)
        self.assertEqual(self.run_code("x = bytearray(1 << 30)", "--memory", "64").returncode, 137)

    def test_what_goes_in(self):
        data = self.folder / "data.bin"
        data.write_bytes(bytes(range(256)))
        code = "import sys\nprint(input(), sys.argv[1:], sum(open('/tmp/in/d.bin', 'rb').read()))\nopen('/workspace/x', 'w').write('y')"
        got = self.shannon("run", "--file", f"{data}:in/d.bin", "--workspace", "1", "-c", code, "--", "a", "", "ü", input="line\nrest\n")
        self.assertEqual((got.stdout, got.stderr), ("line ['a', '', 'ü'] 32640\n", ""))
        code = "import random, time\nprint(random.random(), time.time())"
        self.assertEqual(self.run_code(code, "--seed", "5").stdout, self.run_code(code, "--seed", "5").stdout)
        self.assertEqual(self.shannon("run", "-", input="print('from stdin')").stdout, "from stdin\n")

    def test_stdin_has_a_limit(self):
        got = self.run_code("import sys\nprint(len(sys.stdin.read()))", input="x" * (8 << 20))
        self.assertEqual(got.stdout, f"{8 << 20}\n")
        self.refused("run", "-c", "1", says="stdin has more than the limit", input="x" * ((8 << 20) + 1))

    def test_streams_while_it_runs(self):
        process = self.begin("run", "-c", "import time\nfor i in range(2):\n    print(i)\n    time.sleep(1)")
        self.assertEqual(process.stdout.readline(), "0\n")
        self.assertIsNone(process.poll())
        self.assertEqual(self.end(process), (0, "1\n", ""))

    def test_much_output_comes_whole(self):
        got = self.run_code("for i in range(50): print('x' * 99_999)")
        self.assertEqual((got.returncode, len(got.stdout)), (0, 5_000_000))
        got = self.json("for i in range(50): print('x' * 99_999)")
        self.assertEqual((len(got["stdout"]), got["truncated"]), (1 << 20, {"stdout": True, "stderr": False}))

    def test_ctrl_c(self):
        for how in ["--session", "s"], [], ["--json"]:
            process = self.begin("run", *how, "-c", "print('on')\nwhile True: pass")
            if "--json" in how:
                self.until(lambda: self.is_waiting(process))
            else:
                self.assertEqual(process.stdout.readline(), "on\n")
            start = time.monotonic()
            process.send_signal(signal.SIGINT)
            code, out, err = self.end(process)
            self.assertEqual(code, 130, err)
            self.assertLess(time.monotonic() - start, 3)
            if "--json" in how:
                got = json.loads(out)
                self.assertEqual((got["status"], got["error"]["name"], got["session_id"]), ("cancelled", "KeyboardInterrupt", None))
            else:
                self.assertIn("cancelled", err)
        # of the third nobody knows whether the service had heard of it
        self.until(lambda: sum(line.get("code") == "cancelled" for line in self.logged()) >= 2)

    def is_waiting(self, process):
        try:
            return pathlib.Path(f"/proc/{process.pid}/syscall").read_text().startswith("7 ")  # poll()
        except (FileNotFoundError, ProcessLookupError):
            return False

    def test_ctrl_c_while_stdin_is_read(self):
        process = self.begin("run", "-c", "1", stdin=subprocess.PIPE)
        self.until(lambda: self.is_waiting(process))
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(20), 130)
        self.assertFalse([line for line in self.logged() if line["event"] == "call"])

    def test_refusals_are_those_of_the_service(self):
        self.refused("run", "-c", "1", "--memory", "512", says="memory_limit_mb is 512; it must be a number from 32 to 256\n")
        self.refused("run", "-c", "1", "--timeout", "99", says="from 1 to 60")
        self.refused("run", "-c", "1", "--session", "../x", says="session_id must have")
        self.refused("run", "--interpreter", "x.wasm", "-c", "1", says="an interpreter of its own")

    def test_doctor(self):
        env = {"PYTHON_WASI_WASM_PATH": os.environ.get("PYTHON_WASI_WASM_PATH", ""), "SHANNON_HOME": self.home}
        self.assertIn("It answers. Limits there: 256 MB of memory, 60 s", self.shannon("doctor", env=env).stdout)
        self.assertEqual(json.loads(self.shannon("doctor", "--json", env=env).stdout)["agent_core"]["answers"], True)
        self.stop()
        got = self.shannon("doctor", env=env)
        self.assertIn("It does NOT answer: cannot reach", got.stdout)
        self.assertEqual(got.returncode, 1)
        self.assertNotIn("agent", self.shannon("doctor", env={**env, "AGENT_CORE_ADDR": ""}).stdout)

    def test_grpc_is_loaded_only_then(self):
        loads = {"LD_DEBUG": "files"}
        here = {"AGENT_CORE_ADDR": "", "PYTHON_WASI_WASM_PATH": os.environ.get("PYTHON_WASI_WASM_PATH", ""), "SHANNON_HOME": self.home}
        self.assertIn("shannon-grpc.so", self.run_code("print(1)", env=loads).stderr)
        got = self.run_code("print(1)", env={**loads, **here})
        self.assertEqual(got.stdout, "1\n")
        self.assertNotIn("shannon-grpc.so", got.stderr)
        self.assertNotIn("shannon-grpc.so", self.shannon("session", "list", env={**loads, **here}).stderr)


class Sessions(Remote):
    def setUp(self):
        super().setUp()
        self.serve()

    def test_they_are_there(self):
        for i in range(3):
            self.assertEqual(self.json(f"x = {i}", "--session", "a")["step"], i + 1)
        self.assertEqual(self.run_code("print(x)", "--session", "a", "--discard").stdout, "2\n")
        shown = json.loads(self.shannon("session", "show", "a", "--json").stdout)
        self.assertEqual([(s["step"], s["status"], s["code"]) for s in shown["steps"]],
                         [(1, "ok", "x = 0"), (2, "ok", "x = 1"), (3, "ok", "x = 2")])
        for args in (["fork", "a", "b", "--step", "1"], ["fork", "a", "c"], ["rewind", "a", "--step", "2"], ["fork", "a", "d", "--step", "0"]):
            self.assertEqual(self.shannon("session", *args).returncode, 0)
        self.assertEqual(self.run_code("print(x)", "--session", "b").stdout, "0\n")
        self.assertEqual(self.run_code("print(x)", "--session", "c").stdout, "2\n")
        self.assertEqual(self.run_code("print(x)", "--session", "a").stdout, "1\n")
        self.assertEqual(self.ids(), ["a", "b", "c", "d"])
        self.assertEqual(self.shannon("session", "delete", "b", "c").returncode, 0)
        self.refused("session", "show", "b", says="not_found", code=125)
        self.refused("session", "fork", "a", "d", says="already")
        self.refused("session", "rewind", "a", "--step", "99", says="no step 99", code=125)
        self.refused("session", "show", "a b", says="A-Za-z0-9")
        self.assertEqual(self.shannon("session", "clear", "--yes").stdout, "deleted 2\n")
        self.assertEqual(self.ids(), [])
        self.assertFalse((self.folder / "home" / "sessions").exists())

    def ids(self):
        return [s["id"] for s in json.loads(self.shannon("session", "list", "--json").stdout)["sessions"]]

    def test_more_than_a_page(self):
        self.run_code("x = 1", "--session", "s0000")
        for i in range(1, 1101):
            self.call("ForkSession", id="s0000", new_id=f"s{i:04}")
        self.assertEqual(self.ids(), [f"s{i:04}" for i in range(1101)])

    def test_what_is_not_done_over_grpc(self):
        self.run_code("x = 1", "--session", "a")
        for args in ["verify"], ["migrate", "a"]:
            got = self.refused("session", *args, says="does not go over gRPC")
            self.assertIn("where the sessions lie", got.stderr)

    def test_files(self):
        self.run_code("import os\nx = os.urandom(2_000_000)", "--session", "a")
        said = self.run_code("print(hash(x))", "--session", "a").stdout
        file = self.folder / "a.session"
        self.assertEqual(self.shannon("session", "export", "a", "-o", str(file)).stdout, f"exported to {file}\n")
        self.assertEqual(self.shannon("session", "import", str(file), "--id", "b").stdout, "imported b\n")
        piped = subprocess.run(f"{SHANNON} session export b | {SHANNON} session import --id c -", shell=True, capture_output=True, text=True,
                               env=self.environment())
        self.assertEqual((piped.stdout, piped.stderr), ("imported c\n", ""))
        for name in "b", "c":
            self.assertEqual(self.run_code("print(hash(x))", "--session", name).stdout, said)
        self.refused("session", "import", str(file), says="there is a session 'a' already")
        self.assertEqual(self.shannon("session", "delete", "a").returncode, 0)
        self.assertEqual(self.shannon("session", "import", str(file)).stdout, "imported a\n")
        self.refused("session", "export", "nobody", "-o", str(self.folder / "x"), says="not_found", code=125)
        self.refused("session", "export", "a b", "-o", str(self.folder / "x"), says="A-Za-z0-9")
        self.assertEqual(list(self.folder.glob("x*")), [])

    def test_files_that_are_none(self):
        self.run_code("x = 'a' * 1_000_000", "--session", "a")
        self.assertEqual(self.shannon("session", "export", "a", "-o", str(self.folder / "a")).returncode, 0)
        whole = (self.folder / "a").read_bytes()
        wrong = self.folder / "wrong"
        for data, says in ((b"", "it is cut off"), (b"x" * 1000, "does not begin like one"), (whole[:100], "it is cut off"),
                           (whole[:-1], "its sizes make no sense"), (whole[:-1] + b"x", "its checksum differs")):
            wrong.write_bytes(data)
            self.refused("session", "import", str(wrong), "--id", "b", says=says)
        self.refused("session", "import", "/dev/zero", says="does not begin like one")
        self.refused("session", "import", str(self.folder), says="cannot read", code=125)
        self.refused("session", "import", str(self.folder / "a"), "--id", "a b", says="A-Za-z0-9")
        self.assertEqual(self.ids(), ["a"])

    def test_a_service_that_is_killed_in_the_middle(self):
        self.run_code("x = 1", "--session", "a")
        self.assertEqual(self.shannon("session", "export", "a", "-o", str(self.folder / "a")).returncode, 0)
        process = self.begin("session", "import", "-", stdin=subprocess.PIPE)
        self.addCleanup(process.stdin.close)
        process.stdin.buffer.write((self.folder / "a").read_bytes()[:-50] + bytes(1 << 20))
        process.stdin.flush()
        self.until(lambda: any("(deleted)" in link for link in self.open_files()))
        self.process.kill()
        process.stdin.close()
        self.assertEqual(process.wait(20), 125)
        self.assertRegex(process.stderr.read(), "lost on the way|cannot reach")

    def open_files(self):
        links = []
        for fd in pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir():
            try:
                links.append(os.readlink(fd))
            except FileNotFoundError:
                pass
        return [link for link in links if link.startswith(self.home)]

    def test_the_prompt(self):
        lines = "x = 1\ndef f():\n    return x + 1\n\nf()\n:undo\n:fork kept\n:sessions\n1/0\n"
        got = self.shannon("repl", input=lines)
        self.assertIn("2\n", got.stdout)
        self.assertIn("kept", got.stdout)
        self.assertIn("ZeroDivisionError", got.stderr)
        self.assertEqual(self.ids(), ["kept"])


class Connections(Remote):
    def test_a_service_that_is_killed(self):
        self.serve()
        process = self.begin("run", "-c", "import time\nprint('on')\ntime.sleep(20)")
        self.assertEqual(process.stdout.readline(), "on\n")
        self.process.kill()
        code, _, err = self.end(process)
        self.assertEqual(code, 125)
        self.assertIn(f"unavailable: agent-core at 127.0.0.1:{self.port} was lost on the way", err)
        self.assertIn("may have been done or not", err)

    def test_one_that_comes_back(self):
        self.serve()
        prompt = self.begin("repl", "--session", "s", stdin=subprocess.PIPE)
        self.addCleanup(prompt.stdin.close)

        def say(line):
            prompt.stdin.write(line + "\n")
            prompt.stdin.flush()

        say("x = 41")
        say("print('first')")
        self.assertEqual(prompt.stdout.readline(), "first\n")
        self.stop()
        say("print('nobody')")
        self.assertIn("cannot reach", prompt.stderr.readline())
        self.serve("--grpc", f"127.0.0.1:{self.port}", home=self.home)
        end = time.monotonic() + 20
        while not select.select([prompt.stdout], [], [], 0.2)[0]:  # it may pause for some seconds before it connects again
            self.assertLess(time.monotonic(), end)
            say("print(x + 1)")
        self.assertEqual(prompt.stdout.readline(), "42\n")

    def test_nobody_there(self):
        self.serve()
        self.stop()
        start = time.monotonic()
        for args in ["run", "-c", "1"], ["session", "list"], ["run", "--json", "-c", "1"]:
            got = self.shannon(*args)
            self.assertEqual(got.returncode, 125)
            self.assertIn(f"cannot reach agent-core at 127.0.0.1:{self.port}", got.stdout + got.stderr)
            self.assertIn("AGENT_CORE_ADDR", got.stdout + got.stderr)
        self.assertLess(time.monotonic() - start, 10)

    def test_addresses(self):
        self.port = 1
        for address in "x", "host:", ":1", "h:99999", "unix:/x:1", "http://h:1":
            self.refused("run", "-c", "1", says="HOST:PORT", env={"AGENT_CORE_ADDR": address})

    def test_a_token(self):
        self.serve(SHANNON_API_TOKEN="a secret of 23 bytes...")
        self.assertEqual(self.run_code("print(1)", env={"SHANNON_API_TOKEN": "a secret of 23 bytes..."}).stdout, "1\n")
        for token in "", "a secreT of 23 bytes...", "a secret of 24 bytes....":
            self.refused("run", "-c", "1", says="unauthenticated", code=125, env={"SHANNON_API_TOKEN": token})
        self.refused("run", "-c", "1", says="API token", env={"SHANNON_API_TOKEN": "a\tb\n"})

    def certificate(self, name):
        key, certificate = self.folder / f"{name}.key", self.folder / f"{name}.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
                       check=True, capture_output=True)
        return str(key), str(certificate)

    def test_tls(self):
        key, certificate = self.certificate("one")
        _, other = self.certificate("other")
        self.serve(SHANNON_TLS_CERTIFICATE=certificate, SHANNON_TLS_KEY=key, SHANNON_API_TOKEN="a secret of 23 bytes...")
        env = {"AGENT_CORE_ADDR": f"localhost:{self.port}", "SHANNON_API_TOKEN": "a secret of 23 bytes..."}
        self.assertEqual(self.run_code("print(1)", env={**env, "SHANNON_CA_FILE": certificate}).stdout, "1\n")
        got = self.refused("run", "-c", "1", says="certificate verify failed", code=125, env={**env, "SHANNON_CA_FILE": other})
        self.assertEqual(len(got.stderr.splitlines()), 2)  # gRPC says nothing of its own
        self.refused("run", "-c", "1", says="unavailable", code=125, env=env)
        self.refused("run", "-c", "1", says="unavailable", code=125,
                     env={**env, "SHANNON_CA_FILE": certificate, "AGENT_CORE_ADDR": f"127.0.0.1:{self.port}"})
        self.refused("run", "-c", "1", says=key, env={**env, "SHANNON_CA_FILE": key})
        self.refused("run", "-c", "1", says="/nonexistent", env={**env, "SHANNON_CA_FILE": NOWHERE}, code=125)


tap.main(__name__)
