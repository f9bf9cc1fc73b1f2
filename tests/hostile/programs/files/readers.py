"""Reads files of the host with everything in the standard library that opens a path."""
# expect: status=ok stdout="HELD\n"
import _io
import bz2
import codecs
import configparser
import dbm
import filecmp
import fileinput
import glob
import gzip
import hashlib
import importlib.machinery
import importlib.util
import io
import linecache
import lzma
import mimetypes
import netrc
import os
import pathlib
import pkgutil
import runpy
import shutil
import sqlite3
import tarfile
import tokenize
import urllib.request
import xml.etree.ElementTree
import xml.sax
import zipfile
import zipimport
import zoneinfo
import attack

PATHS = ["/etc/passwd", "/etc/hostname", "/etc/shadow", "/proc/self/environ", "/proc/self/maps", "/proc/self/mem",
         "/proc/1/cmdline", "/proc/mounts", "/dev/null", "/dev/zero", "/dev/mem", "/dev/urandom", "/dev/tty",
         "/dev/stdin", "/dev/fd/0", "/sys/kernel", "/root/.bashrc", "/home", "/usr/bin/env", "/bin/sh", "/boot",
         "/var/log", "/run"]
REFUSED = attack.REFUSALS + (sqlite3.OperationalError, zipimport.ZipImportError, dbm.error[0], UnicodeDecodeError)


def read_xml(path):
    xml.sax.parse("file://" + path, xml.sax.ContentHandler())


def with_loader(path):
    return importlib.machinery.SourceFileLoader("x", path).get_data(path)


def with_sqlite(path):
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True).execute("select * from sqlite_master").fetchall()


READERS = [open, io.open, io.open_code, io.FileIO, _io.open, os.listdir, os.stat, os.lstat, os.readlink, os.chdir,
           codecs.open,
           gzip.open, bz2.open, lzma.open, tokenize.open, zipfile.ZipFile, tarfile.open, zipimport.zipimporter,
           netrc.netrc,
           runpy.run_path, xml.etree.ElementTree.parse, read_xml, with_loader, with_sqlite, dbm.whichdb,
           lambda path: os.open(path, os.O_RDONLY), lambda path: os.open(path, os.O_RDONLY | os.O_DIRECTORY),
           lambda path: pathlib.Path(path).read_bytes(), lambda path: list(fileinput.input(path)),
           lambda path: list(os.scandir(path)), lambda path: shutil.copyfile(path, "/tmp/copy"),
           lambda path: filecmp.cmp(path, path), lambda path: urllib.request.urlopen("file://" + path).read(),
           lambda path: hashlib.file_digest(open(path, "rb"), "sha256"),
           lambda path: importlib.machinery.ExtensionFileLoader("x", path).create_module(
               importlib.util.spec_from_loader("x", importlib.machinery.ExtensionFileLoader("x", path)))]
# These say no by an empty answer.
ASKERS = [os.path.exists, os.path.lexists, os.path.isfile, os.path.isdir, os.path.islink, os.path.ismount, glob.glob,
          linecache.getlines, configparser.ConfigParser().read, lambda path: list(os.walk(path)),
          mimetypes.read_mime_types,
          lambda path: os.access(path, os.F_OK), lambda path: pkgutil.find_loader(path.strip("/")),
          lambda path: list(pkgutil.iter_modules([path]))]

with open("/tmp/attack.py", "rb") as file:  # the same way does open what is there
    attack.check("an input can be read", len(file.read()) > 100)
for path in PATHS:
    for number, reader in enumerate(READERS):
        attack.attempt(f"reader {number} of {path}", reader, path, refusals=REFUSED + (AttributeError,),
                       fine=lambda result: result is None)
    for number, asker in enumerate(ASKERS):
        attack.attempt(f"asker {number} of {path}", asker, path, fine=lambda result: not result)
for key in "../../../etc/passwd", "/etc/passwd", "Europe/../../../../../../etc/passwd":
    attack.attempt(key, zoneinfo.ZoneInfo, key, refusals=(ValueError, OSError))
attack.attempt("root", os.listdir, "/", fine=lambda names: sorted(names) == ["tmp", "usr"])
attack.end(1000)
