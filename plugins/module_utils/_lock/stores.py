# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a lock stands: an SSM parameter, an S3 object, or an item of a DynamoDB table. Each answers what lease.py asks.

A call that AWS has not made, as somebody was quicker, and one whose answer is lost are answered alike: a look tells.
"""

from __future__ import annotations

import time
import typing as t
from email.utils import parsedate_to_datetime

try:
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:
    pass  # AnsibleAWSModule reports the missing library

from ansible_collections.huntaze.ai_system.plugins.module_utils._errors import error_code
from ansible_collections.huntaze.ai_system.plugins.module_utils._lock.lease import Record, Seen
from ansible_collections.huntaze.ai_system.plugins.module_utils._policy import is_transient


def now_of(answer: t.Mapping[str, t.Any]) -> int:
    """AWS's time of an answer, or of an error."""
    date = ((answer.get("ResponseMetadata") or {}).get("HTTPHeaders") or {}).get("date")
    return int(parsedate_to_datetime(date).timestamp() if date else time.time())


class Store:
    """Base of the three: `swaps` says whether a put can be bound to what was read."""

    service = ""
    swaps = True
    # Codes of a call that was not made as the record is not the one that was read.
    quicker: tuple[str, ...] = ()
    # Codes of a look at what is not there.
    absent: tuple[str, ...] = ()

    def __init__(self, client: t.Any, name: str, place: str = "") -> None:
        self.client, self.name, self.place = client, name, place
        self.trouble: t.Optional[Exception] = None  # why the last call that had no answer had none

    def read(self) -> t.Optional[Seen]:
        try:
            return self._read()
        except (ClientError, BotoCoreError) as error:
            if error_code(error) in self.absent:
                return Seen(None, None, now_of(error.response))
            return self._lost(error)

    def put(self, record: Record, over: Seen) -> t.Optional[Seen]:
        answer = self._made(lambda: self._put(record, over))
        return Seen(record, self._version(record, answer), over.now) if answer is not None else None

    def remove(self, seen: Seen) -> bool:
        return self._made(lambda: self._remove(seen)) is not None

    def _made(self, call: t.Callable[[], t.Any]) -> t.Any:
        try:
            return call()
        except (ClientError, BotoCoreError) as error:
            return None if error_code(error) in (*self.quicker, *self.absent) else self._lost(error)

    def _lost(self, error: Exception) -> None:
        if not is_transient(error):
            raise error
        self.trouble = error

    def _read(self) -> Seen:
        raise NotImplementedError

    def _put(self, record: Record, over: Seen) -> t.Any:
        raise NotImplementedError

    def _remove(self, seen: Seen) -> t.Any:
        raise NotImplementedError

    def _version(self, record: Record, answer: t.Any) -> t.Any:
        return None


class Parameter(Store):
    """Needs no set-up. A new one is made only if there is none; one that is there is replaced whatever it is."""

    service = "ssm"
    swaps = False
    quicker = ("ParameterAlreadyExists", "TooManyUpdates")
    absent = ("ParameterNotFound",)

    def __str__(self) -> str:
        return f"the SSM parameter {self.name}"

    def put(self, record: Record, over: Seen) -> t.Optional[Seen]:
        """A first version in place of a record shows that this was taken away meanwhile: a lock that somebody broke must not come back."""
        seen = super().put(record, over)
        if seen and over.record is not None and seen.version == 1:
            self.remove(seen)
            return None
        return seen

    def _read(self) -> Seen:
        answer = self.client.get_parameter(Name=self.name)
        return Seen(Record.read(answer["Parameter"]["Value"]), answer["Parameter"].get("Version"), now_of(answer))

    def _put(self, record: Record, over: Seen) -> t.Any:
        # SSM takes two braces for the name of another parameter.
        return self.client.put_parameter(Name=self.name, Value=record.text().replace("{{", "{ {"), Type="String", Overwrite=over.record is not None)

    def _version(self, record: Record, answer: t.Any) -> t.Any:
        return answer.get("Version")

    def _remove(self, seen: Seen) -> t.Any:
        return self.client.delete_parameter(Name=self.name)


class Object(Store):
    service = "s3"
    quicker = ("PreconditionFailed", "ConditionalRequestConflict")
    absent = ("NoSuchKey",)

    def __init__(self, client: t.Any, name: str, place: str = "") -> None:
        super().__init__(client, name.lstrip("/"), place)
        self._forbidden = False

    def __str__(self) -> str:
        return f"the object {self.name} of the bucket {self.place}"

    def read(self) -> t.Optional[Seen]:
        """Without s3:ListBucket, AWS calls a missing object forbidden. So it is taken for missing, until a put or a read after it says otherwise."""
        try:
            seen, self._forbidden = super().read(), False
            return seen
        except ClientError as error:
            if error_code(error) != "AccessDenied" or self._forbidden:
                raise
            self._forbidden = True
            return Seen(None, None, now_of(error.response))

    def put(self, record: Record, over: Seen) -> t.Optional[Seen]:
        seen = super().put(record, over)
        if seen and self._forbidden:
            try:
                self.read()
            except ClientError:
                self.remove(seen)
                raise
        return seen

    def _read(self) -> Seen:
        answer = self.client.get_object(Bucket=self.place, Key=self.name)
        return Seen(Record.read(answer["Body"].read().decode()), answer["ETag"], now_of(answer))

    def _put(self, record: Record, over: Seen) -> t.Any:
        condition = {"IfMatch": over.version} if over.record else {"IfNoneMatch": "*"}
        return self.client.put_object(Bucket=self.place, Key=self.name, Body=record.text().encode(), ContentType="application/json", **condition)

    def _remove(self, seen: Seen) -> t.Any:
        return self.client.delete_object(Bucket=self.place, Key=self.name, IfMatch=seen.version)

    def _version(self, record: Record, answer: t.Any) -> t.Any:
        return answer["ETag"]


class Item(Store):
    """Of a table with the partition key LockID, a string, as Terraform's tables of locks have it."""

    service = "dynamodb"
    quicker = ("ConditionalCheckFailedException", "TransactionConflictException")

    def __str__(self) -> str:
        return f"the item {self.name} of the table {self.place}"

    @property
    def _key(self) -> dict[str, t.Any]:
        return {"LockID": {"S": self.name}}

    def _read(self) -> Seen:
        answer = self.client.get_item(TableName=self.place, Key=self._key, ConsistentRead=True)
        text = (answer.get("Item") or {}).get("Lock", {}).get("S", "") if answer.get("Item") else None
        return Seen(None if text is None else Record.read(text), text, now_of(answer))

    def _put(self, record: Record, over: Seen) -> t.Any:
        return self.client.put_item(TableName=self.place, Item={**self._key, "Lock": {"S": record.text()}}, **self._unchanged(over))

    def _remove(self, seen: Seen) -> t.Any:
        return self.client.delete_item(TableName=self.place, Key=self._key, **self._unchanged(seen))

    def _version(self, record: Record, answer: t.Any) -> t.Any:
        return record.text()

    @staticmethod
    def _unchanged(seen: Seen) -> dict[str, t.Any]:
        if seen.record is None:
            return {"ConditionExpression": "attribute_not_exists(LockID)"}
        return {
            "ConditionExpression": "#lock = :seen", "ExpressionAttributeNames": {"#lock": "Lock"}, "ExpressionAttributeValues": {":seen": {"S": seen.version}},
        }


def of(bucket: t.Optional[str], table: t.Optional[str]) -> type[Store]:
    """The kind of store that is named."""
    return Object if bucket else Item if table else Parameter
