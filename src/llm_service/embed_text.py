"""Writes a C file with a text in it, as `const char NAME[]`. Usage: embed_text.py OUT NAME HEADER FILE"""

import json
import sys


def main():
    out, name, header, path = sys.argv[1:]
    with open(path, encoding="ascii") as file:
        text = json.dumps(json.load(file), separators=(",", ":"))  # what is no JSON ends here
    lines = [f'#include "{header}"', "", f"const char {name}[] = {{"]
    lines += ["    " + " ".join(f"{ord(c)}," for c in text[at:at + 24]) for at in range(0, len(text), 24)]
    with open(out, "w", encoding="ascii") as file:
        file.write("\n".join([*lines, "    0};"]) + "\n")


main()
