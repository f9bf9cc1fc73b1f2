"""Makes sockets of every family, type and protocol, pairs of them, servers and connections; and adopts descriptors."""
# expect: status=ok stdout="HELD\n"
import _socket
import socket
import attack

NO = attack.REFUSALS + (AttributeError, OverflowError, ValueError)  # what is not there is refused, too
for family in range(-1, 50):
    for kind in range(0, 8):
        for protocol in 0, 6, 17, 58, 255:
            attack.attempt(f"socket {family} {kind} {protocol}", socket.socket, family, kind, protocol, refusals=NO)
            attack.attempt(f"_socket {family} {kind}", _socket.socket, family, kind, protocol, refusals=NO)
for fd in range(0, 64):
    def adopted():
        taken = socket.socket(2, 1, 0, fileno=fd)
        try:
            for use in (lambda: taken.connect(("127.0.0.1", 80)), lambda: taken.send(b"x"), lambda: taken.recv(1),
                        lambda: taken.bind(("", 0)), taken.accept, taken.getpeername,
                        lambda: taken.setsockopt(1, 2, 3)):
                attack.attempt(f"use of {fd}", use, refusals=NO)
        finally:
            taken.detach()
        raise OSError("it was of no use")

    attack.attempt(f"fileno {fd}", adopted, refusals=NO)
    attack.attempt(f"fromfd {fd}", lambda: socket.fromfd(fd, 2, 1).listen(), refusals=NO)
for call in ("socketpair()", "create_connection(('127.0.0.1', 80), 1)", "create_connection(('::1', 80), 1)",
             "create_server(('', 0))", "create_connection(('example.com', 80), 1)", "fromshare(b'')", "if_nameindex()",
             "gethostbyaddr('127.0.0.1')", "getnameinfo(('127.0.0.1', 80), 0)", "gethostbyname('example.com')",
             "getaddrinfo('example.com', 80)", "gethostbyname_ex('example.com')", "getservbyname('http')",
             "sethostname('x')", "if_nametoindex('lo')", "CMSG_LEN(8)", "close(3)", "dup(1)", "send_fds", "recv_fds",
             "AF_UNIX", "AF_PACKET", "AF_NETLINK", "AF_VSOCK"):
    attack.attempt(call, eval, "socket." + call, {"socket": socket}, refusals=NO,
                   fine=lambda result: call == "close(3)" or result is None)
attack.end(4000)
