"""How alike two pieces of Python are by their syntax trees, whatever their names, comments, docstrings and layout.

Each tree is taken apart into its small subtrees, a node with two levels below it; the similarity is the Dice coefficient of the two collections,
0 to 1. Names that the code binds itself are numbered in their order; what it calls of others (builtins, modules, attributes) keeps its name.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

LEVELS = 2
#: Deeper or larger code is an attack or generated; it is not compared.
MOST_NODES = 50_000


def parsed(code: str) -> ast.Module | None:
    """The tree of Python code; None for what is none, or holds nothing but comments."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return tree if tree.body else None


def tree_similarity(one: str, other: str) -> float | None:
    """0 to 1; None where one of them cannot be parsed."""
    trees = [parsed(one), parsed(other)]
    if trees[0] is None or trees[1] is None:
        return None
    try:
        first, second = (Counter(_pieces(tree)) for tree in trees if tree is not None)
    except (RecursionError, _TooLarge):
        return None
    return 2 * (first & second).total() / (first.total() + second.total())


class _TooLarge(Exception):
    pass


def _pieces(tree: ast.Module) -> Iterator[str]:
    names = _own_names(tree)
    for count, node in enumerate(_nodes(tree)):
        if count > MOST_NODES:
            raise _TooLarge
        yield _told(node, names, LEVELS)


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in _children(node):
        yield from _nodes(child)


def _children(node: ast.AST) -> list[ast.AST]:
    """The node's children without docstrings, annotations and the marks of loading and storing."""
    skipped: list[ast.AST | None] = [getattr(node, "returns", None), getattr(node, "annotation", None)]
    body = getattr(node, "body", None)
    if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and body:
        first = body[0]
        if (
            isinstance(first, ast.Expr)
            and isinstance(first.value, ast.Constant)
            and isinstance(first.value.value, str)
        ):
            skipped.append(first)
    return [
        child
        for child in ast.iter_child_nodes(node)
        if not isinstance(child, ast.expr_context) and not any(child is one for one in skipped)
    ]


def _own_names(tree: ast.Module) -> dict[str, str]:
    """Names that are bound here, numbered in the order in which they first occur."""
    bound: dict[str, str] = {}
    for node in _nodes(tree):
        name = None
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = node.name
        elif isinstance(node, ast.arg):
            name = node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            name = node.id
        if name is not None:
            bound.setdefault(name, f"name{len(bound)}")
    return bound


def _told(node: ast.AST, names: dict[str, str], levels: int) -> str:
    label = f"{type(node).__name__}{_label(node, names)}"
    if not levels:
        return label
    return f"{label}({','.join(_told(child, names, levels - 1) for child in _children(node))})"


def _label(node: ast.AST, names: dict[str, str]) -> str:
    """What tells the node from others of its type."""
    if isinstance(node, ast.Constant):
        return f":{type(node.value).__name__}:{node.value!r}"[:80]
    if isinstance(node, ast.Attribute):
        return f":{names.get(node.attr, node.attr)}"
    if isinstance(node, ast.Name):
        return f":{names.get(node.id, node.id)}"
    if isinstance(node, ast.keyword | ast.arg):
        return f":{names.get(node.arg or '', node.arg)}"
    return ""
