"""Draws from everything that gives random values: none may come from the state that all executions start with."""
# expect: status=ok stdout="HELD\n"
import hashlib
import os
import random
import secrets
import tempfile
import uuid
import attack

attack.check("the state of random", random.getstate() != random.Random(0).getstate()
             and random.random() != random.Random(0).random())
attack.check("urandom", os.urandom(16) != os.urandom(16) and len(set(os.urandom(10000))) == 256)
values = [uuid.uuid1().hex, uuid.uuid4().hex, secrets.token_hex(), next(tempfile._RandomNameSequence())]
attack.check("values", len(set(values)) == 4)
attack.check("distribution", 4500 < sum(random.random() < 0.5 for _ in range(10000)) < 5500)
attack.check("digest", len(hashlib.sha256(os.urandom(1 << 20)).hexdigest()) == 64)
attack.end(5)
