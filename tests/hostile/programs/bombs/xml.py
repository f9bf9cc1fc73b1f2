"""XML that multiplies itself, refers to files and networks, and nests deeply."""
# option: --memory 96 --timeout 10
# expect: status=ok stdout="HELD\n"
import io
import xml.dom.minidom
import xml.etree.ElementTree
import xml.parsers.expat
import xml.sax
import xml.sax.handler
import attack

NO = (MemoryError, xml.etree.ElementTree.ParseError, xml.parsers.expat.ExpatError, xml.sax.SAXException, OSError,
      RecursionError, ValueError)
laughs = '<!DOCTYPE a [<!ENTITY l0 "ha">' + "".join(
    f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12)) + "]><a>&l11;</a>"
blowup = '<!DOCTYPE a [<!ENTITY l "' + "x" * 500000 + '">]><a>' + "&l;" * 5000 + "</a>"
for text in laughs, blowup:
    for parse in xml.etree.ElementTree.fromstring, xml.dom.minidom.parseString, \
            lambda text: xml.sax.parseString(text, xml.sax.handler.ContentHandler()) or 1:
        attack.attempt(f"multiplied {text[:40]}", parse, text, refusals=NO)


class Collector(xml.sax.handler.ContentHandler):
    def __init__(self):
        self.text = ""

    def characters(self, content):
        self.text += content


def sax(text):
    collector = Collector()
    parser = xml.sax.make_parser()
    parser.setFeature(xml.sax.handler.feature_external_ges, True)
    parser.setContentHandler(collector)
    parser.parse(io.StringIO(text))
    return collector.text


def expat(text):
    seen = []

    def outside(context, base, system, public):
        if not system:  # the DTD that every document is said to have
            return 1
        with open(system.removeprefix("file://")) as file:
            seen.append(file.read())
        return 1

    parser = xml.parsers.expat.ParserCreate()
    parser.SetParamEntityParsing(xml.parsers.expat.XML_PARAM_ENTITY_PARSING_ALWAYS)
    parser.UseForeignDTD(True)
    parser.ExternalEntityRefHandler = outside
    parser.Parse(text, True)
    return "".join(seen)


for system in ("file:///etc/passwd", "/etc/passwd", "http://localhost/", "file:///proc/self/environ",
               "ftp://localhost/x", "../etc/passwd"):
    text = f'<!DOCTYPE a [<!ENTITY e SYSTEM "{system}">]><a>&e;</a>'
    parameter = f'<!DOCTYPE a [<!ENTITY % e SYSTEM "{system}"> %e;]><a/>'
    for parse in sax, expat:
        attack.attempt(f"outside {system}", parse, text, refusals=NO, fine=lambda text: text == "")
        attack.attempt(f"parameter {system}", parse, parameter, refusals=NO, fine=lambda text: text == "")
deep = "<a>" * 200000 + "</a>" * 200000
attack.attempt("deep", lambda: xml.etree.ElementTree.tostring(xml.etree.ElementTree.fromstring(deep)), refusals=NO)
attack.end(30)
