"""Downloads from a server of our own that cuts, lies, changes its file, says nothing, or says no."""

import hashlib
import json
import re
import threading
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from command_line import typed

from cellprune.data import fetch as fetching
from cellprune.data.fetch import FetchError, fetch
from cellprune.data.sets import download as module
from cellprune.data.sets.cards import card
from cellprune.data.sets.download import DownloadError, download
from cellprune.data.sets.redirects import RedirectError, Redirects
from cellprune.errors import WorkError

CONTENT = np.random.default_rng(0).bytes(100_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
NAME = "PhC-C2DL-PSC"


class Server:
    """Serves `content`; each request takes the next of `faults`, and after the last none."""

    def __init__(self) -> None:
        self.content, self.tag, self.has_ranges = CONTENT, '"one"', True
        self.faults: list[Callable[[BaseHTTPRequestHandler], None]] = []
        self.asked: list[tuple[str | None, str | None]] = []  # Range and If-Range of every request
        self.n_sent = 0
        served = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                served.asked.append((self.headers["Range"], self.headers["If-Range"]))
                (served.faults.pop(0) if served.faults else served.answer)(self)

            def log_message(self, *_: object) -> None: ...

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._http.server_port}/{NAME}.zip"
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def answer(self, to: BaseHTTPRequestHandler, *, n_bytes: int | None = None, claimed: int | None = None) -> None:
        """Send the file from where it is asked for; at most n_bytes of it, whatever length is claimed."""
        start = int((to.headers["Range"] or "bytes=0-")[6:-1])
        goes_on = bool(start) and self.has_ranges and to.headers["If-Range"] == self.tag
        if goes_on and start >= len(self.content):
            to.send_error(416)
            return
        body = self.content[start:] if goes_on else self.content
        to.send_response(206 if goes_on else 200)
        if goes_on:
            to.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        to.send_header("Content-Length", str(len(body) if claimed is None else claimed))
        if self.tag:
            to.send_header("ETag", self.tag)
        to.end_headers()
        sent = body[:n_bytes]
        self.n_sent += len(sent)
        to.wfile.write(sent)

    def cut(self, n_bytes: int) -> Callable[[BaseHTTPRequestHandler], None]:
        return lambda to: self.answer(to, n_bytes=n_bytes)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(module, "PAUSE_S", 0.0)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    running = Server()
    yield running
    running.stop()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "root" / "set.zip"


def in_root(path: Path) -> list[str]:
    return sorted(p.name for p in path.parent.iterdir())


def test_a_whole_file_comes_and_nothing_stays_beside_it(server: Server, path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    download(server.address, path, sha256=DIGEST, progress=lambda *now: told.append(now))
    assert path.read_bytes() == CONTENT
    assert in_root(path) == ["set.zip"]
    assert told[-1] == (100_000, 100_000)
    download(server.address, path, sha256=DIGEST)
    assert len(server.asked) == 1, "it is there already"


def test_a_cut_is_gone_on_from(server: Server, path: Path) -> None:
    server.faults = [server.cut(30_000), server.cut(30_000)]
    download(server.address, path, sha256=DIGEST)
    assert server.asked == [(None, None), ("bytes=30000-", '"one"'), ("bytes=60000-", '"one"')]
    assert server.n_sent == len(CONTENT)


def test_the_next_command_goes_on_where_the_last_gave_up(server: Server, path: Path) -> None:
    server.faults = [server.cut(30_000), *[server.cut(0)] * module.TRIES]
    with pytest.raises(DownloadError, match=r"breaks off .*30000 bytes are kept, the same command goes on") as raised:
        download(server.address, path, sha256=DIGEST)
    assert raised.value.exit_code == 1
    assert "\n" not in str(raised.value)
    assert in_root(path) == ["set.zip.part", "set.zip.part.version"]
    download(server.address, path, sha256=DIGEST)
    assert path.read_bytes() == CONTENT
    assert server.n_sent == len(CONTENT)


def test_a_file_that_changed_meanwhile_is_begun_anew(server: Server, path: Path) -> None:
    def change(to: BaseHTTPRequestHandler) -> None:
        server.content, server.tag = CONTENT[::-1], '"two"'
        server.answer(to)

    server.faults = [server.cut(30_000), change]
    download(server.address, path, sha256=hashlib.sha256(CONTENT[::-1]).hexdigest())
    assert path.read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize("tag", ["", 'W/"weak"'])
def test_without_a_sure_version_it_is_begun_anew(server: Server, path: Path, tag: str) -> None:
    server.tag, server.faults = tag, [server.cut(30_000)]
    download(server.address, path, sha256=DIGEST)
    assert server.asked == [(None, None), (None, None)]


def test_a_server_that_ignores_ranges(server: Server, path: Path) -> None:
    server.has_ranges, server.faults = False, [server.cut(30_000)]
    download(server.address, path, sha256=DIGEST)
    assert server.asked[1] == ("bytes=30000-", '"one"')
    assert path.read_bytes() == CONTENT


def test_a_part_of_another_place_than_asked_for(server: Server, path: Path) -> None:
    def elsewhere(to: BaseHTTPRequestHandler) -> None:
        to.send_response(206)
        to.send_header("Content-Range", "bytes 5-9/10")
        to.send_header("Content-Length", "5")
        to.end_headers()
        to.wfile.write(b"12345")

    server.faults = [server.cut(30_000), elsewhere]
    download(server.address, path, sha256=DIGEST)
    assert server.asked[2] == (None, None)
    assert path.read_bytes() == CONTENT


def test_a_length_that_is_too_long_is_a_cut(server: Server, path: Path) -> None:
    server.faults = [lambda to: server.answer(to, claimed=200_000)]
    download(server.address, path, sha256=DIGEST)  # nothing beyond the end: 416, and it is begun anew
    assert [asked for asked, _ in server.asked] == [None, "bytes=100000-", None]
    assert path.read_bytes() == CONTENT


def test_a_length_that_is_too_short_gives_another_digest(server: Server, path: Path) -> None:
    server.faults = [lambda to: server.answer(to, claimed=50_000)]
    with pytest.raises(DownloadError, match=f"not the known {DIGEST}: it was deleted"):
        download(server.address, path, sha256=DIGEST)
    assert in_root(path) == []


def test_a_wrong_digest_is_thrown_away(server: Server, path: Path) -> None:
    server.content = CONTENT[:-1] + b"x"
    with pytest.raises(DownloadError, match="whose sha256 is not the known"):
        download(server.address, path, sha256=DIGEST)
    assert in_root(path) == []


def test_no_length_at_all(server: Server, path: Path) -> None:
    def unsized(to: BaseHTTPRequestHandler) -> None:
        to.send_response(200)
        to.end_headers()
        to.wfile.write(CONTENT)

    server.faults = [unsized]
    download(server.address, path, sha256=DIGEST)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("claimed", [True, False])
def test_more_than_a_data_set_can_have_is_refused(
    server: Server, path: Path, claimed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsized(to: BaseHTTPRequestHandler) -> None:
        to.send_response(200)
        to.end_headers()
        to.wfile.write(CONTENT)

    monkeypatch.setattr(module, "MAX_BYTES", 50_000)
    server.faults = [] if claimed else [unsized]
    with pytest.raises(DownloadError, match="sends more than 50000 bytes"):
        download(server.address, path, sha256=DIGEST)
    assert in_root(path) == []


def test_a_file_that_was_whole_when_a_kill_came_is_not_sent_again(server: Server, path: Path) -> None:
    path.parent.mkdir()
    path.with_name("set.zip.part").write_bytes(CONTENT)
    path.with_name("set.zip.part.version").write_text('"one"')

    def nothing_beyond(to: BaseHTTPRequestHandler) -> None:
        to.send_response(416)
        to.send_header("Content-Range", f"bytes */{len(CONTENT)}")
        to.send_header("Content-Length", "0")
        to.end_headers()

    server.faults = [nothing_beyond]
    download(server.address, path, sha256=DIGEST)
    assert (path.read_bytes(), server.n_sent, in_root(path)) == (CONTENT, 0, ["set.zip"])


def test_a_rest_without_a_length_is_whole_when_the_file_is(server: Server, path: Path) -> None:
    def unsized(to: BaseHTTPRequestHandler) -> None:
        to.send_response(206)
        to.send_header("Content-Range", f"bytes 30000-99999/{len(CONTENT)}")
        to.end_headers()
        to.wfile.write(CONTENT[30_000:60_000])

    server.faults = [server.cut(30_000), unsized]
    download(server.address, path, sha256=DIGEST)
    assert [asked for asked, _ in server.asked] == [None, "bytes=30000-", "bytes=60000-"]
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("length", ["9" * 5000, "-1", "\u0661", "1e3"])
def test_a_length_that_is_no_number_is_none(server: Server, path: Path, length: str) -> None:
    def odd(to: BaseHTTPRequestHandler) -> None:
        to.wfile.write(f"HTTP/1.0 200 OK\r\nContent-Length: {length}\r\n\r\n".encode() + CONTENT)

    server.faults = [odd]
    download(server.address, path, sha256=DIGEST)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("code", [404, 503])
def test_what_a_server_says_cannot_speak_to_the_terminal(server: Server, path: Path, code: int) -> None:
    says = f"HTTP/1.0 {code} gone\x1b[2J\x07{'x' * 9000}\r\n\r\n".encode()
    server.faults = [lambda to: to.wfile.write(says)] * module.TRIES
    with pytest.raises(DownloadError, match=r"gone\\x1b\[2J\\x07x") as refusal:
        download(server.address, path, sha256=DIGEST)
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 600


def sent_on(to: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(asking: BaseHTTPRequestHandler) -> None:
        asking.send_response(302)
        asking.send_header("Location", to)
        asking.send_header("Content-Length", "0")
        asking.end_headers()

    return answer


@pytest.mark.parametrize("target", ["http://[::1", "http://[x]/", "//[::1/"])
def test_to_be_sent_on_to_what_is_no_address_is_told(server: Server, path: Path, target: str) -> None:
    server.faults = [sent_on(target)] * 8
    with pytest.raises(DownloadError, match=r"cannot be reached \(.*nothing came"):
        download(server.address, path, sha256=None)


def too_much(to: BaseHTTPRequestHandler) -> None:
    to.wfile.write(b"HTTP/1.0 206 Part\r\nContent-Range: bytes 0-2/2\r\n\r\nabc")


def nothing_beyond(to: BaseHTTPRequestHandler) -> None:
    to.wfile.write(b"HTTP/1.0 416 No\r\nContent-Range: bytes */0\r\n\r\n")


@pytest.mark.parametrize("fault", [too_much, nothing_beyond])
def test_a_server_that_never_sends_what_it_claims_is_left(
    server: Server, path: Path, fault: Callable[[BaseHTTPRequestHandler], None]
) -> None:
    server.faults = [fault] * 9
    with pytest.raises(DownloadError, match="4 tries"):
        download(server.address, path, sha256=None)
    assert len(server.asked) < 9


def test_a_host_may_send_on_to_itself(server: Server, path: Path) -> None:
    server.faults = [sent_on(server.address + "?again")]
    download(server.address, path, sha256=DIGEST)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("http://localhost:{port}/", "a host of this machine or its network"),
        ("http://10.0.0.1/", "a host of this machine or its network"),
        ("http://[::ffff:192.168.0.1]/", "a host of this machine or its network"),
        ("http://169.254.169.254/latest", "a host of this machine or its network"),
        ("http://intranet/", "a host of this machine or its network"),
        ("ftp://127.0.0.1/", "the scheme 'ftp'"),
        ("file:///etc/passwd", "not allowed"),
    ],
)
def test_a_server_cannot_send_on_to_our_neighbours(server: Server, path: Path, target: str, why: str) -> None:
    server.faults = [sent_on(target.format(port=server.address.split(":")[2].split("/")[0]))]
    with pytest.raises(WorkError, match=re.escape(why)) as refusal:
        download(server.address, path, sha256=DIGEST)
    assert len(server.asked) == 1
    assert str(refusal.value).isprintable()
    assert "--from" in str(refusal.value)


def test_an_encrypted_download_stays_encrypted() -> None:
    asked = urllib.request.Request("https://127.0.0.1/set.zip")
    rules = Redirects(asked.full_url)
    assert rules.redirect_request(asked, None, 302, "", {}, "https://127.0.0.1/other.zip").full_url.endswith(
        "other.zip"
    )
    with pytest.raises(RedirectError, match="a connection that is not encrypted"):
        rules.redirect_request(asked, None, 302, "", {}, "http://127.0.0.1/set.zip")


def test_more_than_the_disk_holds_is_said_at_once(server: Server, path: Path) -> None:
    server.faults = [lambda to: server.answer(to, claimed=module.MAX_BYTES)] * module.TRIES
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000}))
        with pytest.raises(DownloadError, match="has room for 1000: free some"):
            download(server.address, path, sha256=DIGEST)
    assert len(server.asked) == 1


def test_a_server_that_does_not_answer(server: Server, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT_S", 0.1)
    server.faults = [lambda to: time.sleep(0.4)] * module.TRIES
    with pytest.raises(DownloadError, match=r"does not answer within 0\.1 s \(4 tries\): nothing came; .*--from"):
        download(server.address, path, sha256=DIGEST)
    assert len(server.asked) == module.TRIES


def test_a_server_that_stops_in_the_middle(server: Server, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stall(to: BaseHTTPRequestHandler) -> None:
        server.answer(to, n_bytes=30_000)
        time.sleep(0.4)

    monkeypatch.setattr(module, "TIMEOUT_S", 0.1)
    server.faults = [stall]
    download(server.address, path, sha256=DIGEST)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize(("code", "n_tries"), [(404, 1), (403, 1), (503, module.TRIES)])
def test_a_refusal_is_told(server: Server, path: Path, code: int, n_tries: int) -> None:
    server.faults = [lambda to: to.send_error(code)] * n_tries
    with pytest.raises(DownloadError, match=str(code)):
        download(server.address, path, sha256=DIGEST)
    assert len(server.asked) == n_tries


def test_a_full_disk_is_not_the_server_s_fault(server: Server, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "_require_room", full)
    with pytest.raises(DownloadError, match=r"set\.zip\.part could not be written \(.*No space left"):
        download(server.address, path, sha256=DIGEST)
    assert len(server.asked) == 1


# from here on the whole way: a card, its server, the data root


@pytest.fixture
def known(server: Server, cells: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], None]:
    """Serve the simulated cells as a set; its card knows the digest it is given, "right" for the right one."""
    packed = tmp_path / "served.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for file in sorted(cells.rglob("*")):
            archive.write(file, f"{NAME}/{file.relative_to(cells)}")
    server.content = packed.read_bytes()
    digest = hashlib.sha256(server.content).hexdigest()

    def know(sha256: str | None) -> None:
        ours = card(NAME).model_copy(
            update={"address": server.address, "sha256": digest if sha256 == "right" else sha256}
        )
        monkeypatch.setattr(fetching, "known_card", lambda name: ours)

    return know


def test_a_set_is_downloaded_unpacked_and_the_archive_thrown_away(
    known: Callable[[str | None], None], server: Server, tmp_path: Path, cells: Path, caplog: pytest.LogCaptureFixture
) -> None:
    known("right")
    server.faults = [server.cut(30_000)]
    folder = fetch(NAME, source=None, data_root=tmp_path / "root")
    assert {p.relative_to(folder) for p in folder.rglob("*")} == {p.relative_to(cells) for p in cells.rglob("*")}
    assert [p.name for p in (tmp_path / "root").iterdir()] == [NAME]
    assert not caplog.records
    assert fetch(NAME, source=None, data_root=tmp_path / "root") == folder
    assert len(server.asked) == 2


def test_the_terms_are_told_once_when_something_comes(
    known: Callable[[str | None], None], server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known("right")
    server.faults = [lambda to: to.send_error(404), server.cut(30_000)]
    for code, lines in ((1, []), (0, ["Terms:", NAME, "Look"]), (0, [NAME])):
        assert typed("data", "fetch", NAME, "--data-root", tmp_path / "root") == code
        assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == lines


def test_a_set_of_another_digest_than_its_card_s_never_arrives(
    known: Callable[[str | None], None], tmp_path: Path
) -> None:
    known("0" * 64)
    with pytest.raises(DownloadError, match="not the known 0000"):
        fetch(NAME, source=None, data_root=tmp_path / "root")
    assert list((tmp_path / "root").iterdir()) == []


def test_an_unknown_digest_is_recorded_and_said_to_be_unverified(
    known: Callable[[str | None], None], server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import shutil

    known(None)
    root = tmp_path / "root"
    folder = fetch(NAME, source=None, data_root=root)
    (record,) = caplog.records
    assert f"{NAME} is not verified: its card has no sha256" in record.message
    digest = hashlib.sha256(server.content).hexdigest()
    assert json.loads((root / "digests.json").read_text()) == {NAME: digest}
    shutil.rmtree(folder)
    (tmp_path / "same.zip").write_bytes(server.content)
    fetch(NAME, source=tmp_path / "same.zip", data_root=root)
    assert len(caplog.records) == 1, "the second agrees with the first"
    shutil.rmtree(folder)
    server.content = server.content[:-1] + b"x"
    with pytest.raises(DownloadError, match=f"not the known {digest}"):
        fetch(NAME, source=None, data_root=root)
    assert [p.name for p in root.iterdir()] == ["digests.json"]


def test_an_archive_at_hand_of_unknown_digest_is_recorded_too(
    known: Callable[[str | None], None], server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    known(None)
    (tmp_path / "set.zip").write_bytes(server.content)
    fetch(NAME, source=tmp_path / "set.zip", data_root=tmp_path / "root")
    assert "is not verified" in caplog.text
    assert list(json.loads((tmp_path / "root" / "digests.json").read_text())) == [NAME]


def test_what_is_no_archive_is_not_kept(known: Callable[[str | None], None], server: Server, tmp_path: Path) -> None:
    known(None)
    server.content = b"<html>please log in</html>"
    with pytest.raises(FetchError, match="not a whole zip archive"):
        fetch(NAME, source=None, data_root=tmp_path / "root")
    assert list((tmp_path / "root").iterdir()) == []


def test_a_data_root_that_cannot_be_made(known: Callable[[str | None], None], tmp_path: Path) -> None:
    known("right")
    (tmp_path / "file").write_text("x")
    with pytest.raises(FetchError, match=r"cannot be written to .*--data-root"):
        fetch(NAME, source=None, data_root=tmp_path / "file" / "root")
