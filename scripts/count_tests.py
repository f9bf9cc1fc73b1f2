"""Adds up the JUnit reports of meson's test runs and prints the closing line.

Usage: count_tests.py LINT_FAILED REPORT...     exits with 1 when a test failed or none ran
"""

import sys
import xml.etree.ElementTree as ElementTree


def main():
    passed, failed, skipped = 0, int(sys.argv[1]), 0
    if failed:
        print("failed: scripts/lint.sh")
    for path in sys.argv[2:]:
        for case in ElementTree.parse(path).getroot().iter("testcase"):
            if case.find("failure") is not None or case.find("error") is not None:
                failed += 1
                print(f"failed: {case.get('classname')} {case.get('name')}")
            elif case.find("skipped") is not None:
                skipped += 1
            else:
                passed += 1
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed or not passed else 0)


main()
