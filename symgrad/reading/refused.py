"""The syntax of Python that forward passes are not written in, each with the way out."""

from __future__ import annotations

import ast

EXPRESSIONS: dict[type[ast.expr], str] = {
    ast.NamedExpr: "an assignment inside an expression is not read; give it its own line",
    ast.JoinedStr: "an f-string is not read; write the string out, or 'W' + str(i)",
    ast.Starred: "a starred expression is not read; write the items out",
    ast.Await: "await is not read; write a plain function",
    ast.Yield: "yield is not read; return the value",
    ast.YieldFrom: "yield is not read; return the value",
    ast.Set: "a set is not read; write a tuple",
    ast.SetComp: "a set is not read; write a list",
}

REFUSED_STATEMENTS: dict[type[ast.stmt], str] = {
    ast.While: "a while loop is not read; write a for loop over a literal range",
    ast.AugAssign: "it is not changed in place here; write an assignment",
    ast.With: "a with block is not read; leave it out of the forward pass",
    ast.Try: "try is not read; leave it out of the forward pass",
    ast.Delete: "del is not read; leave it out of the forward pass",
    ast.Expr: "a value that is dropped is not read; assign it, or leave it out of the forward pass",
    ast.For: "for ... else is not read; write the loop without else",
    ast.ClassDef: "a class is not read; write functions of arrays",
    ast.Raise: "the function raises here; the forward pass has to return a value",
    ast.Match: "match is not read; write if and elif",
}

ANYWHERE: dict[type[ast.AST], str] = {
    ast.NamedExpr: EXPRESSIONS[ast.NamedExpr],
    ast.Await: EXPRESSIONS[ast.Await],
    ast.Yield: EXPRESSIONS[ast.Yield],
    ast.YieldFrom: EXPRESSIONS[ast.YieldFrom],
    ast.Global: "global is not read; pass the value in as an input",
    ast.Nonlocal: "nonlocal is not read; return the value",
}
"""What changes names behind the reader's back: refused wherever it stands, also in branches that are not taken."""
