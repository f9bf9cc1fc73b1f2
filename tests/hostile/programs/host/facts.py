"""Asks for everything that tells of the host: its name, users, processors, times, folders, environment, mounts."""
# expect: status=ok stdout="HELD\n"
import getpass
import locale
import os
import pathlib
import platform
import site
import socket
import sys
import sysconfig
import time
import uuid
import attack

attack.check(f"uname {os.uname()}", tuple(os.uname()) == ("wasi", "(none)", "0.0.0", "0.0.0", "wasm32"))
attack.check("no environment", dict(os.environ) == {} and dict(os.environb) == {})
attack.check("cwd", os.getcwd() == "/tmp")
attack.check("time zone", time.tzname == ("UTC", "UTC") and time.timezone == 0)
attack.check("byte order and size", sys.maxsize == (1 << 31) - 1)
attack.check(f"host name {socket.gethostname()}", socket.gethostname() in ("", "localhost", "(none)"))
attack.check(f"node {platform.node()}", platform.node() in ("", "localhost", "(none)"))
attack.check(f"paths {sys.path}", set(sys.path) == {"/usr/lib/python3.11", "/tmp"})
attack.check(f"flags {sys.argv}", sys.argv == ["facts.py"] and sys.orig_argv in ([], ["python"], ["python3"]))
attack.check("warnings and options", sys.warnoptions == [] and sys._xoptions == {})
attack.check("executable", sys.executable in ("", "/bin/python3.11"))
attack.check("prefixes", {sys.prefix, sys.exec_prefix, sys.base_prefix} == {"/usr"})
attack.check("terminal", not any(os.isatty(fd) for fd in range(10)))
attack.check("no real modification times", all(os.stat(path).st_mtime <= 315532800 + 86400
                                               for path in ("/", "/tmp", "/tmp/attack.py", "/usr/lib/python3.11/os.py")))
attack.check("no owners", all((stat.st_uid, stat.st_gid) == (0, 0)
                              for stat in map(os.stat, ("/", "/tmp", "/tmp/attack.py", 0, 1, 2, 3))))
for ask in (getpass.getuser, pathlib.Path.home, lambda: os.path.expanduser("~root"), site.getuserbase,
            lambda: platform.freedesktop_os_release(), lambda: os.getlogin(), lambda: os.get_terminal_size(),
            lambda: os.ttyname(0),
            lambda: os.statvfs("/"), lambda: os.getrandom(8), lambda: os.getxattr("/tmp", "user.x"),
            lambda: os.sched_getaffinity(0), lambda: os.getgroups()):
    attack.attempt("ask", ask, refusals=attack.REFUSALS + (RuntimeError, AttributeError, KeyError),
                   fine=lambda answer: answer in (None, "~root", "~/.local", "/.local"))
attack.check(f"processors {os.cpu_count()}", os.cpu_count() in (None, 1))
for name in "SC_PHYS_PAGES", "SC_AVPHYS_PAGES":
    attack.attempt(name, os.sysconf, name, fine=lambda pages: pages < 0)
for name in "SC_NPROCESSORS_ONLN", "SC_NPROCESSORS_CONF":
    attack.attempt(name, os.sysconf, name, fine=lambda count: count == 1)
home = os.path.expanduser("~")
attack.check(f"home {home}", home in ("~", "/"))
everything = repr([sysconfig.get_config_vars(), platform.uname(), sys.implementation, sys.version, locale.getlocale()])
for word in "/root/", "/home/", "runner", "Users":
    attack.check(f"built in {word}: {everything[max(0, everything.find(word) - 60):][:150]}", word not in everything)
for _ in range(3):
    node = uuid.getnode()
    attack.check(f"no hardware address {node:#x}", node >> 40 & 1)  # random ones have that bit
attack.end(40)
