"""Writes native_sources.c: the given files as C strings. Usage: embed.py OUT FILE..."""

import os
import sys


def main():
    out, *paths = sys.argv[1:]
    lines = ['#include "wasm/native_sources.h"', "", "const sn_native_source sn_native_sources[SN_NATIVE_SOURCES] = {"]
    for path in paths:
        with open(path, encoding="ascii") as file:
            text = file.read()
        lines.append(f'    {{"{os.path.basename(path)}",')
        for line in text.splitlines():
            escaped = line.replace("\\", "\\\\").replace('"', '\\"').replace("?", "\\?")
            lines.append(f'     "{escaped}\\n"')
        lines.append(f"     , {len(text)}}},")
    lines.append("};")
    with open(out, "w", encoding="ascii") as file:
        file.write("\n".join(lines) + "\n")


main()
