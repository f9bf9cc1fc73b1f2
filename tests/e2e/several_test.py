"""AGENT_CORE_ADDR with several agent-cores: executions are spread, sessions stay where they are, and what may have run is not run again."""

import collections
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import grpc

sys.path[:0] = [os.path.dirname(__file__), os.path.join(os.path.dirname(__file__), "..")]
import tap
from agent_core import SHANNON, pack
from messages import MESSAGES

CLIENT = os.environ["SEVERAL_CLIENT"]
NATIVE = pathlib.Path(os.environ.get("SHANNON_HOME", pathlib.Path.home() / ".local/share/shannon"))


class Machine:
    """An agent-core that can be killed and started again at the same address, with the same home."""

    def __init__(self, case, **env):
        self.env = env
        folder = tempfile.TemporaryDirectory()
        case.addCleanup(folder.cleanup)
        self.home = pathlib.Path(folder.name)
        self.log = self.home / "log"
        self.port = 0
        for name in "native", "images":  # compiled once for all
            if (NATIVE / name).exists():
                os.symlink(NATIVE / name, self.home / name)
        self.start()
        case.addCleanup(self.kill)

    def start(self):
        with open(self.log, "a") as log:
            self.process = subprocess.Popen([SHANNON, "agent-core", "--grpc", f"127.0.0.1:{self.port}"], stdout=subprocess.PIPE, stderr=log,
                                            text=True, env={**os.environ, "SHANNON_HOME": str(self.home), "SHANNON_LOG_CODE": "true", **self.env})
        line = self.process.stdout.readline()
        assert "serves gRPC on" in line, self.log.read_text()
        self.port = int(line.split()[4].rstrip(",").rsplit(":", 1)[1])
        self.address = f"127.0.0.1:{self.port}"

    def kill(self, how=signal.SIGKILL):
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.process.wait(30)
        self.process.stdout.close()

    def executed(self):
        """The code of all executions."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [line["source"] for line in lines if "source" in line]

    def sessions(self):
        """Those that lie here, and their last step."""
        with grpc.insecure_channel(self.address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
            call = channel.unary_unary("/shannon.v1.Executor/ListSessions", pack, MESSAGES["shannon.v1.ListSessionsResponse"].FromString)
            return {s.id: s.step for s in call(MESSAGES["shannon.v1.ListSessionsRequest"](), timeout=20).sessions}


class Several(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.machines = [Machine(self) for _ in range(3)]

    def environment(self, **env):
        here = {"AGENT_CORE_ADDR": ", ".join(m.address for m in self.machines), "SHANNON_HOME": str(self.folder / "home"),
                "PYTHON_WASI_WASM_PATH": "/nonexistent"}
        return {**os.environ, **here, **env}

    def shannon(self, *args, **env):
        return subprocess.run([SHANNON, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, env=self.environment(**env),
                              timeout=60)

    def run_in(self, session, code, **env):
        return self.shannon("run", "--session", session, "-c", code, **env)

    def said(self, *args, **env):
        got = self.shannon(*args, **env)
        self.assertEqual(got.returncode, 0, got)
        return got.stdout

    def refused(self, *args, says, code=125, **env):
        got = self.shannon(*args, **env)
        self.assertEqual(got.returncode, code, got)
        for text in says if isinstance(says, tuple) else (says,):
            self.assertIn(text, got.stderr)

    def client(self, threads, count, code, *session, **env):
        process = subprocess.Popen([CLIENT, str(threads), str(count), code, *session], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   text=True, env=self.environment(**env))
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stdin.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def executed(self):
        return collections.Counter(code for m in self.machines for code in m.executed())

    def shares(self):
        return [len(m.executed()) for m in self.machines]

    def made_at(self, machine, prefix="s"):
        """The name of a new session, whose home is that machine."""
        for i in range(100):
            name = f"{prefix}{i}"
            self.assertEqual(self.run_in(name, "x = 0").returncode, 0)
            if name in machine.sessions():
                return name
        self.fail("all sessions were made elsewhere")


class Executions(Several):
    def test_they_take_turns(self):
        process = self.client(1, 30, "print(%d)")
        self.assertEqual(process.stdout.read(), "".join(f"{i} ok {i}\n" for i in range(30)))
        self.assertEqual(self.shares(), [10, 10, 10])

    def test_the_least_busy_is_chosen(self):
        process = self.client(3, 12, "import time\ntime.sleep(0.4)\nprint(%d)")
        self.assertEqual(len(process.stdout.read().splitlines()), 12)
        self.assertEqual(self.shares(), [4, 4, 4])
        slow = self.client(4, 40, "import time\nif %d == 0: time.sleep(2)")
        self.assertEqual(len([line for line in slow.stdout if " ok " in line]), 40)
        busiest = [m for m in self.machines if any("if 0 ==" in code for code in m.executed())]
        self.assertEqual(len(busiest), 1)
        self.assertLess(len(busiest[0].executed()) - 4, 13)

    def test_each_command_begins_somewhere(self):
        for i in range(12):
            self.assertEqual(self.said("run", "-c", f"print({i})"), f"{i}\n")
        self.assertGreaterEqual(sum(share > 0 for share in self.shares()), 2)

    def test_standard_input_goes_to_the_one_that_answers(self):
        self.machines[0].kill()
        self.machines[1].kill()
        for _ in range(4):
            got = subprocess.run([SHANNON, "run", "-c", "print(input())"], input="line\n", capture_output=True, text=True,
                                 env=self.environment(), timeout=60)
            self.assertEqual((got.returncode, got.stdout), (0, "line\n"), got.stderr)

    def test_one_is_killed_and_comes_back(self):
        process = self.client(4, 10_000, "print(%d)", PACED="1")

        def execute(count):
            process.stdin.write("\n" * count)
            process.stdin.flush()
            return [process.stdout.readline().rstrip("\n").split(" ", 2) for _ in range(count)]

        lines = execute(60)
        self.assertEqual({code for _, code, _ in lines}, {"ok"})
        process.stdin.write("\n" * 600)
        process.stdin.flush()
        lines += [process.stdout.readline().rstrip("\n").split(" ", 2) for _ in range(100)]
        self.machines[1].kill()
        lines += [process.stdout.readline().rstrip("\n").split(" ", 2) for _ in range(500)]
        failed = [line for line in lines if line[1] != "ok"]
        self.assertLessEqual(len(failed), 4)  # what was under way there
        for _, code, text in failed:
            self.assertEqual(code, "unavailable")
            self.assertIn(f"agent-core at {self.machines[1].address} was lost on the way", text)
        self.assertEqual({code for _, code, _ in execute(60)}, {"ok"})
        self.machines[1].start()
        before, end = len(self.machines[1].executed()), time.monotonic() + 30
        while len(self.machines[1].executed()) == before:
            self.assertLess(time.monotonic(), end)
            self.assertEqual({code for _, code, _ in execute(4)}, {"ok"})
            time.sleep(0.05)
        self.assertEqual({code for _, code, _ in execute(60)}, {"ok"})
        executed = self.executed()
        self.assertEqual(executed.most_common(1)[0][1], 1)
        for number, code, _ in lines:
            if code == "ok" and int(number) < 60:
                self.assertEqual(executed[f"print({number})"], 1)

    def test_one_that_is_stopped_in_peace(self):
        process = self.client(3, 600, "print(%d)")
        lines = [process.stdout.readline() for _ in range(100)]
        self.machines[2].kill(signal.SIGTERM)
        lines += process.stdout.readlines()
        self.assertEqual(len(lines), 600)
        self.assertLessEqual(len([line for line in lines if " ok " not in line]), 3)
        self.assertEqual(self.executed().most_common(1)[0][1], 1)

    def test_one_that_is_full(self):
        """It refuses what it has no room for, and another machine does it."""
        full = Machine(self, SHANNON_WORKERS="1", SHANNON_QUEUE="4")
        slow = self.client(6, 6, "import time\ntime.sleep(4)\nprint(%d)", AGENT_CORE_ADDR=full.address)
        self.assertIn("resource_exhausted", slow.stdout.readline())  # one runs, a quarter of four may wait
        both = f"{full.address},{self.machines[0].address}"
        process = self.client(1, 20, "print(%d)", AGENT_CORE_ADDR=both)
        self.assertEqual(process.stdout.read(), "".join(f"{i} ok {i}\n" for i in range(20)))
        self.assertEqual(len(self.machines[0].executed()), 20)
        self.refused("run", "-c", "1", says="resource_exhausted", AGENT_CORE_ADDR=f"{full.address},127.0.0.1:1")
        self.assertEqual(len([line for line in slow.stdout if " ok " in line]), 2)
        self.assertEqual(len(full.executed()), 2)

    def test_nobody_there(self):
        for machine in self.machines:
            machine.kill()
        start = time.monotonic()
        self.refused("run", "-c", "1", says=("none of 3 agent-cores answers", *[m.address for m in self.machines]))
        self.assertLess(time.monotonic() - start, 5)
        self.machines[1].start()
        self.assertEqual(self.said("run", "-c", "print(1)"), "1\n")

    def test_one_that_accepts_and_says_nothing(self):
        import socket
        with socket.create_server(("127.0.0.1", 0)) as silent:
            addresses = f"127.0.0.1:{silent.getsockname()[1]},{self.machines[0].address}"
            start = time.monotonic()
            process = self.client(1, 40, "print(%d)", AGENT_CORE_ADDR=addresses)
            self.assertEqual(process.stdout.read(), "".join(f"{i} ok {i}\n" for i in range(40)))
            self.assertLess(time.monotonic() - start, 5)

    def test_addresses(self):
        for addresses, says in (("h:1,x,h:1,", ("'x' is no address", "'h:1' is there twice", "'' is empty")),
                                (",".join(f"h:{i}" for i in range(1, 66)), "'h:65' is one more than the 64")):
            self.refused("run", "-c", "1", says=says, code=2, AGENT_CORE_ADDR=addresses)
            self.refused("session", "list", says=says, code=2, AGENT_CORE_ADDR=addresses)
        self.assertEqual(self.said("run", "-c", "print(1)", AGENT_CORE_ADDR=f" {self.machines[0].address} "), "1\n")

    def test_doctor(self):
        self.machines[1].kill()
        env = {"PYTHON_WASI_WASM_PATH": os.environ.get("PYTHON_WASI_WASM_PATH", ""), "SHANNON_HOME": str(self.machines[0].home)}
        got = self.shannon("doctor", **env)
        self.assertEqual(got.returncode, 1)
        for machine in self.machines:
            answer = "NO " if machine is self.machines[1] else "yes"
            self.assertRegex(got.stdout, rf"  {answer}  {machine.address} ")
        shown = json.loads(self.shannon("doctor", "--json", **env).stdout)["agent_cores"]
        self.assertEqual([(a["address"], a["answers"]) for a in shown], [(m.address, m is not self.machines[1]) for m in self.machines])


class Sessions(Several):
    def test_they_stay(self):
        for step in range(3):
            for i in range(30):
                self.assertEqual(self.said("run", "--session", f"s{i}", "-c", "x = 1" if step == 0 else "x += 1\nprint(x)"),
                                 "" if step == 0 else f"{step + 1}\n")
            self.machines.reverse()  # other clients may have them in another order
        lies = [m.sessions() for m in self.machines]
        self.assertEqual(sum(len(s) for s in lies), 30)
        self.assertTrue(all(lies), lies)
        listed = json.loads(self.said("session", "list", "--json"))["sessions"]
        self.assertEqual([(s["id"], s["step"]) for s in listed], sorted((f"s{i}", 3) for i in range(30)))

    def test_many_at_once(self):
        process = self.client(16, 200, "print(%d)", "t%d")
        self.assertEqual(sorted(process.stdout.read().splitlines()), sorted(f"{i} ok {i}" for i in range(200)))
        self.assertEqual(sum(len(m.sessions()) for m in self.machines), 200)
        self.assertGreater(min(len(m.sessions()) for m in self.machines), 30)
        process = self.client(8, 40, "n = globals().get('n', 0) + 1\nprint(n)", "one")
        self.assertEqual(sorted(int(line.split()[2]) for line in process.stdout), list(range(1, 41)))
        self.assertEqual(self.executed().most_common(1)[0], ("n = globals().get('n', 0) + 1\nprint(n)", 40))

    def test_a_machine_that_is_down(self):
        names = [self.made_at(m) for m in self.machines]
        down = self.machines[1]
        down.kill()
        for name, machine in zip(names, self.machines):
            if machine is not down:
                self.assertEqual(self.said("run", "--session", name, "-c", "print(x)"), "0\n")
                continue
            for args in ["run", "--session", name, "-c", "1"], ["session", "show", name], ["session", "delete", name], \
                    ["session", "fork", name, "new"], ["session", "rewind", name, "--step", "0"]:
                self.refused(*args, says=("unavailable: ", f"cannot reach agent-core at {down.address}"))
        self.refused("session", "list", says=(f"cannot reach agent-core at {down.address}", "leave it out of AGENT_CORE_ADDR"))
        made = [self.run_in(f"new{i}", "x = 1").returncode for i in range(20)]
        self.assertEqual(set(made), {0, 125})
        self.assertTrue(all(len(m.sessions()) > 1 for m in self.machines if m is not down))
        down.start()
        self.assertEqual(self.said("run", "--session", names[1], "-c", "print(x)"), "0\n")
        self.assertEqual({self.run_in(f"new{i}", "x = 1").returncode for i in range(20)}, {0})
        self.said("session", "list")

    def test_a_client_that_lasts_sees_it_come_back(self):
        name = self.made_at(self.machines[0])
        process = self.client(1, 1000, "x += 1\nprint(x)", name, PACED="1")

        def execute():
            process.stdin.write("\n")
            process.stdin.flush()
            return process.stdout.readline().rstrip("\n").split(" ", 2)

        self.assertEqual(execute()[1:], ["ok", "1"])
        self.machines[0].kill()
        for _ in range(3):
            self.assertEqual(execute()[1], "unavailable")
        self.machines[0].start()
        end = time.monotonic() + 30
        while (got := execute())[1] != "ok":
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)
        self.assertEqual(got[2], "2")

    def test_forks(self):
        parent = self.made_at(self.machines[0])
        self.assertEqual(self.run_in(parent, "x = 'second'").returncode, 0)
        forks = [f"fork{i}" for i in range(30)]
        for name in forks:
            self.said("session", "fork", parent, name, "--step", "1")
            self.assertEqual(self.said("run", "--session", name, "-c", "print(x)"), "0\n")
        self.assertEqual(self.machines[0].sessions().keys() & set(forks), set(forks))  # where the parent is
        homes = [set(m.sessions()) & set(forks) for m in self.machines]
        self.assertTrue(homes[1] and homes[2], "no fork has another home")
        self.assertEqual(set(self.machines[1].sessions()[name] for name in homes[1]), {0})
        listed = {s["id"]: s["step"] for s in json.loads(self.said("session", "list", "--json"))["sessions"]}
        self.assertEqual({name: listed[name] for name in forks}, dict.fromkeys(forks, 2))
        abroad = min(homes[1])
        self.assertEqual(len(json.loads(self.said("session", "show", abroad, "--json"))["steps"]), 2)
        self.refused("session", "fork", parent, abroad, says="already", code=2)
        self.refused("session", "fork", parent, parent, says="already", code=2)
        self.refused("session", "fork", "nobody", "new", says="not_found")
        self.assertFalse(any("new" in m.sessions() for m in self.machines))
        self.refused("session", "fork", parent, "new2", "--step", "99", says="no step 99")
        self.assertFalse(any("new2" in m.sessions() for m in self.machines))
        self.said("session", "rewind", abroad, "--step", "1")
        self.said("session", "fork", abroad, "of-a-fork")
        self.assertIn("of-a-fork", self.machines[0].sessions())
        self.machines[0].kill()
        for name in abroad, min(homes[2]):  # its home is there, but has no more than its name
            self.refused("run", "--session", name, "-c", "print(x)", says=("may lie on a machine", self.machines[0].address))
            self.refused("session", "show", name, says=self.machines[0].address)
        self.machines[0].start()
        self.assertEqual(self.said("run", "--session", abroad, "-c", "print(x)"), "0\n")
        self.said("session", "delete", abroad)
        self.assertFalse(any(abroad in m.sessions() for m in self.machines))
        self.refused("session", "show", abroad, says="not_found")
        self.said("session", "clear", "--yes")
        self.assertFalse(any(m.sessions() for m in self.machines))

    def test_one_more_machine(self):
        for i in range(12):
            self.assertEqual(self.run_in(f"s{i}", f"x = {i}").returncode, 0)
        self.machines.append(Machine(self))
        for i in range(12):
            self.assertEqual(self.said("run", "--session", f"s{i}", "-c", "print(x)"), f"{i}\n")
        self.assertEqual(self.machines[3].sessions(), {})
        self.made_at(self.machines[3], "new")

    def test_files(self):
        name = self.made_at(self.machines[0])
        file = str(self.folder / "file")
        self.said("session", "export", name, "-o", file)
        for i in range(30):
            self.assertEqual(self.said("session", "import", file, "--id", f"copy{i}"), f"imported copy{i}\n")
            self.assertEqual(self.said("run", "--session", f"copy{i}", "-c", "print(x)"), "0\n")
        self.assertTrue(all(any(s.startswith("copy") for s in m.sessions()) for m in self.machines))
        self.assertEqual(sum(s.startswith("copy") for m in self.machines for s in m.sessions()), 30)
        self.refused("session", "import", file, says="already", code=2)
        self.said("session", "fork", name, "abroad")
        self.said("session", "export", "abroad", "-o", file)
        self.said("session", "delete", name)
        self.assertEqual(self.said("session", "import", file, "--id", name), f"imported {name}\n")
        self.machines[0].kill()
        self.refused("session", "import", file, "--id", name, says=self.machines[0].address)
        self.refused("session", "export", name, "-o", file, says=self.machines[0].address)

    def test_the_prompt(self):
        lines = "x = 1\n:fork kept\nx = 2\n:undo\n:sessions\nprint('x is', x)\n"
        got = subprocess.run([SHANNON, "repl"], input=lines, capture_output=True, text=True, env=self.environment(), timeout=60)
        self.assertIn("kept", got.stdout)
        self.assertIn("x is 1", got.stdout)
        self.assertEqual(self.said("run", "--session", "kept", "-c", "print(x)"), "1\n")


tap.main(__name__)
