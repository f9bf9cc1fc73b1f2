#!/usr/bin/python3.11
"""CPython's own tests, each file in a fresh sandbox.

Usage: tests/cpython/run.py [--quick] [--jobs N] [--native] [NAME...]

Needs build/interpreter/tests/python-3.11.2.wasm (`scripts/setup_python_wasi.sh --with-tests`) and its native code. Each
test file is run by CPython's own runner (test.libregrtest) in the sandbox, N at once. What differs from expected.txt, in
either direction, fails the run. Writes build/cpython-tests.txt and .json.

  --quick   a representative part, for `make test`
  --jobs N  at once (default: one a processor)
  --native  each file that is not skipped also under native python3.11, beside it, to see which failures are not ours
"""

import argparse
import collections
import concurrent.futures
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "..", ".."))
BUILD = os.path.join(ROOT, "build")
SHANNON = os.environ.get("SHANNON", os.path.join(BUILD, "shannon"))
WASM = os.path.join(BUILD, "interpreter", "tests", "python-3.11.2.wasm")
LIBRARY = os.path.join(BUILD, "interpreter", "src", "python3.11", "Lib")
NATIVE = "/usr/bin/python3.11"
SECONDS, MEMORY_MB, WORKSPACE_MB = 60, 1024, 512
NATIVE_SECONDS = 180

# One of each kind: types, syntax, numbers, text, collections, files, compression, time, introspection, limits.
QUICK = """
    test_array test_ast test_asyncio test_augassign test_base64 test_builtin test_bytes test_bz2 test_calendar test_class
    test_codecs test_collections test_compile test_complex test_configparser test_contextlib test_copy test_coroutines
    test_csv test_dataclasses test_datetime test_decimal test_deque test_descr test_dict test_dis test_email test_enum
    test_exceptions test_fileio test_float test_fractions test_functools test_gc test_generators test_glob test_grammar
    test_gzip test_hashlib test_heapq test_html test_importlib test_inspect test_int test_io test_itertools test_json
    test_list test_locale test_logging test_long test_lzma test_math test_memoryview test_operator test_ordered_dict test_os
    test_pathlib test_pickle test_posix test_pprint test_queue test_random test_re test_sched test_scope test_set
    test_shutil test_slice test_socket test_sort test_sqlite3 test_statistics test_str test_strftime test_struct
    test_subprocess test_super test_syntax test_sys test_tarfile test_tempfile test_textwrap test_threading test_time
    test_tokenize test_traceback test_tuple test_types test_typing test_unicode test_unittest test_urlparse test_uuid
    test_warnings test_weakref test_xml_etree test_zipfile test_zlib test_zoneinfo
""".split()


def all_names():
    """As test.libregrtest finds them: test_*.py, and packages of that name."""
    folder = os.path.join(LIBRARY, "test")
    found = set()
    for name in os.listdir(folder):
        if name.startswith("test_") and (name.endswith(".py") or os.path.exists(os.path.join(folder, name, "__init__.py"))):
            found.add(name.removesuffix(".py"))
    return sorted(found)


def read_expected():
    """Outcome and reason of every file that is not to pass."""
    outcomes = {"fail": "failed", "skip": "skipped"}
    expected = {}
    with open(os.path.join(HERE, "expected.txt"), encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                name, outcome, reason, text = line.split(None, 3)
                expected[name] = outcomes[outcome], f"{reason}: {text.strip()}"
    return expected


def judge(status, output):
    """passed, failed, skipped (by the suite, whole), timed out or crashed; and the reason of a skip."""
    if status == "timeout":
        return "timed out", ""
    if status in ("crashed", "memory_limit", "output_limit"):
        return "crashed", status
    if "Tests result: SUCCESS" not in output:
        return "failed", ""
    whole = re.search(r"^test_\w+ skipped(?: \(resource denied\))? -- (.*)$", output, re.M)
    if whole:
        return "skipped", whole[1]
    ran = sum(map(int, re.findall(r"^Ran (\d+) tests? in", output, re.M)))
    skipped = sum(map(int, re.findall(r"^OK \(.*?skipped=(\d+)", output, re.M)))
    if ran and ran == skipped:
        return "skipped", "each of its tests"
    return "passed", ""


def run(name):
    command = [SHANNON, "run", "--json", "--interpreter", WASM, "--timeout", str(SECONDS), "--workspace", str(WORKSPACE_MB),
               os.path.join(HERE, "driver.py"), name]
    environment = dict(os.environ, WASI_MEMORY_LIMIT_MB=str(MEMORY_MB))
    start = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL,
                          timeout=3 * SECONDS)
    try:
        result = json.loads(done.stdout)
        status, output = result["status"], result["stdout"] + result["stderr"]
        error = result["error"]["value"] if result["error"] else ""
    except (ValueError, KeyError):
        status, output, error = "crashed", done.stdout + done.stderr, "no result"
    outcome, why = judge(status, output)
    return {
        "name": name,
        "outcome": outcome,
        "why": why or (error if outcome == "crashed" else ""),
        "seconds": round(time.monotonic() - start, 2),
        "tests": sum(map(int, re.findall(r"^Ran (\d+) tests? in", output, re.M))),
        "tests_skipped": sum(map(int, re.findall(r"^(?:OK|FAILED) \(.*?skipped=(\d+)", output, re.M))),
        "failures": sorted(set(re.findall(r"^(?:FAIL|ERROR): (.*)$", output, re.M))),
        "output": "" if outcome in ("passed", "skipped") else output[-20000:],
    }


def run_natively(name):
    """The same file by the same runner, from the same sources."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+", errors="replace") as output:
        process = subprocess.Popen([NATIVE, "-m", "test", "-v", name], stdout=output, stderr=subprocess.STDOUT, cwd=folder,
                                   env=dict(os.environ, PYTHONPATH=LIBRARY), stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            process.wait(NATIVE_SECONDS)
        except subprocess.TimeoutExpired:
            return "timed out"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        output.seek(0)
        return judge("ok", output.read())[0]


def run_both(name):
    """What the suite skips here says nothing, whatever it does natively."""
    result = run(name)
    return result if result["outcome"] == "skipped" else dict(result, natively=run_natively(name))


def write(results, counts, unexpected):
    lines = []
    for result in results:
        note = result["why"] or ", ".join(result["failures"][:3])
        native = f"  natively {result['natively']:9}" if "natively" in result else ""
        lines.append(f"{result['outcome']:10} {result['seconds']:6.1f} s  {result['tests']:5} tests{native}  {result['name']:32} {note}")
    lines.append("")
    lines.append(", ".join(f"{count} {outcome}" for outcome, count in counts.most_common()))
    lines += unexpected
    with open(os.path.join(BUILD, "cpython-tests.txt"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    with open(os.path.join(BUILD, "cpython-tests.json"), "w", encoding="utf-8") as file:
        json.dump({"results": results, "counts": counts, "unexpected": unexpected}, file, indent=1)


def surprise(result, expected):
    """What is not as expected.txt has it, or None."""
    name, outcome = result["name"], result["outcome"]
    wanted, reason = expected.get(name, ("passed", ""))
    if outcome == wanted:
        return None
    if outcome == "passed":
        return f"{name} passed, but expected.txt has it as {wanted} ({reason}): take it out"
    return f"{name} {outcome} instead of {wanted}: {', '.join(result['failures'][:5]) or result['why'] or result['output'][-300:]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--native", action="store_true")
    parser.add_argument("--tap", action="store_true", help="one line a file, for `meson test`")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    if options.tap and not os.path.exists(WASM):
        print("1..0 # SKIP no interpreter with tests: scripts/setup_python_wasi.sh --with-tests")
        return
    if not os.path.exists(WASM):
        sys.exit(f"{WASM} is missing: scripts/setup_python_wasi.sh --with-tests makes it")
    known = all_names()
    names = options.names or ([name for name in QUICK if name in known] if options.quick else known)
    expected, results, unexpected = read_expected(), [], []
    if options.tap:
        print(f"1..{len(names)}", flush=True)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for number, result in enumerate(pool.map(run_both if options.native else run, names), 1):
            results.append(result)
            problem = surprise(result, expected)
            if problem:
                unexpected.append(problem)
            if options.tap:
                print(f"{'not ok' if problem else 'ok'} {number} - {result['name']} ({result['outcome']})", flush=True)
                if problem:
                    print("# " + problem.replace("\n", "\n# "), flush=True)
            elif sys.stdout.isatty():
                print(f"\r[{number}/{len(names)}] {result['name']:40}", end="", flush=True)
    counts = collections.Counter(result["outcome"] for result in results)
    if options.native:
        unlike = [result for result in results if result.get("natively", result["outcome"]) != result["outcome"]]
        unexpected += [f"{result['name']}: {result['outcome']} here, {result['natively']} natively" for result in unlike]
    write(results, counts, unexpected)
    if not options.tap:
        run_count, passed = len(results) - counts["skipped"], counts["passed"]
        print(f"\r{len(results)} files, {sum(result['tests'] for result in results)} tests:",
              ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common()))
        print(f"{passed} of the {run_count} that the suite does not skip pass: {100 * passed / max(run_count, 1):.1f} %")
        print("\n".join(unexpected))
        print("written: build/cpython-tests.txt, build/cpython-tests.json")
    sys.exit(1 if any(surprise(result, expected) for result in results) else 0)


main()
