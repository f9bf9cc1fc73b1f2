"""Sources that are hard to compile: nested extremely, very wide, huge constants folded, names without an end."""
# option: --memory 128 --timeout 10
# expect: status=ok stdout="HELD\n"
import ast
import tokenize
import attack

NO = (MemoryError, RecursionError, SyntaxError, ValueError, OverflowError)
for text in ("(" * 100000, "(" * 199 + ")" * 199, "[" * 100000 + "]" * 100000, "-" * 100000 + "1",
             "not " * 100000 + "1", "x" + "[0]" * 100000, "x" + "()" * 50000, "a" + ".b" * 50000,
             "lambda:" * 50000 + "0", "1" + "+1" * 50000, "1" + "**1" * 5000,
             "f'" + "{" * 10000,
             "if 1:\n" + "".join(" " * n + "if 1:\n" for n in range(1, 150)), "x = " + "yield " * 50000,
             "a:" * 50000 + "b", "\n".join(f"{'  ' * n}for a{n} in b:" for n in range(50)) + " pass",
             "try: pass\n" + "except: pass\n" * 50000, "'" + "\\N{DIGIT ONE}" * 1000, "'\\N{" + "x" * 100000 + "}'",
             "\\\n" * 100000, "#" * 1000000, "@a\n" * 50000, "def f(" + "a," * 300,
             "match 1:\n case " + "(" * 500 + "1" + ")" * 500 + ": pass", "x = " + "9" * 100000, "0x" + "f" * 1000000,
             "1e" + "9" * 100000):
    attack.attempt(text[:20], compile, text, "bomb", "exec", refusals=NO,
                   fine=lambda code: len(code.co_code) < 2_000_000)
    attack.attempt(text[:20], ast.parse, text, refusals=NO, fine=lambda tree: True)
for text in ("(1 << 100000) << 100000 << 100000000", "'x' * 1000 * 1000 * 1000 * 1000", "(0,) * 10000 * 10000 * 10000",
             "2 ** 10000 ** 3 if 0 else 1", "'%1000000000d' % 1 if 0 else 1", "-(-(2**1000000)) if 0 else 1"):
    attack.attempt(text, compile, text, "folded", "eval", refusals=NO, fine=lambda code: sum(map(len,
        map(repr, code.co_consts))) < 100000)
# Trees that no parser makes.
for make in (lambda: ast.Expression(ast.Name("x", ast.Store())), lambda: ast.Expression(ast.Constant(object())),
             lambda: ast.Module([ast.Pass()], []),
             lambda: ast.Expression(ast.BinOp(None, None, None)),
             lambda: ast.Expression(ast.JoinedStr([ast.JoinedStr([])])),
             lambda: ast.Module([ast.Break()], []), lambda: ast.Expression(ast.Starred(ast.Constant(1), ast.Load())),
             lambda: ast.Module([None], []),
             lambda: ast.Module([ast.Return(ast.Constant(1))], []), lambda: ast.Module([ast.FunctionDef("f", None, [],
                 [])], [])):
    tree = ast.fix_missing_locations(make())
    attack.attempt(ast.dump(tree), lambda: compile(tree, "made", "eval" if isinstance(tree,
        ast.Expression) else "exec"),
                   refusals=NO + (TypeError, AttributeError), fine=lambda code: True)
cycle = ast.BinOp(ast.Constant(1), ast.Add(), None, lineno=1, col_offset=0)
cycle.right = cycle
cycle.end_lineno = cycle.end_col_offset = cycle.left.lineno = cycle.left.col_offset = 1
attack.attempt("cycle", lambda: compile(ast.Expression(cycle), "cycle", "eval"), refusals=NO)
attack.attempt("cycle", lambda: ast.unparse(cycle), refusals=NO)
attack.attempt("literal", ast.literal_eval, "(" * 10000, refusals=NO)
attack.attempt("tokens", lambda: list(tokenize.generate_tokens(iter(["(" * 100000]).__next__)),
               refusals=NO + (tokenize.TokenError,), fine=lambda _: True)
attack.end(70)
