"""Wrong inputs, each with the one line it gets: what, where, why, and the way out."""

import pytest

from symgrad.errors import InputError, ShapeError, SymgradError, UnsupportedError
from symgrad.reading.door import read_file, read_text

HEAD = 'def f(x: "n", A: "n n", c: ""):\n'

BODIES = [
    (
        "y = A @ x\nreturn y + foo",
        InputError,
        'foo in "return y + foo" (m.py, line 3): it is not declared; make it an argument, or assign it first',
    ),
    (
        "y = jnp.tanhh(x)\nreturn y",
        UnsupportedError,
        'jnp.tanhh in "y = jnp.tanhh(x)" (m.py, line 2): the function tanhh is not known, the operations read'
        " are listed in docs/operations.md. Did you mean tanh?",
    ),
    (
        "y = jnp.linalg.foo(x)\nreturn y",
        UnsupportedError,
        'jnp.linalg.foo in "y = jnp.linalg.foo(x)" (m.py, line 2): foo is not supported, the '
        "operations read are listed in docs/operations.md",
    ),
    (
        "return x.summ()",
        UnsupportedError,
        'x.summ in "return x.summ()" (m.py, line 2): the array method .summ is not known. Did you mean sum?',
    ),
    (
        "return 2**10**10 * x",
        InputError,
        'power in "return 2**10**10 * x" (m.py, line 2): the number is beyond float64; scale the problem',
    ),
    (
        "return 1e999 * x",
        InputError,
        'the number in "return 1e999 * x" (m.py, line 2): the number is beyond float64; write jnp.inf for infinity',
    ),
    (
        "return 1j * x",
        UnsupportedError,
        '1j in "return 1j * x" (m.py, line 2): a complex literal is not read; numbers are real',
    ),
    (
        "return b'a' * x",
        UnsupportedError,
        "b'a' in \"return b'a' * x\" (m.py, line 2): a bytes literal is not read; numbers are real",
    ),
    (
        "return x / 0",
        InputError,
        'divide in "return x / 0" (m.py, line 2): a division by zero',
    ),
    (
        "return 0**-1 * x",
        InputError,
        'power in "return 0**-1 * x" (m.py, line 2): a division by zero',
    ),
    (
        "return (-8) ** 0.5 * x",
        InputError,
        'power in "return (-8) ** 0.5 * x" (m.py, line 2): a fractional power of a negative number is no real number',
    ),
    (
        "return c * (jnp.inf - jnp.inf)",
        InputError,
        'subtract in "return c * (jnp.inf - jnp.inf)" (m.py, line 2): the result is no real number',
    ),
    (
        "return x << 2",
        UnsupportedError,
        '<< in "return x << 2" (m.py, line 2): bits of arrays are not read; write it with + - * / ** @',
    ),
    (
        "return 1 << 2",
        UnsupportedError,
        '<< in "return 1 << 2" (m.py, line 2): << of numbers is not read; write it with + - * / // % **',
    ),
    (
        "return ~c.shape",
        UnsupportedError,
        '~ in "return ~c.shape" (m.py, line 2): it is not read on a tuple; write it with numbers and arrays',
    ),
    (
        "return A @ c",
        ShapeError,
        'matmul in "return A @ c" (m.py, line 2): a scalar has no matrix product: shapes (n, n) and (); use *',
    ),
    (
        "return x * A.T.shape",
        InputError,
        'multiply in "return x * A.T.shape" (m.py, line 2): A.T.shape is a tuple, no number and no array',
    ),
    (
        "return x + 'a'",
        InputError,
        "add in \"return x + 'a'\" (m.py, line 2): 'a' is a string, no number and no array",
    ),
    (
        "while c > 0:\n    c = c - 1\nreturn c",
        UnsupportedError,
        'while in "while c > 0:" (m.py, line 2): a while loop is not read; write a for loop over a literal range',
    ),
    (
        "with open('x') as g:\n    return x",
        UnsupportedError,
        "with in \"with open('x') as g:\" (m.py, line 2): a with block is not read; leave it out of the forward pass",
    ),
    (
        "try:\n    return x\nexcept ValueError:\n    return c",
        UnsupportedError,
        'try in "try:" (m.py, line 2): try is not read; leave it out of the forward pass',
    ),
    (
        "del x\nreturn c",
        UnsupportedError,
        'del in "del x" (m.py, line 2): del is not read; leave it out of the forward pass',
    ),
    (
        "global k\nreturn x",
        UnsupportedError,
        'global in "global k" (m.py, line 2): global is not read; pass the value in as an input',
    ),
    (
        "def g():\n    nonlocal c\nreturn x",
        UnsupportedError,
        'nonlocal in "nonlocal c" (m.py, line 3): nonlocal is not read; return the value',
    ),
    (
        "print(x)\nreturn x",
        UnsupportedError,
        'print in "print(x)" (m.py, line 2): print is not read; leave it out of the forward pass',
    ),
    (
        "jnp.exp(x)\nreturn x",
        UnsupportedError,
        'jnp.exp in "jnp.exp(x)" (m.py, line 2): a value that is dropped is not read; assign it, or leave it '
        "out of the forward pass",
    ),
    (
        "y = (z := x)\nreturn y",
        UnsupportedError,
        ':= in "y = (z := x)" (m.py, line 2): an assignment inside an expression is not read; give it its own line',
    ),
    (
        "return f'{c}'",
        UnsupportedError,
        "f-string in \"return f'{c}'\" (m.py, line 2): an f-string is not read; write the string out, or 'W' + str(i)",
    ),
    (
        "return jnp.stack([*x])",
        UnsupportedError,
        '* in "return jnp.stack([*x])" (m.py, line 2): a starred expression is not read; write the items out',
    ),
    (
        "return jnp.sum(*x)",
        UnsupportedError,
        '* in "return jnp.sum(*x)" (m.py, line 2): a starred expression is not read; write the items out',
    ),
    (
        "return jnp.sum(**x)",
        UnsupportedError,
        'jnp.sum in "return jnp.sum(**x)" (m.py, line 2): a call with ** is not read; write the arguments out',
    ),
    (
        "return await_(x)",
        InputError,
        'await_ in "return await_(x)" (m.py, line 2): it is not declared; make it an argument, or assign it first',
    ),
    (
        "yield x",
        UnsupportedError,
        'yield in "yield x" (m.py, line 2): yield is not read; return the value',
    ),
    (
        "return {1, 2}",
        UnsupportedError,
        'set in "return {1, 2}" (m.py, line 2): a set is not read; write a tuple',
    ),
    (
        "return (lambda y, k=2: y * k)(x)",
        UnsupportedError,
        'lambda in "return (lambda y, k=2: y * k)(x)" (m.py, line 2): a lambda with defaults is not read; write a def',
    ),
    (
        "class K: pass\nreturn x",
        UnsupportedError,
        'K in "class K: pass" (m.py, line 2): a class is not read; write functions of arrays',
    ),
    (
        "async def g(): pass\nreturn x",
        UnsupportedError,
        'g in "async def g(): pass" (m.py, line 2): it is not read; write assignments, loops over literal ranges and a return',
    ),
    (
        "match c:\n    case 1: pass\nreturn x",
        UnsupportedError,
        'match in "match c: case 1: pass" (m.py, line 2): match is not read; write if and elif',
    ),
    (
        "for i in range(3):\n    x = x * 2\nelse:\n    x = c\nreturn x",
        UnsupportedError,
        'for in "for i in range(3):" (m.py, line 2): for ... else is not read; write the loop without else',
    ),
    (
        "for i in range(x.shape[0]):\n    x = x * 2\nreturn x",
        UnsupportedError,
        'range in "for i in range(x.shape[0]):" (m.py, line 2): a loop needs a literal range; a symbolic '
        "dimension does not say how many steps",
    ),
    (
        "for row in A:\n    x = x * 2\nreturn x",
        UnsupportedError,
        'A in "for row in A:" (m.py, line 2): an array of symbolic length is not taken apart; index it, or '
        "give its length as a number",
    ),
    (
        "for i in range(10**9): pass\nreturn x",
        UnsupportedError,
        'range in "for i in range(10**9): pass" (m.py, line 2): a loop of more than 100000 steps is not read; shorten it',
    ),
    (
        "x[A] = 3\nreturn x",
        InputError,
        'x[A] in "x[A] = 3" (m.py, line 2): an index needs integer labels, and A holds real numbers; labels are inputs, declared '
        'as A: "n n | int"',
    ),
    (
        "c[0] += 3\nreturn x",
        InputError,
        'c[0] in "c[0] += 3" (m.py, line 2): too many indices for an array of shape ()',
    ),
    (
        "a, b = c\nreturn a",
        InputError,
        'unpacking in "a, b = c" (m.py, line 2): a scalar has no entries',
    ),
    (
        "a, b = x, c, c\nreturn a",
        InputError,
        'unpacking in "a, b = x, c, c" (m.py, line 2): 3 values for 2 names',
    ),
    (
        "a, *b = x, c\nreturn a",
        UnsupportedError,
        'unpacking in "a, *b = x, c" (m.py, line 2): a starred name is not read; name every part',
    ),
    (
        "if c > 0:\n    return x\nreturn c",
        UnsupportedError,
        '> in "if c > 0:" (m.py, line 2): a condition on the values of arrays is not decided on reading; use where',
    ),
    (
        "if x.shape[0] == 3:\n    return x\nreturn c",
        UnsupportedError,
        '== in "if x.shape[0] == 3:" (m.py, line 2): it depends on the dimensions and is not decided on '
        "reading; give numbers as dimensions, or leave it out",
    ),
    (
        "return x if A else c",
        UnsupportedError,
        'A in "return x if A else c" (m.py, line 2): a condition on the values of arrays is not decided on reading; use where',
    ),
    (
        "return 0 < c < 1",
        UnsupportedError,
        'comparison in "return 0 < c < 1" (m.py, line 2): a chained comparison of arrays is not read; write (a < x) & (x < b)',
    ),
    (
        "return c is 1",
        UnsupportedError,
        'is in "return c is 1" (m.py, line 2): identity is read with None, True and False only; write ==',
    ),
    (
        "return x, c",
        UnsupportedError,
        'return in "return x, c" (m.py, line 2): several values are returned; return the one to differentiate',
    ),
    (
        "y = x",
        InputError,
        'f in "def f(x: "n", A: "n n", c: ""):" (m.py, line 1): it returns nothing; return the value to differentiate',
    ),
    (
        "return None",
        InputError,
        'f in "def f(x: "n", A: "n n", c: ""):" (m.py, line 1): it returns nothing; return the value to differentiate',
    ),
    (
        "return 'a'",
        InputError,
        "return in \"return 'a'\" (m.py, line 2): a string is returned; return the value to differentiate",
    ),
    (
        "return lambda y: y",
        InputError,
        'return in "return lambda y: y" (m.py, line 2): a function is returned; return the value to differentiate',
    ),
    (
        "return {'a': x}['b']",
        InputError,
        "{'a': x}['b'] in \"return {'a': x}['b']\" (m.py, line 2): there is no such entry; its keys are a",
    ),
    (
        "return (x, c)[2]",
        InputError,
        '(x, c)[2] in "return (x, c)[2]" (m.py, line 2): there is no such entry',
    ),
    (
        "return c[0][0](3)",
        InputError,
        'c[0] in "return c[0][0](3)" (m.py, line 2): too many indices for an array of shape ()',
    ),
    (
        "def g(y):\n    return g(y)\nreturn g(x)",
        UnsupportedError,
        'g in "return g(y)" (m.py, line 3): it calls itself; write the steps as a for loop over a literal range',
    ),
    (
        "g = lambda y: y\nreturn g(x, c)",
        InputError,
        'g in "return g(x, c)" (m.py, line 3): lambda takes (y), the call does not fit',
    ),
    (
        "return jax.vmap(jnp.sin)(x)",
        UnsupportedError,
        'jax.vmap in "return jax.vmap(jnp.sin)(x)" (m.py, line 2): it is not read; write the batch as a '
        "matrix product or with einsum",
    ),
    (
        "return jax.lax.scan(c, x)",
        UnsupportedError,
        'jax.lax.scan in "return jax.lax.scan(c, x)" (m.py, line 2): it is not read; write the steps as a for'
        " loop over a literal range",
    ),
    (
        "return jax.random.normal(c, (3,))",
        UnsupportedError,
        'jax.random.normal in "return jax.random.normal(c, (3,))" (m.py, line 2): random draws are not read; draw '
        "outside and pass the numbers in as an input",
    ),
    (
        "return jax.grad(c)",
        UnsupportedError,
        'jax.grad in "return jax.grad(c)" (m.py, line 2): a gradient inside a forward pass is not read; differentiate with derive',
    ),
    (
        "return jnp.argmax(x)",
        UnsupportedError,
        'jnp.argmax in "return jnp.argmax(x)" (m.py, line 2): it is piecewise constant, so its '
        "derivative is zero wherever it has one; pass its result in as an input",
    ),
    (
        "return lax.max(x, c)",
        UnsupportedError,
        'lax.max in "return lax.max(x, c)" (m.py, line 2): lax.max is elementwise; write jnp.maximum',
    ),
    (
        "return scipy.special.softmax(x)",
        UnsupportedError,
        'scipy.special.softmax in "return scipy.special.softmax(x)" (m.py, line 2): SciPy\'s softmax runs over'
        " all axes; write jax.nn.softmax(x, axis=...)",
    ),
    (
        "return jax.scipy.linalg.cholesky(A)",
        UnsupportedError,
        'jax.scipy.linalg.cholesky in "return jax.scipy.linalg.cholesky(A)" (m.py, line 2): SciPy\'s cholesky '
        "is the upper factor; write jnp.linalg.cholesky, the lower one",
    ),
    (
        "return jnp.nan * x",
        UnsupportedError,
        'jnp.nan in "return jnp.nan * x" (m.py, line 2): nan is no number to compute with; leave it out',
    ),
    (
        "return eval('x')",
        UnsupportedError,
        "eval in \"return eval('x')\" (m.py, line 2): Python's own eval is not read; write it with arrays and "
        "the functions of docs/operations.md",
    ),
    (
        "return open('x')",
        UnsupportedError,
        "open in \"return open('x')\" (m.py, line 2): Python's own open is not read; write it with arrays and "
        "the functions of docs/operations.md",
    ),
    (
        "return isinstance(x, int)",
        UnsupportedError,
        'isinstance in "return isinstance(x, int)" (m.py, line 2): Python\'s own isinstance is not read; write'
        " it with arrays and the functions of docs/operations.md",
    ),
    (
        "return int(c) * x",
        UnsupportedError,
        'int in "return int(c) * x" (m.py, line 2): int of an array value is piecewise constant; leave it out of the forward pass',
    ),
    (
        "return float(x)",
        InputError,
        'float in "return float(x)" (m.py, line 2): float takes a number or a scalar',
    ),
    (
        "return max(c, 0)",
        UnsupportedError,
        'max in "return max(c, 0)" (m.py, line 2): max of an array and more may mean two things; write '
        "jnp.maximum(a, b), or jnp.max(x, axis=...)",
    ),
    (
        "return sum(A, 0)",
        UnsupportedError,
        'sum in "return sum(A, 0)" (m.py, line 2): sum of an array and more may mean two things; write jnp.sum(x, axis=...)',
    ),
    (
        "import os\nreturn os.system('x')",
        UnsupportedError,
        "os.system in \"return os.system('x')\" (m.py, line 3): the module os is not read; pass what system gives in as an input",
    ),
    (
        "from lib import relu\nreturn relu(x)",
        UnsupportedError,
        'relu in "return relu(x)" (m.py, line 3): relu comes from lib, which is not read; put it into the same file',
    ),
    (
        "return x.__class__",
        UnsupportedError,
        'x.__class__ in "return x.__class__" (m.py, line 2): the name __class__ is refused; names do not '
        "start with two underscores",
    ),
    (
        "return __import__('os')",
        UnsupportedError,
        "__import__ in \"return __import__('os')\" (m.py, line 2): the name __import__ is refused; names do not"
        " start with two underscores",
    ),
    (
        "raise ValueError('no')",
        UnsupportedError,
        "raise in \"raise ValueError('no')\" (m.py, line 2): the function raises here; the forward pass has to return a value",
    ),
    (
        "assert c > 0\nreturn x.sum(axis=1)",
        InputError,
        'x.sum in "return x.sum(axis=1)" (m.py, line 3): axis 1 is out of range for shape (n,)',
    ),
    (
        "return jnp.sum(x, 1, 2, 3, 4, 5, 6)",
        InputError,
        'jnp.sum in "return jnp.sum(x, 1, 2, 3, 4, 5, 6)" (m.py, line 2): too many positional arguments',
    ),
    (
        "return jnp.sum(y=x)",
        InputError,
        "jnp.sum in \"return jnp.sum(y=x)\" (m.py, line 2): missing a required argument: 'a'",
    ),
    (
        "return jnp.exp(None)",
        InputError,
        'jnp.exp in "return jnp.exp(None)" (m.py, line 2): a NoneType is no number and no array',
    ),
    (
        "y = (A[0:2] +\n     A[0:3] + c)\nreturn y",
        ShapeError,
        'add in "y = A[0:2] + A[0:3] + c" (m.py, line 2): the shapes do not broadcast, A[0:2] is (2, n) and A[0:3] is (3, n)',
    ),
    (
        "return x.shape.foo",
        UnsupportedError,
        'x.shape.foo in "return x.shape.foo" (m.py, line 2): the attribute .foo of a tuple is not read',
    ),
    (
        "return jnp(x)",
        InputError,
        'jnp in "return jnp(x)" (m.py, line 2): it is a module, no function',
    ),
]
"""Bodies of f, the error, and its message."""

FILES = [
    (
        "",
        {},
        InputError,
        "m.py defines no function; write the forward pass as a def",
    ),
    (
        "x = 1",
        {},
        InputError,
        "m.py defines no function; write the forward pass as a def",
    ),
    (
        "def f(x): return x",
        {},
        InputError,
        'x in "def f(x): return x" (m.py, line 1): x has no shape; annotate it (x: "n d", "" for a scalar) or pass x="n d"',
    ),
    (
        'def f(x: "n"): return x',
        {"y": "n"},
        InputError,
        'f in "def f(x: "n"): return x" (m.py, line 1): f has no argument \'y\', it has x',
    ),
    (
        'def f(xs: "n"): return xs',
        {"x": "n"},
        InputError,
        'f in "def f(xs: "n"): return xs" (m.py, line 1): f has no argument \'x\', it has xs',
    ),
    (
        'def f(x: "n"): return x',
        {"x": 3},
        InputError,
        'x in "def f(x: "n"): return x" (m.py, line 1): x needs its shape as text, such as x: "n d"',
    ),
    (
        'def f(x: "n | sdp"): return x',
        {},
        InputError,
        'x in "def f(x: "n | sdp"): return x" (m.py, line 1): x: the property \'sdp\' is unknown; known are '
        "binary, diagonal, entrywise, int, loss, lower, onehot, orthogonal, positive, sign, simplex, spd, "
        "symmetric, unit",
    ),
    (
        'def f(x: "n d | spd"): return x',
        {},
        InputError,
        'x in "def f(x: "n d | spd"): return x" (m.py, line 1): x: spd needs a square matrix, got "n d"',
    ),
    (
        'def f(x: " | onehot"): return x',
        {},
        InputError,
        'x in "def f(x: " | onehot"): return x" (m.py, line 1): x: onehot needs at least one axis',
    ),
    (
        'def f(x: "0"): return x',
        {},
        InputError,
        'x in "def f(x: "0"): return x" (m.py, line 1): x: the dimension \'0\' is no name and no positive number',
    ),
    (
        'def f(x: "-1"): return x',
        {},
        InputError,
        'x in "def f(x: "-1"): return x" (m.py, line 1): x: the dimension \'-1\' is no name and no positive number',
    ),
    (
        'def f(x: "n/2"): return x',
        {},
        InputError,
        'x in "def f(x: "n/2"): return x" (m.py, line 1): x: the dimension \'n/2\' is no name and no positive number',
    ),
    (
        'def f(x: "n;d"): return x',
        {},
        InputError,
        'x in "def f(x: "n;d"): return x" (m.py, line 1): x: the dimension \'n;d\' is no name and no positive number',
    ),
    (
        'def f(x: "if"): return x',
        {},
        InputError,
        'x in "def f(x: "if"): return x" (m.py, line 1): x: the dimension \'if\' is no name and no positive number',
    ),
    (
        'def f(x: "*n"): return x',
        {},
        UnsupportedError,
        'x in "def f(x: "*n"): return x" (m.py, line 1): x: the dimension \'*n\' of jaxtyping is not read; name every axis',
    ),
    (
        'def f(x: "..."): return x',
        {},
        UnsupportedError,
        'x in "def f(x: "..."): return x" (m.py, line 1): x: the dimension \'...\' of jaxtyping is not read; name every axis',
    ),
    (
        "def f(*x): return x",
        {},
        UnsupportedError,
        'f in "def f(*x): return x" (m.py, line 1): f takes *args or **kwargs; name every input',
    ),
    (
        'def f(x: {"a": {"b": "n"}}): return x',
        {},
        UnsupportedError,
        'x in "def f(x: {"a": {"b": "n"}}): return x" (m.py, line 1): a: nested containers are not read; give'
        " every array a name of its own",
    ),
    (
        'def f(x: {1: "n"}): return x',
        {},
        InputError,
        'x in "def f(x: {1: "n"}): return x" (m.py, line 1): x: the entries of a dict are named by strings, such as {"W": "h d"}',
    ),
    (
        'def f(_x: "n"): return _x',
        {},
        InputError,
        '_x in "def f(_x: "n"): return _x" (m.py, line 1): the input \'_x\' starts with an underscore; rename it',
    ),
    (
        'def f(x: "n"): return x @ ones((10**6, 10**7))',
        {},
        UnsupportedError,
        'ones in "return x @ ones((10**6, 10**7))" (m.py, line 1): an array of shape (1000000, 10000000) has more than 1e+08 '
        "entries; shorten the forward pass, or raise the limit with symgrad.limits(entries=...)",
    ),
    (
        'def f(x: "n 4000000000"): return x',
        {},
        UnsupportedError,
        'x in "def f(x: "n 4000000000"): return x" (m.py, line 1): an array of shape (n, 4000000000) has more than 1e+08 '
        "entries; shorten the forward pass, or raise the limit with symgrad.limits(entries=...)",
    ),
    (
        'def f(x: "n"):\n  return x\ndef g(x: "n"):\n  return x',
        {},
        InputError,
        "m.py holds the functions f, g; say which, as in m.py:f",
    ),
    (
        'async def f(x: "n"): return x',
        {},
        UnsupportedError,
        "m.py defines no function to read; f is not read, it is async; write a plain def",
    ),
    (
        "class f: pass",
        {},
        UnsupportedError,
        "m.py defines no function to read; f is not read, it is a class; write a function of arrays",
    ),
    (
        '@jax.vmap\ndef f(x: "n"): return x',
        {},
        UnsupportedError,
        "f (m.py) is decorated with vmap, a transformation of functions; write the equations out",
    ),
    (
        'def f(x: "n") return x',
        {},
        InputError,
        "m.py, line 1: no Python, expected ':' in 'def f(x: \"n\") return x'",
    ),
    (
        'def f(x: "n"):\nreturn x',
        {},
        InputError,
        "m.py, line 2: no Python, expected an indented block after function definition on line 1 in 'return x'",
    ),
    (
        'def f(x: Key[Array, "2"]): return x',
        {},
        UnsupportedError,
        'x in "def f(x: Key[Array, "2"]): return x" (m.py, line 1): Key arrays are not read; inputs are real',
    ),
    (
        'def f(x: "n"):\n  return x \x00',
        {},
        InputError,
        "m.py: no Python, it holds NUL bytes; save it as plain text",
    ),
    (
        'from lib import *\ndef f(x: "n"): return exp(x)',
        {},
        UnsupportedError,
        'exp in "return exp(x)" (m.py, line 2): exp may come from lib; import it by name, and put functions into the same file',
    ),
    (
        'import lib as np\ndef f(x: "n"): return np.exp(x)',
        {},
        UnsupportedError,
        'np.exp in "return np.exp(x)" (m.py, line 2): exp comes from lib, which is not read; put it into the same file',
    ),
    (
        'K = 1\nK = 2\ndef f(x: "n"): return K * x',
        {},
        UnsupportedError,
        'K in "return K * x" (m.py, line 3): K is not read, the file binds it more than once; give each meaning its own name',
    ),
    (
        'if True:\n  K = 1\ndef f(x: "n"): return K * x',
        {},
        UnsupportedError,
        'K in "return K * x" (m.py, line 3): K is not read, the file binds it under a condition or changes '
        "it; bind it once, at the top level",
    ),
    (
        'K = K2\nK2 = K\ndef f(x: "n"): return K * x',
        {},
        InputError,
        'K in "return K * x" (m.py, line 3): the constant K of the file is not read, it refers to itself; pass it in as an input',
    ),
    (
        'K = jnp.ones(3)\ndef f(x: "n"): return K * x',
        {},
        UnsupportedError,
        'K in "return K * x" (m.py, line 2): the constant K of the file is an array; pass it in as an input',
    ),
    (
        'import jax.numpy as jnp\ndef f(X: "n d"): return sum(X)',
        {},
        UnsupportedError,
        'sum in "return sum(X)" (m.py, line 2): Python\'s own sum takes no axis and walks the rows of an array; write jnp.sum',
    ),
    (
        '@jax.vmap\ndef g(x): return x\ndef f(x: "n"): return g(x)',
        {},
        UnsupportedError,
        'g in "return g(x)" (m.py, line 3): what the decorator vmap does is not read; call a plain function',
    ),
    (
        'def f(x: "n"): return ' + "(" * 300 + "x" + ")" * 300,
        {},
        InputError,
        "m.py, line 1: no Python, too many nested parentheses in 'def f(x: \"n\"): return (((((((((((((((((((((((((((((((((((((('",
    ),
    (
        'def f(ｘ: "n"): return x',
        {},
        InputError,
        'f in "def f(ｘ: "n"): return x" (m.py, line 1): the name \'\\uff58\' is refused: use ASCII or Greek '
        "letters, digits and underscores",
    ),
    (
        'def f(x: "ｎ"): return x',
        {},
        InputError,
        'x in "def f(x: "ｎ"): return x" (m.py, line 1): x: the dimension \'\\uff4e\' is refused: use ASCII or '
        "Greek letters, digits and underscores",
    ),
    (
        'def f(x: "n", y: "d"): return (x * 1.0000000000000000001 + 2.0000000000000001 * x) * jnp.tanh(jnp.tanh(y))',
        {},
        ShapeError,
        'multiply in "return (x * 1.0000000000000000001 + 2.0000000000000001 * x) * jnp.tanh(jnp.ta..." '
        "(m.py, line 1): the shapes do not broadcast, x * 1.0 + 2.0 * x is (n,) and jnp.tanh(jnp.tanh(y)) is "
        "(d,)",
    ),
]
"""Whole files, shapes from outside, the error, and its message."""


def refusal(text, shapes):
    with pytest.raises(SymgradError) as caught:
        read_text(text, shapes, "m.py")
    return caught.value


@pytest.mark.parametrize(("body", "error", "message"), BODIES, ids=[row[0].splitlines()[0] for row in BODIES])
def test_body(body, error, message):
    refused = refusal(HEAD + "".join(f"    {line}\n" for line in body.splitlines()), {})
    assert (type(refused), str(refused)) == (error, message)


@pytest.mark.parametrize(("text", "shapes", "error", "message"), FILES, ids=range(len(FILES)))
def test_file(text, shapes, error, message):
    refused = refusal(text, shapes)
    assert (type(refused), str(refused)) == (error, message)


def test_line_of_the_failing_statement():
    text = "\n" * 6 + 'def mlp(X: "n d", W: "k d"):\n\n    Z = X @ W\n    return Z\n'
    with pytest.raises(ShapeError) as caught:
        read_text(text, {}, "mlp.py")
    assert str(caught.value) == (
        'matmul in "Z = X @ W" (mlp.py, line 9): inner dimensions differ, X is (n, d) and W is (k, d). Did you mean X @ W.T?'
    )


def test_line_inside_a_helper():
    text = "def g(u):\n    v = u @ u.T\n    return u + v\ndef f(X: 'n d'):\n    return g(X)\n"
    with pytest.raises(ShapeError, match=r'^add in "return u \+ v" \(m.py, line 3\): the shapes do not broadcast, u is \(n, d\)'):
        read_text(text, {}, "m.py", "f")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone.py", None, "there is no file gone.py; hand in the path of a Python file"),
        ("latin.py", "def f(x: 'n'): return x  # é".encode("latin-1"), "latin.py is no UTF-8 text; save it as UTF-8"),
        ("wide.py", "def f(x: 'n'): return x".encode("utf-16"), "wide.py is no UTF-8 text; save it as UTF-8"),
        ("nul.py", b"def f(x: 'n'):\0 return x", "nul.py: no Python, it holds NUL bytes; save it as plain text"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_file(tmp_path / name, {})
    assert str(caught.value) == message


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(InputError, match=r"is no file; hand in the path of a Python file$"):
        read_file(tmp_path, {})


def test_function_of_a_file():
    with pytest.raises(InputError) as caught:
        read_text("def f(x: 'n'): return x", {}, "m.py", "g")
    assert str(caught.value) == "m.py defines no function 'g'; it defines f"


def test_every_refusal_is_one_line_and_says_the_way_out():
    for row in (*BODIES, *FILES):
        assert "\n" not in row[-1] and len(row[-1]) < 400
    assert len(BODIES) + len(FILES) >= 45 and UnsupportedError in {row[1] for row in BODIES}
