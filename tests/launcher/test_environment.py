"""The environment of our processes: every setting that was made arrives as it was."""

import os

import pytest

from ai2.kit.settings import OidcProvider, Settings
from ai2.launcher.environment import environment


def test_providers_arrive_with_their_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"name": "work", "issuer": "https://login.example.com", "client_id": "ai2", "client_secret": "hush",
            "hosts": ["keys.example.com"]}  # fmt: skip
    made = Settings(oidc_providers=[OidcProvider(**said)], public_url="https://books.example.com")  # type: ignore[arg-type]
    for name, value in environment(made).items():
        monkeypatch.setitem(os.environ, name, value)
    arrived = Settings()
    assert (arrived.oidc_providers, arrived.public_url) == (made.oidc_providers, made.public_url)
    assert arrived.oidc_providers[0].client_secret.get_secret_value() == "hush"  # type: ignore[union-attr]


def test_two_providers_of_one_name_are_refused() -> None:
    said = OidcProvider(name="work", issuer="https://login.example.com", client_id="ai2")
    with pytest.raises(ValueError, match="names that differ"):
        Settings(oidc_providers=[said, said])
