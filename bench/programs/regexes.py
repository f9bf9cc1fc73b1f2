"""re: a log file taken apart."""

import re

LINE = re.compile(r'^(?P<ip>\d+\.\d+\.\d+\.\d+) - (?P<user>\w+|-) \[(?P<when>[^\]]+)\] "(?P<what>[A-Z]+) (?P<path>\S+)" (?P<code>\d{3})$')


def main():
    log = "\n".join(
        f'10.0.{i % 256}.{i * 7 % 256} - {"user%d" % (i % 9) if i % 3 else "-"} [2024-01-{i % 28 + 1:02}] "GET /page/{i}?q={i % 13}" {200 + i % 5}'
        for i in range(6000)
    )
    codes = {}
    for _ in range(3):
        for line in log.split("\n"):
            match = LINE.match(line)
            codes[match["code"]] = codes.get(match["code"], 0) + 1
        queries = re.findall(r"\?q=(\d+)", log)
        replaced = re.sub(r"user(\d)", lambda m: "u" + str(int(m[1]) + 1), log)
    assert sum(codes.values()) == 18000 and len(queries) == 6000 and "u9" in replaced
