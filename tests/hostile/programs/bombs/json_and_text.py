"""JSON, TOML, CSV, e-mail and dates with values that parsers stumble over."""
# option: --memory 96 --timeout 10
# expect: status=ok stdout="HELD\n" within=9
import configparser
import csv
import datetime
import email
import html.parser
import json
import plistlib
import string
import textwrap
import tomllib
import unicodedata
import urllib.parse
import xml.parsers.expat
import attack

NO = (xml.parsers.expat.ExpatError, MemoryError, OverflowError, ValueError, RecursionError, KeyError, csv.Error,
      configparser.Error, AttributeError, IndexError, TypeError)
for what, function in {
        "json nested": lambda: json.loads("[" * 10**6),
        "json objects": lambda: json.loads('{"a":' * 10**5 + "1" + "}" * 10**5),
        "json digits": lambda: json.loads("9" * 10**6), "toml nested": lambda: tomllib.loads("a = " + "[" * 100000),
        "plist": lambda: plistlib.loads(b"bplist00" + b"\xff" * 100),
        "plist deep": lambda: plistlib.loads(b"<plist>" + b"<array>" * 100000),
        "csv field": lambda: list(csv.reader(['"' + "x" * 10**6])),
        "config": lambda: configparser.ConfigParser().read_string("[a]\nx=%(x)s\n") or
        (lambda p: (p.read_string("[a]\nx=%(x)s\n"), p.get("a", "x")))(configparser.ConfigParser()),
        "year": lambda: datetime.datetime(1, 1, 1) - datetime.timedelta(10**9),
        "iso": lambda: datetime.datetime.fromisoformat("9" * 10**6),
        "strftime": lambda: datetime.datetime.now().strftime("%9999999999d" * 10)[1 << 60],
        "format fields": lambda: string.Formatter().format("{0" + "[0]" * 100000 + "}", [1]),
        "format depth": lambda: "{:{:{:{}}}}".format(1, 2, 3, 4),
        "template": lambda: string.Template("$" * 100001).substitute(), "name": lambda: unicodedata.lookup("x" * 10**6),
        "url": lambda: urllib.parse.urlsplit("http://[" * 10**5),
        "query": lambda: urllib.parse.parse_qs("a=1&" * 10**6, max_num_fields=10),
        "wrap": lambda: textwrap.wrap("x" * 10**5, 0)}.items():
    attack.attempt(what, function, refusals=NO)
html.parser.HTMLParser().feed("<a " * 3000 + "&#" + "9" * 1000 + ";" + "<!--" * 1000)
message = email.message_from_string("".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n"
                                            for n in range(300)))
attack.check("a message", message.is_multipart())
attack.end(18)
