"""A database and a Redis for a house of real processes."""

import os
import secrets
from collections.abc import Iterator

import pytest

REDIS = os.environ.get("FORMWORK_TEST_REDIS", "redis://127.0.0.1:6379/9")


@pytest.fixture
def postgresql_site(postgresql_server: str) -> Iterator[str]:
    """The address of an empty schema."""
    import psycopg

    schema = f"t_{secrets.token_hex(6)}"
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
    yield f"{postgresql_server}?options=-csearch_path%3D{schema}"


@pytest.fixture
def redis_server() -> str:
    """The address of a Redis; skips when there is none."""
    redis = pytest.importorskip("redis")
    try:
        redis.Redis.from_url(REDIS, socket_connect_timeout=1).ping()
    except redis.RedisError as error:
        pytest.skip(f"Redis is not reachable (FORMWORK_TEST_REDIS): {error}")
    return REDIS
