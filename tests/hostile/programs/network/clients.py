"""Every client of the standard library, to this machine, to its neighbours, to cloud metadata, to the world."""
# expect: status=ok stdout="HELD\n"
import asyncio
import ftplib
import http.client
import http.server
import imaplib
import poplib
import select
import smtplib
import socketserver
import urllib.request
import wsgiref.simple_server
import xmlrpc.client
import xmlrpc.server
import attack

NO = attack.REFUSALS + (AttributeError, RuntimeError)


async def connect(host):
    await asyncio.open_connection(host, 80)


async def serve():
    return (await asyncio.start_server(print, "127.0.0.1", 0)).sockets


async def datagrams(host):
    await asyncio.get_running_loop().create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=(host, 53))


async def unix(host):
    await asyncio.open_unix_connection("/run/docker.sock")


for host in ("127.0.0.1", "localhost", "169.254.169.254", "::1", "0.0.0.0", "192.168.0.1", "example.com",
             "metadata.google.internal", ""):
    for url in f"http://{host}/", f"https://{host}/", f"ftp://{host}/", f"http://user:secret@{host}:22/", f"//{host}/":
        attack.attempt(url, urllib.request.urlopen, url, timeout=1, refusals=NO + (ValueError,))
        attack.attempt(url, urllib.request.urlretrieve, url, refusals=NO + (ValueError,))
    for client in http.client.HTTPConnection, http.server.HTTPServer:
        attack.attempt(f"{client.__name__} {host}", lambda: client(host, 80).request("GET", "/"),
                       refusals=NO + (TypeError,))
    for client in ftplib.FTP, smtplib.SMTP, poplib.POP3, imaplib.IMAP4:
        attack.attempt(f"{client.__name__} {host}", client, host, refusals=NO,
                       fine=lambda made: not host)  # without a host they do not connect
    for server in socketserver.TCPServer, socketserver.UDPServer, http.server.ThreadingHTTPServer, \
            wsgiref.simple_server.WSGIServer, xmlrpc.server.SimpleXMLRPCServer:
        attack.attempt(f"{server.__name__} {host}", lambda: server((host, 0), None), refusals=NO)
    attack.attempt(f"xmlrpc {host}", lambda: xmlrpc.client.ServerProxy(f"http://{host}/").system.listMethods(),
                   refusals=NO + (ValueError,))
    for coroutine in connect, datagrams, unix:
        attack.attempt(f"{coroutine.__name__} {host}", lambda: asyncio.run(coroutine(host)) or 1, refusals=NO)
# A server without a socket serves nobody.
attack.attempt("serve", lambda: asyncio.run(serve()), refusals=NO, fine=lambda sockets: not sockets)
for module in ("ssl", "_ssl", "fcntl", "termios", "_posixshmem", "syslog", "mmap", "resource", "_ctypes", "ctypes",
               "cffi"):
    attack.attempt(module, __import__, module)
attack.attempt("epoll", lambda: select.epoll(), refusals=NO)
attack.end(200)
