# SPDX-License-Identifier: GPL-3.0-or-later
"""How a task names an app and a branch."""

from __future__ import annotations

import pytest
from ansible_collections.huntaze.ai_system.plugins.module_utils._amplify.app import problems


@pytest.mark.parametrize(("app_id", "branch", "count"), [("d1abc", "main", 0), (None, None, 0), ("huntaze", "main", 1), ("arn:aws", " ", 2)])
def test_identifiers_that_cannot_be_are_refused(app_id, branch, count):
    assert len(problems({"app_id": app_id, "branch": branch})) == count


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"app_id": "arn:aws:amplify:us-east-1:123456789012:apps/d1a2b3c4d5e6f7"}, "write d1a2b3c4d5e6f7."),
        ({"app_id": "arn:aws:amplify:us-east-1:123456789012:apps/d1a2b3c4d5e6f7/branches/main"}, "write d1a2b3c4d5e6f7."),
        ({"app_id": "https://main.d1a2b3c4d5e6f7.amplifyapp.com"}, "write d1a2b3c4d5e6f7."),
        ({"app_id": "https://us-east-1.console.aws.amazon.com/amplify/apps/d1a2b3c4d5e6f7/overview"}, "write d1a2b3c4d5e6f7."),
        ({"app_id": "d1a2b3c4d5e6f7.amplifyapp.com"}, "write d1a2b3c4d5e6f7."),
        ({"app_id": " d1a2b3c4d5e6f7\n"}, "write d1a2b3c4d5e6f7."), ({"app_id": ""}, "app_id is empty"), ({"app_id": " "}, "app_id is empty"),
        ({"app_id": "huntaze"}, "use app_name"), ({"app_id": "D1A2B3C4D5E6F7"}, "as AWS does"), ({"app_id": "https://example.com"}, "as AWS does"),
        ({"app_name": "huntaze "}, "write 'huntaze'"), ({"app_name": ""}, "app_name is empty"), ({"app_name": "\t"}, "app_name is empty"),
        ({"app_name": "arn:aws:amplify:us-east-1:123456789012:apps/d1a2b3c4d5e6f7"}, "use app_id: d1a2b3c4d5e6f7"),
        ({"app_name": "https://example.com"}, "address"),
        ({"branch": ""}, "branch is empty"), ({"branch": "main\n"}, "write 'main'"), ({"branch": " main"}, "write 'main'"),
        ({"branch": "refs/heads/feature/x"}, "write 'feature/x'"), ({"branch": "b" * 256}, "256 characters"),
        ({"branch": "arn:aws:amplify:us-east-1:123456789012:apps/d1a2b3c4d5e6f7/branches/main"}, "write 'main'"),
        ({"branch": "https://github.com/huntaze/huntaze/tree/main"}, "write 'main'"),
        ({"branch": "https://main.d1a2b3c4d5e6f7.amplifyapp.com"}, "as the console shows"),
    ],
)
def test_kind_27_an_address_or_a_blank_is_told_with_what_to_write(options, expected):
    (problem,) = problems(options)
    assert expected in problem


@pytest.mark.parametrize(
    "options", [{"app_name": "my shop"}, {"app_name": "d1abc"}, {"branch": "feature/a b#1"}, {"branch": "origin/main"}, {"branch": "b" * 255}]
)
def test_kind_27_names_that_can_be_are_taken(options):
    assert not problems(options)
