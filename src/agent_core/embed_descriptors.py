"""Writes descriptors.c: the files of a FileDescriptorSet, and the names in them. Usage: embed_descriptors.py OUT SET

It reads the few fields of google/protobuf/descriptor.proto that it needs by itself, so that building takes no package."""

import sys


def number(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def fields(data):
    """(number, bytes) of each field that has a length; the others are of no use here."""
    at = 0
    while at < len(data):
        tag, at = number(data, at)
        if tag & 7 == 2:
            length, at = number(data, at)
            yield tag >> 3, data[at:at + length]
            at += length
        elif tag & 7 == 0:
            _, at = number(data, at)
        else:
            at += 8 if tag & 7 == 1 else 4


def named(data):
    return next(value for field, value in fields(data) if field == 1).decode()


def names_of_message(data, scope):
    """A message's, and those of what lies in it. Map entries are nobody's business, but are messages."""
    name = f"{scope}.{named(data)}"
    yield name
    for field, value in fields(data):
        if field == 2 or field == 8:  # field, oneof_decl
            yield f"{name}.{named(value)}"
        elif field == 3:  # nested_type
            yield from names_of_message(value, name)
        elif field == 4:  # enum_type
            yield from names_of_enum(value, name)


def names_of_enum(data, scope):
    yield f"{scope}.{named(data)}"
    for field, value in fields(data):
        if field == 2:  # its values belong to the scope around it
            yield f"{scope}.{named(value)}"


def names_of_file(data):
    package = next(value for field, value in fields(data) if field == 2).decode()
    for field, value in fields(data):
        if field == 4:
            yield from names_of_message(value, package)
        elif field == 5:
            yield from names_of_enum(value, package)
        elif field == 6:
            service = f"{package}.{named(value)}"
            yield service
            for inner, method in fields(value):
                if inner == 2:
                    yield f"{service}.{named(method)}"


def needed(name, imports):
    """The file, and all that it imports, however far away; each before what it imports itself."""
    found = []

    def visit(each):
        if each not in found:
            for other in imports[each]:
                visit(other)
            found.append(each)

    visit(name)
    return found[::-1]


def main():
    out, path = sys.argv[1:]
    with open(path, "rb") as file:
        files = [value for field, value in fields(file.read()) if field == 1]
    order = [named(file) for file in files]
    imports = {named(file): [value.decode() for field, value in fields(file) if field == 3] for file in files}
    lines = ['#include "agent_core/descriptors.h"', ""]
    for i, file in enumerate(files):
        lines.append(f"static const uint8_t file_{i}[] = {{")
        lines += ["    " + " ".join(f"{byte}," for byte in file[at:at + 24]) for at in range(0, len(file), 24)]
        lines.append("};")
        needs = ", ".join(str(order.index(name)) for name in needed(order[i], imports))
        lines.append(f"static const uint8_t needs_{i}[] = {{{needs}}};")
    lines.append("const sn_descriptor_file sn_descriptor_files[] = {")
    lines += [f'    {{"{name}", file_{i}, sizeof file_{i}, needs_{i}, sizeof needs_{i}}},' for i, name in enumerate(order)]
    lines.append("    {0}};")
    names = sorted((name, i) for i, file in enumerate(files) for name in names_of_file(file))
    lines.append("const sn_descriptor_name sn_descriptor_names[] = {")
    lines += [f'    {{"{name}", {i}}},' for name, i in names]
    lines.append("    {0}};")
    with open(out, "w", encoding="ascii") as file:
        file.write("\n".join(lines) + "\n")


main()
