"""Waits for input that never comes, twice: the second wait is ended by force."""
# option: --timeout 1
# input: never
# expect: status=timeout exit=124 least=1.9 within=3 stdout="no TimeoutError\n"
import sys

try:
    input()
except TimeoutError as error:
    print("no", type(error).__name__)
sys.stdin.read()
