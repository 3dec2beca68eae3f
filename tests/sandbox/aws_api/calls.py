# SPDX-License-Identifier: GPL-3.0-or-later
"""What an HTTP request to the AWS API asks for, and errors in the shape that its service uses."""

from __future__ import annotations

import io
import re
import typing as t
from dataclasses import dataclass
from urllib.parse import parse_qs

from moto.core.exceptions import ServiceException
from moto.core.model import OperationModel
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model
from moto.moto_server.werkzeug_app import DomainDispatcherApplication

READING = re.compile(r"(Describe|List|Get|Head|Lookup|Search|Select|Validate|Check|BatchGet|Simulate|Query|Scan)")


class Refusal(ServiceException):
    """An error that no service of moto's made: moto looks at the module of its own to find their models."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes


@dataclass(frozen=True)
class Call:
    """One request, by what it asks for."""

    environ: dict[str, t.Any]
    body: bytes
    service: str
    operation: str

    @classmethod
    def read(cls, environ: dict[str, t.Any], moto: DomainDispatcherApplication) -> Call:
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])) if environ.get("CONTENT_LENGTH") else b""
        environ["wsgi.input"] = io.BytesIO(body)
        # moto's own reading of the signature; what is not signed for a service belongs to S3.
        host = moto.infer_service_region_host(environ, environ.get("PATH_INFO", ""))
        service = moto.get_backend_for_host(host) or "s3"
        call = cls(environ, body, "s3" if service == "s3bucket_path" else service, "")
        return cls(environ, body, call.service, call._operation())

    def _operation(self) -> str:
        target = self.environ.get("HTTP_X_AMZ_TARGET")
        if target:
            return target.rsplit(".", 1)[-1]
        parameters = parse_qs(self.environ.get("QUERY_STRING", ""))
        if self.environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
            parameters |= parse_qs(self.body.decode(errors="replace"))
        if "Action" in parameters:
            return parameters["Action"][0]
        in_path = re.search(r"/operation/(\w+)$", self.environ.get("PATH_INFO", ""))
        if in_path:
            return in_path[1]
        try:
            return get_service_router(self.service).match(Request(dict(self.environ)))[0].name
        except Exception:  # a path that the service does not have: moto will say so
            return "Unknown"

    @property
    def name(self) -> str:
        return f"{self.service}.{self.operation}"

    @property
    def reading(self) -> bool:
        return READING.match(self.operation) is not None

    @property
    def mutating(self) -> bool:
        """Measurements alter nothing that a deployment declares, and agents send them whenever it suits them."""
        return not self.reading and self.operation != "PutMetricData"

    @property
    def key(self) -> tuple[str, ...]:
        """The same for two requests that ask for the same."""
        environ = self.environ
        return self.name, environ["REQUEST_METHOD"], environ.get("PATH_INFO", ""), environ.get("QUERY_STRING", ""), self.body.decode("latin-1")

    def again(self) -> dict[str, t.Any]:
        """An environment to answer the request with, as often as one likes."""
        return {**self.environ, "wsgi.input": io.BytesIO(self.body)}

    @property
    def protocol(self) -> str:
        model = get_service_model(self.service)
        try:
            return determine_request_protocol(model, self.environ.get("CONTENT_TYPE"))
        except NotImplementedError:
            return model.protocol

    def error(self, code: str, message: str, status: int = 400) -> Answer:
        """An error in the service's protocol."""
        operation = OperationModel({}, get_service_model(self.service))
        answer = get_serializer_class(self.service, self.protocol)(operation_model=operation).serialize(Refusal(code, message))
        body = answer["body"]
        return Answer(status, list(answer["headers"].items()), body.encode() if isinstance(body, str) else body)
