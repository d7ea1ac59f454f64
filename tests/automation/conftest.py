"""A Redis for workers and their doorbell."""

import os

import pytest

REDIS = os.environ.get("FORMWORK_TEST_REDIS", "redis://127.0.0.1:6379/9")


@pytest.fixture
def redis_url() -> str:
    """A Redis of its own for the tests; skips when there is none."""
    redis = pytest.importorskip("redis", reason="redis is not installed")
    connection = redis.Redis.from_url(REDIS, socket_connect_timeout=1)
    try:
        connection.ping()
    except redis.RedisError as error:
        pytest.skip(f"Redis is not reachable (FORMWORK_TEST_REDIS): {error}")
    finally:
        connection.close()
    return REDIS
