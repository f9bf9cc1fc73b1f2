"""Handlers for every signal, sent to itself; signals that end a process."""
# expect: status=ok stdout="HELD\n"
import signal
import attack

NO = attack.REFUSALS + (ValueError, AttributeError, TypeError)
for number in range(-1, 70):
    for handler in print, signal.SIG_IGN, signal.SIG_DFL, lambda *_: 1 / 0, None, 5:
        attack.attempt(f"signal {number}", signal.signal, number, handler, refusals=NO, fine=lambda _: True)
        # libc calls what is no handler for 0, 32 and so on: see raise_zero.py
        if number in map(int, signal.Signals) and number not in (signal.SIGABRT, signal.SIGKILL,
            signal.SIGSTOP) and handler is signal.SIG_IGN:
            attack.attempt(f"raise {number}", signal.raise_signal, number, refusals=NO, fine=lambda _: True)
    for name in ("siginterrupt", "pthread_kill", "pthread_sigmask", "sigpending", "sigwait", "set_wakeup_fd",
                 "setitimer"):
        attack.attempt(name, lambda: getattr(signal, name)(number, 0) or 1, refusals=NO)
attack.check("it goes on", True)
attack.end(800)
