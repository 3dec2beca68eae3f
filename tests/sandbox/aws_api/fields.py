# SPDX-License-Identifier: GPL-3.0-or-later
"""The fields of an answer by the service's model, whatever its protocol: which there are, and the answer without one of them.

A field is a dotted path such as ReplicationGroups.NodeGroups.PrimaryEndpoint, and means all elements of a list at once."""

from __future__ import annotations

import json
import re
import typing as t
from xml.etree import ElementTree

from botocore.model import ListShape, Shape, StructureShape
from moto.core.utils import get_service_model

from aws_api.calls import Answer, Call


class Field(t.NamedTuple):
    name: str
    remove: t.Callable[[], None]
    below: list[tuple[t.Any, StructureShape]]  # the structures that it holds


def fields(call: Call, answer: Answer) -> list[str]:
    """Each field that the answer has."""
    opened = _open(call, answer)
    return sorted(set(_paths(opened.root, opened.shape, opened.look))) if opened else []


def without(call: Call, answer: Answer, field: str) -> Answer:
    opened = _open(call, answer)
    if opened is None:
        return answer
    _remove(opened.root, opened.shape, opened.look, field.split("."))
    body = opened.write()
    headers = [(name, str(len(body)) if name.lower() == "content-length" else value) for name, value in answer.headers]
    return Answer(answer.status, headers, body)


class _Opened(t.NamedTuple):
    root: t.Any
    shape: StructureShape
    look: t.Callable[[t.Any, StructureShape], t.Iterator[Field]]
    write: t.Callable[[], bytes]


def _open(call: Call, answer: Answer) -> _Opened | None:
    model = get_service_model(call.service)
    if answer.status >= 400 or not answer.body or call.operation not in model.operation_names:
        return None
    shape = model.operation_model(call.operation).output_shape
    if not isinstance(shape, StructureShape):
        return None
    if call.protocol in ("query", "ec2", "rest-xml"):
        document = ElementTree.fromstring(answer.body)
        wrapper = shape.serialization.get("resultWrapper")
        root = next((child for child in document if _local(child) == wrapper), document)
        return _Opened(root, shape, _look_xml, lambda: _xml(document))
    data = json.loads(answer.body)
    return _Opened(data, shape, _look_json, lambda: json.dumps(data).encode())


def _xml(document: ElementTree.Element) -> bytes:
    namespace = re.match(r"\{(.*)\}", document.tag)
    return ElementTree.tostring(document, xml_declaration=True, encoding="utf-8", default_namespace=namespace[1] if namespace else None)


def _paths(node: t.Any, shape: StructureShape, look: t.Any, before: str = "") -> t.Iterator[str]:
    for field in look(node, shape):
        yield before + field.name
        for child, of_child in field.below:
            yield from _paths(child, of_child, look, f"{before}{field.name}.")


def _remove(node: t.Any, shape: StructureShape, look: t.Any, path: list[str]) -> None:
    for field in look(node, shape):
        if field.name == path[0]:
            if len(path) == 1:
                field.remove()
            for child, of_child in field.below if len(path) > 1 else []:
                _remove(child, of_child, look, path[1:])


def _look_xml(element: ElementTree.Element, shape: StructureShape) -> t.Iterator[Field]:
    for name, member in shape.members.items():
        flat = isinstance(member, ListShape) and member.serialization.get("flattened")
        tag = (member.member if flat else member).serialization.get("name") or member.serialization.get("name", name)
        found = [child for child in element if _local(child) == tag]
        if found:
            items = [(child, member.member) for child in found] if flat else [(child, member) for child in found]
            yield Field(name, lambda gone=found: [element.remove(child) for child in gone], _structures(items, list))


def _look_json(data: t.Any, shape: StructureShape) -> t.Iterator[Field]:
    for name, member in shape.members.items():
        key = member.serialization.get("name", name)
        if isinstance(data, dict) and key in data:
            yield Field(name, lambda key=key: data.pop(key), _structures([(data[key], member)], lambda node: node or []))


def _structures(nodes: list[tuple[t.Any, Shape]], items: t.Callable[[t.Any], list[t.Any]]) -> list[tuple[t.Any, StructureShape]]:
    found: list[tuple[t.Any, StructureShape]] = []
    for node, shape in nodes:
        if isinstance(shape, StructureShape):
            found.append((node, shape))
        elif isinstance(shape, ListShape):
            found += _structures([(item, shape.member) for item in items(node)], items)
    return found


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]
