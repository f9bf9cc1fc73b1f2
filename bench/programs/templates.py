"""String building: a table rendered as HTML, escaped, joined and formatted."""

from html import escape
from string import Template

ROW = Template("<tr class='$kind'><td>$number</td><td>$name</td><td>$price</td></tr>")


def main():
    for _ in range(6):
        rows = []
        for number in range(3000):
            rows.append(ROW.substitute(kind="odd" if number % 2 else "even", number=number,
                                       name=escape(f"item <{number}> & co"), price="{:>10,.2f}".format(number * 1.25)))
        page = "<table>\n" + "\n".join(rows) + "\n</table>"
        assert page.count("&lt;") == 3000
