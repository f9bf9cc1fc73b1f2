"""Databases and logs: sqlite3 that attaches, vacuums into, loads extensions and writes journals; logging to files."""
# expect: status=ok stdout="HELD\n"
import logging
import logging.handlers
import os
import sqlite3
import attack

NO = attack.REFUSALS + (sqlite3.Error, AttributeError)


def run(connection, text):
    return connection.execute(text).fetchall()


for path in ("/tmp/db", "db", "/db", "/etc/db", "/lib/db", "/tmp/attack.py", "file:/tmp/db?mode=rwc",
             "file:/etc/passwd?mode=ro", "/dev/shm/db"):
    def create():
        with sqlite3.connect(path, uri=True) as connection:
            connection.execute("create table t (a)")

    attack.attempt(f"sqlite3 {path}", create, refusals=NO)
memory = sqlite3.connect(":memory:")
attack.check("a database in memory works", run(memory, "select 6 * 7") == [(42,)])
for text in ("attach '/tmp/db' as d; ", "attach '/etc/passwd' as p", "vacuum into '/tmp/db'", "vacuum into '../db'",
             "select load_extension('/lib/x.so')", "select readfile('/etc/passwd')", "select writefile('/tmp/db', 'x')",
             "select edit('x')", "select fts3_tokenizer('simple', x'41414141')",
             "create virtual table v using csv(filename='/etc/passwd')",
             "select * from dbstat('/etc/passwd')", "select * from fsdir('/')"):
    def both():
        rows = run(memory, text)
        # attaching makes no file; writing to it would
        run(memory, "create table d.t (a)" if "attach" in text and " d" in text else "select 1 from p.sqlite_master")
        return rows

    attack.attempt(text, both, refusals=NO)
run(memory, "create table big (a)")
for pragma in ("journal_mode = wal", "journal_mode = delete", "temp_store = file", "temp_store_directory = '/tmp'",
               "mmap_size = 1000000000", "writable_schema = on", "trusted_schema = on", "hexkey = '00'",
               "cell_size_check = off", "page_size = 65536"):
    attack.attempt(pragma, run, memory, f"pragma {pragma}", refusals=NO, fine=lambda rows: True)
attack.attempt("enable_load_extension", getattr, memory, "enable_load_extension", refusals=NO)
attack.attempt("backup", lambda: memory.backup(sqlite3.connect("/tmp/backup")), refusals=NO)
run(memory,
    "create temp table spill as with recursive n(i) as (select 1 union all select i + 1 from n limit 200000) "
    "select i from n")
count = run(memory, "select count(*) from spill order by 1")
attack.check("a large temporary table is in memory", count == [(200000,)])
for make in (logging.FileHandler, logging.handlers.RotatingFileHandler, logging.handlers.WatchedFileHandler,
             logging.handlers.TimedRotatingFileHandler):
    for path in "/tmp/log", "log", "/var/log/log", "/tmp/attack.py":
        attack.attempt(f"{make.__name__} {path}", make, path)
for address in "/dev/log", ("localhost", 514):
    attack.attempt(f"syslog {address}", lambda: logging.handlers.SysLogHandler(address).emit(logging.makeLogRecord({}))
                   or 1,
                   refusals=NO)
attack.check("nothing is new", os.listdir("/tmp") == ["attack.py"])
attack.end(35)
