"""Claims that memory or time ran out, which did not: the status says what was seen from outside."""
# expect: status=error error=MemoryError|TimeoutError stdout="HELD\n"
import _shannon_host
import attack

_shannon_host.no_memory()
attack.check("it is a claim", True)
attack.end(1)
raise TimeoutError("the time limit of 1 seconds was reached")
