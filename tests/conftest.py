"""What the tests share: one embedded PostgreSQL a run, migrated; an organization of its own for each test."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

HOME = Path(tempfile.mkdtemp(prefix="ai2-test-"))
HOME.chmod(0o711)
os.environ["AI2_HOME"] = str(HOME)
os.environ["GX_ANALYTICS_ENABLED"] = "false"

from ai2.books.categories import service as categories  # noqa: E402 - the home must be known first
from ai2.identity import organizations  # noqa: E402
from ai2.identity.organizations import Organization  # noqa: E402
from ai2.kit import postgres  # noqa: E402
from ai2.kit.database import Connection, Database, Role  # noqa: E402
from ai2.kit.ids import new_id  # noqa: E402
from ai2.kit.migrate import migrate  # noqa: E402
from ml import serving  # noqa: E402
from tests import seeds  # noqa: E402


def pytest_report_header() -> str:
    return f"AI2_TEST_SEED={seeds.RUN}"


# They go through the same lines again and again: traced they take twice as long, and no line more is covered.
ROUNDS = (
    "soak", "conformance", "test_round_trip", "test_messages_round_trip", "test_bad_input", "test_corpus",
    "test_corpus_messages", "test_agreement", "test_custom_random", "test_anomalies_measured", "test_cashflow",
    "test_bank_histories",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What goes round at random is not traced for coverage; every line that it reaches has a test of its own."""
    for item in items:
        is_random = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
        if is_random or not {item.path.stem, item.path.parent.name}.isdisjoint(ROUNDS):
            item.add_marker("no_cover")


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Archives hold the time at which they were made, which is another one in each process."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture(scope="session", autouse=True)
def nobody_watches() -> Iterator[None]:
    """The thread that looks for a new model would go on from one test into all others."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serving, "_watch", lambda: None)
        yield


@pytest.fixture(autouse=True)
def no_mlflow_of_another_test() -> Iterator[None]:
    """MLflow writes the address that it is told into the environment, where all that comes later would find it."""
    told = os.environ.get("MLFLOW_TRACKING_URI")
    yield
    if told is None:
        os.environ.pop("MLFLOW_TRACKING_URI", None)
    else:
        os.environ["MLFLOW_TRACKING_URI"] = told


@pytest.fixture(scope="session")
def server() -> Iterator[None]:
    """A running, migrated PostgreSQL. It need not survive a power cut."""
    with postgres.running(HOME, fsync="off", synchronous_commit="off", full_page_writes="off"):
        migrate()
        yield
    shutil.rmtree(HOME)


@pytest.fixture(scope="session")
async def database(server: None) -> AsyncIterator[Database]:
    """The API role's pool: it sees one organization at a time."""
    async with Database(Role.API) as pool:
        yield pool


@pytest.fixture(scope="session")
async def pipeline(server: None) -> AsyncIterator[Database]:
    """The pipeline role's pool: it sees every organization."""
    async with Database(Role.PIPELINE) as pool:
        yield pool


async def make_organization(database: Database, name: str = "Bright Bikes") -> Organization:
    async with database.transaction() as db:
        organization = await organizations.create(db, name=f"{name} {new_id()}", base_currency="GBP", country="GB")
        await categories.create_defaults(db, organization.organization_id)
    return organization


@pytest.fixture
async def organization(database: Database) -> Organization:
    """An organization that no other test uses, with the categories everyone starts with."""
    return await make_organization(database)


@pytest.fixture
async def stranger(database: Database) -> Organization:
    """Another organization, to be told nothing."""
    return await make_organization(database, "Stranger")


@pytest.fixture
async def db(database: Database, organization: Organization) -> AsyncIterator[Connection]:
    """A transaction that acts for the organization and is kept when the test ends."""
    async with database.transaction(organization.organization_id) as connection:
        yield connection


@pytest.fixture(scope="session")
def marts(server: None) -> None:
    """The marts, built; what is written afterwards is in their live views."""
    from pipelines import dbt

    dbt.invoke("run")


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real files; tests that need it skip where it is absent."""
    folder = Path(os.environ.get("AI2_TEST_DATA", ""))
    if not os.environ.get("AI2_TEST_DATA") or not folder.is_dir():
        pytest.skip("AI2_TEST_DATA names no folder of real files")
    return folder.resolve()
