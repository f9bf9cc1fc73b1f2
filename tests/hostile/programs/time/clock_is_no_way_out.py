"""Sets clocks and timers, and sleeps in odd ways: negative, not a number, for ever."""
# expect: status=ok stdout="HELD\n" within=4
import math
import time
import attack

NO = attack.REFUSALS + (ValueError, OverflowError, AttributeError)
for seconds in -1, -math.inf, math.inf, math.nan, 1e300, 10**30, -(10**30), 2**63, 1e19:
    attack.attempt(f"sleep {seconds}", time.sleep, seconds, refusals=NO)
attack.absent(time, "clock_settime", "clock_settime_ns", "tzset_host", "pthread_getcpuclockid")
for name in "alarm", "setitimer", "pause", "sigwait":
    attack.attempt(name, lambda: getattr(__import__("signal"), name)(1), refusals=NO)
first = time.monotonic()
time.sleep(0.05)
attack.check("time goes on", 0.04 < time.monotonic() - first < 2)
attack.check("time of the processor", time.process_time() < 10)
attack.end(15)
