"""Every public name explains itself: parameters, returns, raises, an example."""

from __future__ import annotations

import ast
import importlib
import inspect
import textwrap
import types
from collections.abc import Iterator
from typing import Any

import pytest
from house import DISTRIBUTIONS
from numpydoc.docscrape import ClassDoc, FunctionDoc

ROOMS = [room for distribution in DISTRIBUTIONS for room in distribution.rooms()]


def public_objects(room: str) -> Iterator[tuple[str, Any]]:
    """Functions and classes that a room defines itself and lists in ``__all__``."""
    module = importlib.import_module(room)
    for name in getattr(module, "__all__", []):
        value = getattr(module, name)
        if isinstance(value, type | types.FunctionType) and value.__module__ == room:
            yield name, value


def parsed(value: Any) -> Any:
    return (ClassDoc if inspect.isclass(value) else FunctionDoc)(value)


def own_parameters(value: Any) -> set[str]:
    """Arguments that a caller gives, without those of a dataclass that are fields of a record."""
    function = value.__init__ if inspect.isclass(value) else value
    try:
        signature = inspect.signature(function)
    except ValueError:
        return set()
    return {name for name in signature.parameters if name not in ("self", "cls")}


def raises_itself(function: types.FunctionType) -> bool:
    tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function))))
    body = tree.body[0].body
    inner = {node for one in body if isinstance(one, ast.FunctionDef) for node in ast.walk(one)}
    raised = [node for one in body for node in ast.walk(one) if isinstance(node, ast.Raise)]
    return any(node.exc is not None for node in raised if node not in inner)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_says_what_it_is_for(room: str):
    assert (importlib.import_module(room).__doc__ or "").strip(), f"{room} has no docstring"


@pytest.mark.parametrize("room", ROOMS)
def test_public_names_are_documented(room: str):
    faults = []
    for name, value in public_objects(room):
        doc = parsed(value)
        if not doc["Summary"] or not doc["Summary"][0].strip():
            faults.append(f"{name}: no summary")
        if not doc["Examples"] and not issubclass_of_test(value):
            faults.append(f"{name}: no example")
        if isinstance(value, types.FunctionType):
            faults += function_faults(name, value, doc)
        else:
            faults += class_faults(name, value, doc)
    assert not faults, f"{room}: " + "; ".join(faults)


def function_faults(name: str, value: types.FunctionType, doc: Any) -> list[str]:
    written = {part.strip("* ") for row in doc["Parameters"] for part in row.name.split(",")}
    written |= {row.name.strip("* ") for row in doc["Other Parameters"]}
    faults = [
        f"{name}: '{missing}' is not documented" for missing in own_parameters(value) - written
    ]
    faults += [f"{name}: '{extra}' is no parameter" for extra in written - own_parameters(value)]
    returned = value.__annotations__.get("return")
    if returned not in (None, "None") and not (doc["Returns"] or doc["Yields"]):
        faults.append(f"{name}: no Returns")
    if raises_itself(value) and not doc["Raises"]:
        faults.append(f"{name}: no Raises")
    return faults


def class_faults(name: str, value: type, doc: Any) -> list[str]:
    faults = []
    for method, function in vars(value).items():
        if method.startswith("_"):
            continue
        plain = function.fget if isinstance(function, property) else function
        plain = getattr(plain, "__func__", plain)
        if isinstance(plain, types.FunctionType) and not inspect.getdoc(getattr(value, method)):
            faults.append(f"{name}.{method}: no docstring")
    return faults


def issubclass_of_test(value: Any) -> bool:
    """Names that only tests use show their use there."""
    return value.__module__ == "decan.core.testing"
