"""Licences: nothing that we install may bind those who use us."""

import json
import re
import subprocess
import sys

# LGPL libraries are used as they come, so they bind nobody; GPL, AGPL and "not for business" would.
BINDING = re.compile(r"(?<!L)\bA?GPL|GNU (Affero )?General Public|non-?commercial|proprietary|SSPL|BUSL", re.IGNORECASE)
# What pip-licenses cannot see or says too little of, looked up in the package itself.
LOOKED_UP = {
    "IMAPClient": "BSD-3-Clause, by its COPYING file",
    "huey": "MIT, by its LICENSE file",
    "skops": "MIT, by its LICENSE file",
    "text-unidecode": "Artistic or GPL, as the user likes: Artistic",
}


def test_nothing_installed_binds_our_users() -> None:
    command = [sys.executable, "-m", "piplicenses", "--from=mixed", "--format=json"]
    packages = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    assert len(packages) > 100
    refused = {
        package["Name"]: package["License"]
        for package in packages
        if package["Name"] not in LOOKED_UP and not is_free(package["License"])
    }
    assert refused == {}


def is_free(licence: str) -> bool:
    """Whether a licence is known, and no part of it binds."""
    lesser = licence.replace("GNU Library or Lesser General Public License", "LGPL")
    return licence != "UNKNOWN" and not BINDING.search(lesser)


def test_knows_a_binding_licence_when_it_sees_one() -> None:
    assert not is_free("GPL-3.0-only")
    assert not is_free("GNU General Public License v2 (GPLv2)")
    assert not is_free("GNU Affero General Public License v3")
    assert not is_free("UNKNOWN")
    assert is_free("LGPL-3.0-only")
    assert is_free("GNU Library or Lesser General Public License (LGPL)")
    assert is_free("MIT")
