"""The client: every fault of the Hub ends as one error that says what was asked, in bounded time."""

import socket
import subprocess
import sys
import threading
import time

import pytest

from ravelar.tools.errors import HubUnreachable, InputError, RepositoryLied, RepositoryRefused
from ravelar.tools.hub.client import HubClient
from ravelar.tools.hub.wire import asked_to_wait

INFO = "/api/models/a/judge"


@pytest.fixture
def judge(hub, reward_model_files) -> str:
    return hub.add("a/judge", reward_model_files())


def test_an_endpoint_comes_from_the_argument_then_the_environment_then_the_public_hub(monkeypatch) -> None:
    assert HubClient().endpoint == "https://huggingface.co"
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:7/")
    assert HubClient().endpoint == "http://127.0.0.1:7"
    assert HubClient(endpoint="http://127.0.0.1:8").endpoint == "http://127.0.0.1:8"
    for bad in ("ftp://hub", "http://", "hub", "http://["):
        with pytest.raises(InputError, match="allowed: an http or https address"):
            HubClient(endpoint=bad)


def test_a_proxy_of_no_use_is_one_clear_error(hub, client, monkeypatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "gopher://127.0.0.1:1")
    with pytest.raises(HubUnreachable, match="this machine's settings"):
        client(hub).info("a/judge")


def test_naming_the_client_loads_nothing_heavy() -> None:
    code = (
        "import sys, ravelar.cli.hub, ravelar.tools.hub.download, ravelar.tools.hub.search; "
        "sys.exit(bool({'httpx', 'huggingface_hub', 'torch', 'rich', 'filelock'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_offline_mode_asks_nothing(hub, judge, client, monkeypatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(HubUnreachable, match="HF_HUB_OFFLINE"):
        client(hub).info("a/judge")
    assert not hub.requests


def test_a_refused_connection_is_unreachable_after_two_retries(hub, client) -> None:
    hub.stop()
    asking = client(hub)
    with pytest.raises(HubUnreachable, match=r"a/judge.* can't be had: .*refused.*tried 3 times"):
        asking.info("a/judge")
    assert asking.pauses == [0.25, 0.5]


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("down", r"disconnected without sending a response"),
        ("error", r"127.0.0.1 answers 500; tried 3 times"),
        ("garbage", r"answers with no JSON"),
        ("truncated", r"closed connection without sending complete"),
    ],
)
def test_what_is_no_answer_is_unreachable(hub, judge, client, kind: str, says: str) -> None:
    hub.fault(INFO, kind)
    with pytest.raises(HubUnreachable, match=says):
        client(hub).info("a/judge")


def test_what_passes_is_asked_again(hub, judge, client) -> None:
    hub.fault(INFO, "error", times=1, status=503)
    hub.fault(INFO, "down", times=1)
    assert client(hub).info("a/judge")["sha"] == judge


def test_a_rate_limit_is_waited_for_as_long_as_it_says(hub, judge, client) -> None:
    hub.fault(INFO, "too_many", times=2, seconds=7)
    asking = client(hub)
    assert asking.info("a/judge")["sha"] == judge
    assert asking.pauses == [7.0, 7.0]


def test_a_long_rate_limit_ends_the_request_at_once(hub, judge, client) -> None:
    hub.fault(INFO, "too_many", seconds=3600)
    asking = client(hub)
    with pytest.raises(HubUnreachable, match=r"429, too many requests; it asks to wait 3600 s, allowed: 30 s"):
        asking.info("a/judge")
    assert (asking.pauses, len(hub.requests)) == ([], 1)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "12"}, 12.0),
        ({"Retry-After": "-3"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"ratelimit": '"api";r=0;t=55'}, 55.0),
        ({"ratelimit": '"api";r=3;t=55'}, None),
        ({}, None),
    ],
)
def test_waits_are_read_in_every_form(headers, seconds) -> None:
    assert asked_to_wait(headers) == seconds


@pytest.mark.parametrize("kind", ["drip", "drip_headers", "slow", "endless"])
@pytest.mark.slow
def test_a_server_that_never_comes_to_an_end_is_left(hub, judge, client, kind: str) -> None:
    hub.fault(INFO, kind, seconds=0.05 if kind.startswith("drip") else 60)
    started = time.monotonic()
    with pytest.raises(HubUnreachable, match=r"took longer than 0.3 s|longer than 32|timed out"):
        client(hub, timeout_s=0.3, retries=0).info("a/judge")
    assert time.monotonic() - started < 20  # the drip alone would take minutes


def test_a_socket_that_takes_connections_and_says_nothing_is_left(client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(HubUnreachable, match=r"tried 2 times"):
            client(url, timeout_s=0.2, retries=1).info("a/judge")


def test_the_client_works_again_after_a_cut(hub, judge, client) -> None:
    asking = client(hub, timeout_s=0.5, retries=0)
    hub.fault(INFO, "drip", times=1)
    with pytest.raises(HubUnreachable):
        asking.info("a/judge")
    assert asking.info("a/judge")["sha"] == judge


def test_requests_of_several_threads_take_turns(hub, judge, client) -> None:
    asking = client(hub)
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(asking.info("a/judge")["sha"])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [judge] * 8


@pytest.mark.parametrize(
    "name", ["judge", "a/b/c", "../judge", "a/..", "a/b..c", "a/b c", "", "a/", "https://x/y", "a/b?x"]
)
def test_what_is_no_name_is_wrong_input(hub, client, name: str) -> None:
    with pytest.raises(InputError, match="allowed: 'owner/name'"):
        client(hub).info(name)
    assert not hub.requests


def test_a_missing_or_private_repository_and_a_missing_revision_are_refused(
    hub, judge, client, reward_model_files
) -> None:
    hub.add("a/private", reward_model_files(), private=True)
    for name in ("a/nothing", "a/private"):
        with pytest.raises(RepositoryRefused, match="no such repository, or it is private"):
            client(hub).info(name)
    with pytest.raises(RepositoryRefused, match="a/judge at v9: there is no such revision"):
        client(hub).info("a/judge", "v9")
    hub.access.add("hf_friend")
    assert client(hub, token="hf_friend").info("a/private")["private"]


def test_the_token_is_sent_to_the_hub_and_not_where_it_redirects(hub, hub_server, judge, client) -> None:
    with hub_server() as elsewhere:
        hub.fault(INFO, "elsewhere", location=f"{elsewhere.url}/api/models/a/judge")
        with pytest.raises(RepositoryRefused):
            client(hub, token="hf_secret").info("a/judge")
        assert hub.requests[0].headers["authorization"] == "Bearer hf_secret"
        assert "authorization" not in elsewhere.requests[0].headers


def test_redirects_in_a_circle_end(hub, judge, client) -> None:
    hub.fault(INFO, "elsewhere", location=f"{hub.url}{INFO}/revision/main")
    with pytest.raises(HubUnreachable, match="redirect"):
        client(hub, retries=0).info("a/judge")
    assert len(hub.requests) < 10


@pytest.mark.parametrize("body", [b"[]", b"null", b'"text"', b"7"])
def test_an_info_that_is_no_mapping_is_a_lie(hub, judge, client, body: bytes) -> None:
    hub.fault(INFO, "replaced", body=body)
    with pytest.raises(RepositoryLied, match=r"a/judge: its description is .*; allowed: a mapping"):
        client(hub).info("a/judge")


def test_json_that_is_too_long_or_too_deep_is_not_swallowed(hub, judge, client, monkeypatch) -> None:
    hub.fault(INFO, "replaced", times=1, body=b'{"a":' * 200_000 + b"1" + b"}" * 200_000)
    with pytest.raises(HubUnreachable, match="nested too deeply"):
        client(hub).info("a/judge")
    monkeypatch.setattr("ravelar.tools.hub.client.MOST_JSON", 1000)
    hub.fault(INFO, "replaced", body=b'{"a": "' + b"x" * 2000 + b'"}')
    with pytest.raises(HubUnreachable, match="longer than 1,000 bytes"):
        client(hub).info("a/judge")
