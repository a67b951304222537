"""`ravelar serve --ray`: flags, and clusters that can't be used, told before anything is started."""

import socket
import subprocess
import threading
import time
from collections.abc import Callable

import pytest
from needs import skip_without

from ravelar.cli.serve_ray import read_gpus, read_range
from ravelar.tools.errors import InputError
from ravelar.training.service.cluster.connecting import check_reachable, on_loopback, within

skip_without("ray", "the extra `ray` is not installed")
Ravelar = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.mark.parametrize(("text", "read"), [("2", (2, 2)), ("1-4", (1, 4))])
def test_replicas_are_a_number_or_a_range(text: str, read: tuple[int, int]) -> None:
    assert read_range("--replicas", text) == read


@pytest.mark.parametrize("text", ["", "x", "0", "4-1", "1-", "-1", "1-2-3"])
def test_a_range_that_is_none_is_named(text: str) -> None:
    with pytest.raises(InputError, match=r"--replicas .*; allowed: a number, such as 2, or a range, such as 1-4"):
        read_range("--replicas", text)


def test_gpus_are_of_every_reward_model_or_of_one() -> None:
    assert read_gpus(("0.5", "org/model=2")) == {None: 0.5, "org/model": 2.0}
    with pytest.raises(InputError, match="--gpus 'one'; allowed: a number, or TOOL=NUMBER"):
        read_gpus(("one",))


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--ray", "--workers", "2"), "--workers belongs to a service without --ray"),
        (("--ray", "--gpus", "maths=1"), "no reward tool 'maths'; did you mean 'math_answer'?"),
        (("--ray", "ray://head:10001"), "run the service on a node of the cluster"),
        (("--ray", "head"), "'head' is no address of a Ray cluster; allowed: HOST:PORT, 'auto'"),
        (("--ray", "127.0.0.1:1"), "nothing listens at 127.0.0.1:1"),
    ],
)
@pytest.mark.slow
def test_what_can_not_be_served_is_said_at_once(ravelar: Ravelar, flags: tuple[str, ...], said: str) -> None:
    done = ravelar("serve", "--port", "0", *flags)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_answers_is_reachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        check_reachable(f"127.0.0.1:{server.getsockname()[1]}")
    with pytest.raises(InputError, match="nothing listens at"):
        check_reachable("127.0.0.1:99999")


def test_a_cluster_of_this_machine_alone_stays_on_the_loopback() -> None:
    assert on_loopback(None)
    assert on_loopback("127.0.0.1:6379")
    assert not on_loopback("10.0.0.5:6379")
    assert not on_loopback("auto")


def test_an_end_that_hangs_is_not_waited_for() -> None:
    let_go = threading.Event()
    started = time.monotonic()
    within(0.1, lambda: let_go.wait(30))
    assert time.monotonic() - started < 10
    let_go.set()
