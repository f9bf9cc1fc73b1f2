"""The document's examples, and real work with each module it calls supported, inside the sandbox."""

import math
import os
import sys
import unittest

sys.path[:0] = [os.path.dirname(__file__), os.path.join(os.path.dirname(__file__), "..")]
import shannon
import tap

FIBONACCI = [0, 1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987, 1597, 2584, 4181]

# Each prints what it must print natively: the expected text is written out, or computed here by the same library.
WORK = {
    "math": ("print(math.sqrt(2), math.comb(20, 10), math.isclose(math.sin(math.pi), 0, abs_tol=1e-15))",
             f"{math.sqrt(2)} 184756 True"),
    "statistics": ("d = [2, 4, 4, 4, 5, 5, 7, 9]\nprint(statistics.mean(d), statistics.pstdev(d), statistics.median(d))",
                   "5 2.0 4.5"),
    "random": ("r = random.Random(42)\nprint(r.random(), r.sample(range(100), 3), random.random() != random.random())",
               "0.6394267984578837 [3, 94, 35] True"),
    "json": ("print(json.dumps(json.loads('{\"b\": [1, 2.5, null], \"a\": \"é\"}'), sort_keys=True))",
             '{"a": "\\u00e9", "b": [1, 2.5, null]}'),
    "csv": ("import io\nrows = list(csv.DictReader(io.StringIO('a,b\\n1,\"x,y\"\\n')))\nprint(rows)",
            "[{'a': '1', 'b': 'x,y'}]"),
    "xml.etree.ElementTree": ("t = xml.etree.ElementTree.fromstring('<a><b c=\"1\">t</b></a>')\n"
                              "print(t.find('b').get('c'), t.find('b').text)", "1 t"),
    "xml.dom.minidom": ("print(xml.dom.minidom.parseString('<a><b/></a>').documentElement.firstChild.tagName)", "b"),
    "xml.sax": ("h = type('H', (xml.sax.ContentHandler,), {'startElement': lambda s, n, a: print(n)})()\n"
                "xml.sax.parseString(b'<root/>', h)", "root"),
    "datetime": ("d = datetime.datetime(2024, 2, 28, 23) + datetime.timedelta(hours=25)\nprint(d.isoformat(), d.strftime('%A'))",
                 "2024-03-01T00:00:00 Friday"),
    "zoneinfo": ("import datetime\nprint(datetime.datetime(2024, 7, 1, 12, tzinfo=zoneinfo.ZoneInfo('Europe/Berlin')).utcoffset())",
                 "2:00:00"),
    "calendar": ("print(calendar.monthrange(2024, 2), calendar.isleap(2024))", "(calendar.THURSDAY, 29) True|(3, 29) True"),
    "time": ("a = time.time(); time.sleep(0.02); b = time.time()\nprint(0.02 <= b - a < 2, time.gmtime(0).tm_year)", "True 1970"),
    "re": ("print(re.sub(r'(\\w+)@(\\w+)', r'\\2 at \\1', 'me@home'), re.findall(r'\\d+', 'a1b22'))", "home at me ['1', '22']"),
    "string": ("print(string.Template('$a-$b').substitute(a=1, b=2), string.ascii_lowercase[:3])", "1-2 abc"),
    "textwrap": ("print(textwrap.fill('aaa bbb ccc', 7).split('\\n'), textwrap.dedent('  x'))", "['aaa bbb', 'ccc'] x"),
    "collections": ("print(collections.Counter('abca').most_common(1), collections.deque([1, 2], maxlen=1), "
                    "collections.namedtuple('P', 'x')(3).x)", "[('a', 2)] deque([2], maxlen=1) 3"),
    "itertools": ("print(list(itertools.accumulate([1, 2, 3])), len(list(itertools.permutations(range(5)))))", "[1, 3, 6] 120"),
    "functools": ("f = functools.lru_cache(lambda n: n if n < 2 else f(n - 1) + f(n - 2))\n"
                  "print(f(80), functools.reduce(int.__mul__, range(1, 6)))", "23416728348467685 120"),
    "hashlib": ("print(hashlib.sha256(b'abc').hexdigest()[:16], hashlib.md5(b'').hexdigest()[:8], "
                "hashlib.blake2b(b'x').hexdigest()[:8], hashlib.sha3_256(b'').hexdigest()[:8], hashlib.sha1(b'').hexdigest()[:8])",
                "ba7816bf8f01cfea d41d8cd9 0909377a a7ffc6f8 da39a3ee"),
    "base64": ("print(base64.b64encode(b'hello'), base64.b85decode(base64.b85encode(b'xyz')))", "b'aGVsbG8=' b'xyz'"),
    "binascii": ("print(binascii.hexlify(b'\\x00\\xff'), binascii.crc32(b'abc'))", "b'00ff' 891568578"),
    "decimal": ("decimal.getcontext().prec = 30\nprint(decimal.Decimal(1) / 7, decimal.Decimal('0.1') + decimal.Decimal('0.2'))",
                "0.142857142857142857142857142857 0.3"),
    "fractions": ("print(fractions.Fraction(1, 3) + fractions.Fraction('0.5'))", "5/6"),
    "pathlib": ("p = pathlib.Path('/tmp') / 'a' / 'b.txt'\nprint(p.suffix, p.parent.name, pathlib.Path('/usr/lib/python3.11/os.py').exists())",
                ".txt a True"),
    "os.path": ("print(os.path.join('a', 'b'), os.path.splitext('x.tar.gz'), os.path.isdir('/tmp'), os.path.exists('/etc'))",
                "a/b ('x.tar', '.gz') True False"),
    "io": ("b = io.BytesIO(); w = io.TextIOWrapper(b, 'utf-16'); w.write('é'); w.flush(); print(b.getvalue().hex())", "fffee900"),
    "sqlite3": ("c = sqlite3.connect(':memory:')\nc.execute('create table t (a, b)')\n"
                "c.executemany('insert into t values (?, ?)', [(i, i * i) for i in range(100)])\n"
                "print(c.execute('select sum(b), json_group_array(a) from t where a < 4').fetchone())", "(14, '[0,1,2,3]')"),
    "zlib": ("d = b'abc' * 1000\nprint(zlib.decompress(zlib.compress(d)) == d, len(zlib.compress(d)) < 50)", "True True"),
    "bz2": ("print(bz2.decompress(bz2.compress(b'x' * 999)) == b'x' * 999)", "True"),
    "lzma": ("print(lzma.decompress(lzma.compress(b'x' * 999)) == b'x' * 999)", "True"),
    "gzip": ("print(gzip.decompress(gzip.compress(b'data')))", "b'data'"),
    "zipfile": ("import io\nb = io.BytesIO()\nwith zipfile.ZipFile(b, 'w', zipfile.ZIP_DEFLATED) as z: z.writestr('a', 'text')\n"
                "print(zipfile.ZipFile(b).read('a'))", "b'text'"),
    "unicodedata": ("print(unicodedata.name('é'), unicodedata.normalize('NFD', 'é').encode())",
                    "LATIN SMALL LETTER E WITH ACUTE b'e\\xcc\\x81'"),
    "codecs": ("print('日本'.encode('shift_jis').hex(), codecs.decode('uryyb', 'rot13'), '中'.encode('gb18030').hex())",
               "93fa967b hello d6d0"),
    "struct": ("print(struct.unpack('<hIq', struct.pack('<hIq', -1, 2, 3)))", "(-1, 2, 3)"),
    "pickle": ("print(pickle.loads(pickle.dumps({'a': [1, (2, 3)], 'b': {4}})))", "{'a': [1, (2, 3)], 'b': {4}}"),
    "heapq": ("print(heapq.nsmallest(2, [5, 1, 4]), list(heapq.merge([1, 3], [2])))", "[1, 4] [1, 2, 3]"),
    "bisect": ("print(bisect.bisect([1, 3, 5], 3))", "2"),
    "enum": ("print(enum.Enum('C', 'A B').B.value)", "2"),
    "dataclasses": ("print(dataclasses.make_dataclass('P', ['x'])(1))", "P(x=1)"),
    "typing": ("print(typing.get_type_hints(typing.NamedTuple('P', [('x', int)])))", "{'x': <class 'int'>}"),
    "uuid": ("print(uuid.uuid5(uuid.NAMESPACE_DNS, 'python.org'), uuid.uuid4() != uuid.uuid4())",
             "886313e1-3b8a-5372-9b90-0c9aee199e5d True"),
    "secrets": ("print(len(secrets.token_hex(8)), secrets.token_bytes(8) != secrets.token_bytes(8))", "16 True"),
    "asyncio": ("async def f(n):\n    await asyncio.sleep(0.01)\n    return n\n"
                "async def g(): return await asyncio.gather(f(1), f(2))\nprint(asyncio.run(g()))", "[1, 2]"),
    "inspect": ("import json\nprint(inspect.signature(json.loads).parameters['s'], "
                "inspect.getsource(json.loads).startswith('def loads'))", "s True"),
    "traceback": ("try: 1 / 0\nexcept ZeroDivisionError: print(traceback.format_exc().splitlines()[-1])",
                  "ZeroDivisionError: division by zero"),
    "logging": ("import sys\nlogging.basicConfig(stream=sys.stdout, format='%(levelname)s %(message)s')\nlogging.warning('w')", "WARNING w"),
    "argparse": ("p = argparse.ArgumentParser()\np.add_argument('--n', type=int)\nprint(p.parse_args(['--n', '3']).n)", "3"),
    "html": ("print(html.escape('<&>'), html.unescape('&eacute;'))", "&lt;&amp;&gt; é"),
    "urllib.parse": ("print(urllib.parse.urlencode({'a': 'x y'}), urllib.parse.urlparse('http://h/p?q').path)", "a=x+y /p"),
    "difflib": ("print(difflib.get_close_matches('appel', ['ape', 'apple']))", "['apple', 'ape']"),
    "ast": ("print(ast.literal_eval('[1, (2,)]'), ast.unparse(ast.parse('x=1')))", "[1, (2,)] x = 1"),
    "unittest": ("class T(unittest.TestCase):\n    def test(self): self.assertEqual(1, 1)\n"
                 "print(unittest.TextTestRunner(stream=open('/dev/null', 'w') if False else __import__('io').StringIO())"
                 ".run(unittest.defaultTestLoader.loadTestsFromTestCase(T)).wasSuccessful())", "True"),
    "email.message": ("m = email.message.EmailMessage(); m['Subject'] = 'hé'; m.set_content('x')\nprint('Subject' in m.as_string())", "True"),
    "locale": ("print(locale.getpreferredencoding(False).lower())", "utf-8"),
    "contextlib": ("with contextlib.suppress(KeyError): {}['x']\nprint('on')", "on"),
    "threading": ("l = threading.Lock()\nwith l: print(threading.current_thread().name)", "MainThread"),
}


class Modules(unittest.TestCase):
    pass


def add_module_test(name, code, expected):
    def test(self):
        done = shannon.run(f"import {name}\n{code}")
        self.assertEqual(done.stderr, "")
        self.assertIn(done.stdout.rstrip("\n"), expected.split("|"))

    setattr(Modules, "test_" + name.replace(".", "_"), test)


for module_name, (module_code, module_expected) in WORK.items():
    add_module_test(module_name, module_code, module_expected)


class Examples(unittest.TestCase):
    def prints(self, code, expected, **options):
        done = shannon.run(code, **options)
        self.assertEqual((done.stdout, done.stderr, done.returncode), (expected, "", 0))

    def test_hello(self):
        self.prints("print('Hello, Shannon!')", "Hello, Shannon!\n")

    def test_factorial_of_10(self):
        self.prints("def factorial(n):\n    return 1 if n <= 1 else n * factorial(n - 1)\nprint(factorial(10))", "3628800\n")

    def test_fibonacci(self):
        self.prints("def fib(n):\n    a, b = 0, 1\n    out = []\n    for _ in range(n):\n        out.append(a)\n"
                    "        a, b = b, a + b\n    return out\nprint(fib(20))", f"{FIBONACCI}\n")

    def test_stdin(self):
        self.prints("name = input()\nprint(f'Hello, {name}!')", "Hello, World!\n", stdin="World\n")

    def test_statistics(self):
        self.prints("import statistics\ndata = [10, 20, 30, 40, 50]\nprint(statistics.mean(data), statistics.stdev(data))",
                    f"30 {math.sqrt(250)}\n")

    def test_a_megabyte_of_json(self):
        code = ("import json, sys\ntext = sys.stdin.read()\ndata = json.loads(text)\n"
                "print(len(text) >= 1_000_000, len(data), sum(d['v'] for d in data), len(json.dumps(data)) == len(text))")
        items = [{"id": i, "name": f"item-{i}", "v": i % 10, "pad": "x" * 40} for i in range(12000)]
        import json
        text = json.dumps(items)
        self.prints(code, f"True 12000 {sum(i % 10 for i in range(12000))} True\n", stdin=text)

    def test_sort_10000_numbers(self):
        self.prints("import random\nd = [random.random() for _ in range(10000)]\ns = sorted(d)\n"
                    "print(len(s), all(a <= b for a, b in zip(s, s[1:])), sorted(s) == s)", "10000 True True\n")

    def test_factorial_of_1000(self):
        self.prints("import math\nprint(math.factorial(1000))", f"{math.factorial(1000)}\n")


class NotThere(unittest.TestCase):
    """What the sandbox does not have ends in the exception that portable code expects."""

    def raises(self, code, name, words=""):
        got = shannon.result(code)
        self.assertEqual((got["status"], got["error"] and got["error"]["name"]), ("error", name), got)
        self.assertIn(words, got["error"]["value"])

    def test_sockets(self):
        self.raises("import socket\nsocket.create_connection(('127.0.0.1', 80), 1)", "gaierror", "networking is not available")
        self.raises("import urllib.request\nurllib.request.urlopen('http://127.0.0.1/')", "URLError")

    def test_processes(self):
        self.raises("import subprocess\nsubprocess.run(['ls'])", "OSError", "process")
        self.raises("import os\nos.fork()", "AttributeError")
        self.raises("import os\nos.system('ls')", "AttributeError")

    def test_threads(self):
        self.raises("import threading\nthreading.Thread(target=print).start()", "RuntimeError", "can't start new thread")

    def test_modules(self):
        self.raises("import ctypes", "ModuleNotFoundError", "not available in the WebAssembly sandbox")
        self.raises("import ssl", "ModuleNotFoundError", "not available in the WebAssembly sandbox")
        self.raises("import numpy as np", "ModuleNotFoundError", "standard library")

    def test_portable_code_can_go_on(self):
        done = shannon.run("try:\n    import numpy\nexcept ImportError as e:\n    print('without', e.name)")
        self.assertEqual((done.stdout, done.returncode), ("without numpy\n", 0))

    def test_host_files(self):
        for path in ("/etc/passwd", "/proc/self/maps", "../etc/passwd", "/tmp/../etc/passwd"):
            self.raises(f"open({path!r})", "FileNotFoundError" if not path.startswith("..") else "FileNotFoundError")
        done = shannon.run("import os; print(sorted(os.listdir('/')), os.listdir('/tmp'), dict(os.environ))")
        self.assertEqual(done.stdout, "['tmp', 'usr'] [] {}\n")


tap.main(__name__)
