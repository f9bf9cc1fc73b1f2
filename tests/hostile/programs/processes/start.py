"""Starts processes, threads and interpreters in every way."""
# expect: status=ok stdout="HELD\n"
import _thread
import asyncio
import concurrent.futures
import multiprocessing
import os
import platform
import subprocess
import threading
import uuid
import webbrowser
import attack

NO = attack.REFUSALS + (AttributeError, RuntimeError, subprocess.SubprocessError)
SHELL = ["/bin/sh", "-c", "echo got through"]

ABSENT = """
    fork forkpty vfork posix_spawn posix_spawnp system execv execve spawnl spawnle spawnlp spawnlpe spawnv spawnve
    spawnvp spawnvpe kill killpg wait wait3 wait4 waitid waitpid setsid setpgid setuid setgid setgroups nice
    getpriority setpriority sched_setaffinity sched_setscheduler ptrace pidfd_open openpty login_tty startfile
    unshare setns register_at_fork getloadavg getlogin getuid geteuid getppid getpgid
"""
attack.absent(os, *ABSENT.split())
for name in "execl", "execle", "execlp", "execlpe", "execvp", "execvpe":
    arguments = [["sh"], {}] if "v" in name else ["sh", {}]
    attack.attempt(name, getattr(os, name), "/bin/sh", *arguments[: 2 if name.endswith("e") else 1],
                   refusals=NO + (NameError,))
for run in subprocess.run, subprocess.call, subprocess.check_output, subprocess.Popen:
    for options in {}, {"shell": True}, {"start_new_session": True}, {"close_fds": False}, {"stdin": subprocess.PIPE}, \
            {"preexec_fn": print}, {"executable": "/proc/self/exe"}, {"cwd": "/"}, {"user": 0}, {"pass_fds": (3,)}:
        attack.attempt(f"{run.__name__} {options}", run, SHELL, refusals=NO + (ValueError,), **options)
for call in subprocess.getoutput, subprocess.getstatusoutput, os.popen:
    attack.attempt(call.__name__, call, "echo got through", refusals=NO)


async def spawn(make):
    await make()


for make in (lambda: asyncio.create_subprocess_exec(*SHELL),
             lambda: asyncio.create_subprocess_shell("echo got through"),
             lambda: asyncio.to_thread(print), lambda: asyncio.get_running_loop().run_in_executor(None, print)):
    attack.attempt("asyncio", lambda: asyncio.run(spawn(make)) or 1, refusals=NO)
for make in "Process", "Pool", "Manager", "Queue", "Pipe", "Value", "Lock", "SimpleQueue":
    attack.attempt(make, lambda: getattr(multiprocessing, make)(*["i"] * (make == "Value")).start(), refusals=NO)
for make in "ThreadPoolExecutor", "ProcessPoolExecutor":
    attack.attempt(make, lambda: getattr(concurrent.futures, make)(1).submit(print).result(), refusals=NO)
attack.attempt("thread", threading.Thread(target=print).start, refusals=NO)
attack.attempt("timer", threading.Timer(0, print).start, refusals=NO)
attack.attempt("_thread", _thread.start_new_thread, print, (), refusals=NO)
attack.attempt("browser", webbrowser.open, "file:///etc/passwd", refusals=NO, fine=lambda opened: opened is False)
for module in ("pty", "_posixsubprocess", "_multiprocessing", "_xxsubinterpreters", "_xxinterpchannels", "_winapi",
               "posixshmem", "readline", "curses", "pwd", "grp", "spwd", "resource", "crypt", "_testcapi"):
    attack.attempt(module, __import__, module)
# These ask processes when they can.
for ask in (platform.platform, platform.processor, platform.libc_ver, uuid.getnode, platform.mac_ver,
            platform.freedesktop_os_release):
    attack.attempt(ask.__name__, ask, fine=lambda answer: "Linux" not in str(answer))
attack.check("there is no other process", not hasattr(os, "kill") and os.getpid() == 42)
attack.end(110)
