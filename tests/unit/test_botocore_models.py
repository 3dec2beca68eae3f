# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read of AWS's services before the fork: a fork that was given it reads no file again, and one that was not reads for itself."""

from __future__ import annotations

import os

import botocore.loaders
import botocore.session
import boto3
import pytest
from ansible_collections.huntaze.ai_system.plugins.plugin_utils import _models


def client(service: str):
    return boto3.session.Session().client(service, region_name="us-east-1", aws_access_key_id="key", aws_secret_access_key="secret")


@pytest.mark.parametrize("service", ["amplify", "cloudwatch", "ec2", "elasticache"])
def test_a_client_of_a_service_that_was_read_reads_no_file(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_models, "_loader", None)
    monkeypatch.setattr(botocore.session, "create_loader", botocore.session.create_loader)
    _models.read(service)
    _models.use()
    opened = []
    monkeypatch.setattr(botocore.loaders.JSONFileLoader, "_load_file", lambda self, path, *how: opened.append(path))
    client(service)
    assert [path for path in opened if os.path.exists(path)] == []


def test_whoever_has_models_of_their_own_gets_those(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_models, "_loader", None)
    own = botocore.session.create_loader
    monkeypatch.setattr(botocore.session, "create_loader", own)
    monkeypatch.setenv("AWS_DATA_PATH", "/nowhere")
    _models.read("amplify")
    _models.use()
    assert botocore.session.create_loader is own
    assert client("amplify").meta.service_model.service_name == "amplify"
