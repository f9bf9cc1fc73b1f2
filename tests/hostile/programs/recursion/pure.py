"""Recursion without an end, in all the ways Python calls Python."""
# expect: status=ok stdout="HELD\n"
import copy
import functools
import json
import operator
import pickle
import re
import attack


def call(n):
    return call(n + 1)


class Deep:
    def __repr__(self):
        return repr(self)

    def __eq__(self, other):
        return self == other

    def __lt__(self, other):
        return self < other

    def __hash__(self):
        return hash(self)

    def __getattr__(self, name):
        return getattr(self, name + "x")

    def __getitem__(self, key):
        return self[key]

    def __call__(self):
        return self()

    def __iter__(self):
        return iter(self)

    def __bool__(self):
        return bool(self)

    def __len__(self):
        return len(self)

    def __int__(self):
        return int(self)

    def __index__(self):
        return operator.index(self)

    def __format__(self, spec):
        return format(self)

    def __contains__(self, item):
        return item in self

    def __reduce__(self):
        return copy.copy(self).__reduce__()

    def __instancecheck__(self, other):
        return isinstance(other, self)

    def __enter__(self):
        with self:
            pass

    def __exit__(self, *exception):
        pass


def generate():
    yield from generate()


def nest(make):
    made = make(None)
    for _ in range(100000):
        made = make(made)
    return made


deep = Deep()
functions = [lambda: call(0), lambda: repr(deep), lambda: deep == 1, lambda: sorted([deep, deep]), lambda: hash(deep),
             lambda: deep.x,
             lambda: deep[0], lambda: deep(), lambda: iter(deep), lambda: bool(deep), lambda: len(deep),
             lambda: int(deep),
             lambda: operator.index(deep), lambda: format(deep), lambda: 1 in deep, lambda: pickle.dumps(deep),
             lambda: isinstance(1, deep),
             lambda: deep.__enter__(), lambda: next(generate()), lambda: repr(nest(lambda x: [x])),
             lambda: json.dumps(nest(lambda x: [x])),
             lambda: json.loads("[" * 100000), lambda: json.loads('{"a":' * 100000),
             lambda: nest(lambda x: (x,)) == nest(lambda x: (x,)),
             lambda: hash(nest(lambda x: (x,))), lambda: copy.deepcopy(nest(lambda x: [x])),
             lambda: pickle.dumps(nest(lambda x: [x])),
             lambda: functools.reduce(lambda f, _: functools.partial(f), range(100000), int)(),
             lambda: isinstance(1, nest(lambda x: (x,) if x else (int, str) and (str,))),
             lambda: functools.reduce(lambda f, _: (lambda: f()), range(100000), lambda: 0)(),
             lambda: next(functools.reduce(lambda g, _: map(abs, g), range(100000), iter([1]))),
             lambda: re.compile("(" * 5000 + ")" * 5000), lambda: exec("(" * 100000), lambda: exec("-" * 100000 + "1"),
             lambda: exec("x" + ".x" * 100000), lambda: eval("+".join(["1"] * 100000)),
             lambda: eval("lambda: " * 100000 + "0")]
LINEAR = 24, 27, 30  # walked by C without a count; the guest's stack bears so many
for number, function in enumerate(functions):
    attack.attempt(number, function, refusals=attack.REFUSALS + (RecursionError, re.error, SyntaxError, OverflowError),
                   fine=lambda result: number in LINEAR)
attack.end(37)
