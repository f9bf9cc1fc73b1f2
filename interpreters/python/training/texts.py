"""Strings: building, splitting, formatting, regular expressions, templates, encodings, parsing by hand."""

import base64
import csv
import difflib
import hashlib
import io
import re
import string
import textwrap
import unicodedata
import zlib
from html import escape

WORDS = "alpha beta gamma delta epsilon zeta eta theta iota kappa".split()
TOKEN = re.compile(r"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z_]\w*)|(?P<op>\*\*|[-+*/()=]))")


def tokens(source):
    at = 0
    while at < len(source):
        match = TOKEN.match(source, at)
        if not match:
            break
        yield match.lastgroup, match.group(match.lastgroup)
        at = match.end()
    yield "end", ""


class Parser:
    def __init__(self, source):
        self.tokens = list(tokens(source))
        self.at = 0

    def peek(self):
        return self.tokens[self.at]

    def next(self):
        token = self.tokens[self.at]
        self.at += 1
        return token

    def sum(self):
        value = self.product()
        while self.peek()[1] in ("+", "-"):
            value = value + self.product() if self.next()[1] == "+" else value - self.product()
        return value

    def product(self):
        value = self.atom()
        while self.peek()[1] in ("*", "/"):
            value = value * self.atom() if self.next()[1] == "*" else value / (self.atom() or 1)
        return value

    def atom(self):
        kind, text = self.next()
        if text == "(":
            value = self.sum()
            self.next()
            return value
        if kind == "number":
            return float(text)
        return float(len(text))


def caesar(text, shift):
    out = []
    for ch in text:
        if ch.isalpha():
            base = ord("a") if ch.islower() else ord("A")
            out.append(chr((ord(ch) - base + shift) % 26 + base))
        else:
            out.append(ch)
    return "".join(out)


def main():
    lines = [f"{i:04d} {WORDS[i % 10]:<8}|{WORDS[i * 7 % 10].upper():>8} {i / 7:.3f} {i!r} {'x' * (i % 5)}" for i in range(4000)]
    text = "\n".join(lines)
    counts = {}
    for word in text.split():
        word = word.strip(string.punctuation).lower()
        counts[word] = counts.get(word, 0) + 1
    for i in range(700):
        Parser(f"({i} + 3) * value_{i} - 4.5 / (x + {i % 9})").sum()
    caesar(text[:9000], 3)
    found = re.findall(r"(\d{4})\s+(\w+)\s*\|", text)
    swapped = re.sub(r"(\w+)\|(\s*)(\w+)", lambda m: m.group(3) + "|" + m.group(1), text[:30000])
    split = [re.split(r"[\s|]+", line) for line in lines[:1200]]
    mails = [bool(re.fullmatch(r"[\w.+-]+@[\w-]+\.[\w.]+", f"user{i}@mail{i % 9}.example.org")) for i in range(1500)]
    out = io.StringIO()
    writer = csv.writer(out)
    for i in range(1500):
        writer.writerow([i, WORDS[i % 10], "a,b", 'say "hi"', i * 1.5])
    rows = list(csv.DictReader(io.StringIO("a,b,c,d,e\n" + out.getvalue())))
    data = text.encode()
    packed = zlib.compress(data)
    digest = hashlib.sha256(data).hexdigest() + hashlib.md5(packed).hexdigest()
    coded = base64.b64encode(packed)
    assert zlib.decompress(base64.b64decode(coded)) == data
    wrapped = textwrap.fill(" ".join(WORDS * 60), 50)
    plain = unicodedata.normalize("NFKD", "Crème Brûlée déjà vu " * 50).encode("ascii", "ignore").decode()
    close = difflib.get_close_matches("gama", WORDS)
    page = "".join("<li class='%s'>%s</li>" % (w, escape(line)) for w, line in zip(WORDS * 60, lines))
    table = str.maketrans("aeiou", "AEIOU")
    template = string.Template("$a and ${b}")
    joined = [template.substitute(a=i, b=w).translate(table).replace("and", "&").title() for i, w in enumerate(WORDS * 30)]
    palindromes = sum(1 for i in range(9000) if str(i) == str(i)[::-1])
    reverse = " ".join(reversed(wrapped.split()))
    return len(counts), len(found), swapped[:3], split[0], sum(mails), rows[0], digest[:5], plain[:5], close, page[:9], joined[0], palindromes, reverse[:4], text.count("eta"), text.find("zzz"), text.partition(" ")[0]


main()
