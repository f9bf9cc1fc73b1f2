"""What model-written programs import most: json, pickle, datetime, sqlite3, copy, enum, pathlib, xml, argparse, logging, ..."""

import argparse
import ast
import calendar
import configparser
import copy
import enum
import io
import json
import logging
import pathlib
import pickle
import sqlite3
import struct
import typing
import uuid
import xml.etree.ElementTree as ElementTree
from datetime import date, datetime, timedelta, timezone


class Color(enum.Enum):
    RED = 1
    GREEN = 2


class Level(enum.IntFlag):
    LOW = 1
    HIGH = 2


def records(n):
    return [{"id": i, "name": f"n{i}", "score": i * 0.25, "tags": ["a", str(i)], "on": i % 2 == 0, "up": None} for i in range(n)]


def database():
    db = sqlite3.connect(":memory:")
    db.execute("create table sales (id integer primary key, region text, amount real, day text)")
    db.executemany("insert into sales (region, amount, day) values (?, ?, ?)",
                   [("nesw"[i % 4], i * 1.5, f"2024-{i % 12 + 1:02}-01") for i in range(5000)])
    db.execute("create index by_region on sales (region)")
    rows = db.execute("select region, count(*), sum(amount), avg(amount) from sales group by region order by 3 desc").fetchall()
    for i in range(500):
        db.execute("select amount from sales where id = ?", (i,)).fetchone()
    db.execute("update sales set amount = amount * 1.1 where region = 'n'")
    return rows


def main():
    data = records(1500)
    for _ in range(3):
        text = json.dumps(data)
        back = json.loads(text)
    pretty = json.dumps(data[:300], indent=2, sort_keys=True)
    json.loads(pretty)
    pickle.loads(pickle.dumps(data))
    copy.deepcopy(data[:400])
    day = date(2024, 1, 1)
    days = [(day + timedelta(days=i)).strftime("%Y-%m-%d %a") for i in range(1200)]
    stamps = [datetime(2024, 1, 1, tzinfo=timezone.utc) + timedelta(minutes=17 * i) for i in range(1500)]
    parsed = [datetime.fromisoformat(s.isoformat()) for s in stamps]
    [datetime.strptime(d[:10], "%Y-%m-%d") for d in days[:300]]
    calendar.TextCalendar().formatyear(2024)
    rows = database()
    root = ElementTree.Element("items")
    for i in range(600):
        item = ElementTree.SubElement(root, "item", id=str(i))
        ElementTree.SubElement(item, "name").text = f"name {i}"
    again = ElementTree.fromstring(ElementTree.tostring(root))
    names = [e.text for e in again.iter("name")]
    packed = b"".join(struct.pack("<IdH", i, i / 3, i % 9) for i in range(3000))
    unpacked = list(struct.iter_unpack("<IdH", packed))
    log = logging.getLogger("train")
    log.addHandler(logging.StreamHandler(io.StringIO()))
    log.propagate = False
    for i in range(700):
        log.warning("message %d of %s", i, "log")
    tree = ast.parse("\n".join(f"def f{i}(a, b={i}):\n    return [a + b * x for x in range({i}) if x % 2]" for i in range(150)))
    compiled = compile(tree, "<tree>", "exec")
    source = "\n".join(f"x{i} = {{'a': {i}, 'b': [1, 2, {i}]}}\nif x{i}['a'] > 3: y = x{i}" for i in range(250))
    exec(compile(source, "<source>", "exec"), {})
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=3)
    parser.add_argument("files", nargs="*")
    parser.parse_args(["--count", "5", "a", "b"])
    config = configparser.ConfigParser()
    config.read_string("[a]\nx = 1\ny = %(x)s2\n[b]\nz = yes\n")
    paths = [pathlib.PurePosixPath("/data") / str(i) / "file.tar.gz" for i in range(1500)]
    suffixes = {p.suffix + p.stem + p.parent.name for p in paths}
    ids = {str(uuid.uuid5(uuid.NAMESPACE_DNS, str(i))) for i in range(500)}
    kinds = [Color(1 + i % 2).name for i in range(3000)] + [str(Level(i % 4)) for i in range(500)]
    hints = typing.get_type_hints(typing.NamedTuple("N", [("a", int), ("b", "typing.List[int]")]))
    return len(back), rows[0], len(names), unpacked[5], len(suffixes), len(ids), kinds[0], bool(compiled), parsed[0] == stamps[0], config["a"]["y"], len(hints)


main()
