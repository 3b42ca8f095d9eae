"""The upstream conformance suite against the counter with fake desks, and the runner itself."""

import asyncio
from pathlib import Path
from typing import Literal

import pytest

from tests.conformance import sanity
from tests.conformance.sanity import Failure, SanityResult, Unavailable, read_report, run_sanity
from tests.rpc.fake_desks import FakeNodeDesk, FakeVolumeDesk
from tests.rpc.served import served


@pytest.mark.timeout(sanity.INSTALL_TIMEOUT_SECONDS + 120)
@pytest.mark.parametrize("access_type", ["mount", "block"])
def test_the_counter_conforms(tmp_path: Path, access_type: Literal["mount", "block"]) -> None:
    try:
        sanity.install()
    except Unavailable as reason:
        pytest.skip(str(reason))

    async def scenario() -> SanityResult:
        async with served(tmp_path, FakeVolumeDesk(), FakeNodeDesk()) as both:
            return await asyncio.to_thread(
                run_sanity, both.endpoint, "", {"fsType": "ext4"}, access_type, tmp_path, timeout_seconds=60.0
            )

    result = asyncio.run(scenario())
    assert not result.failures, f"{result.summary()}\n{result.output}"
    assert len(result.passed) == 51  # of 96; the others need capabilities that are not advertised


REPORT = """<testsuites><testsuite>
<testcase name="[BeforeSuite]" status="passed"/>
<testcase name="[It] Identity Service Probe" status="passed"/>
<testcase name="[It] CreateSnapshot one" status="skipped"/>
<testcase name="[It] ListVolumes pagination" status="pending"/>
<testcase name="[It] Node Service should work" status="failed"><failure message="expected OK"/></testcase>
<testcase name="[AfterSuite]" status="panicked"><error message="socket gone"/></testcase>
</testsuite></testsuites>"""


def test_a_report_is_read_by_what_became_of_each_test() -> None:
    result = read_report(REPORT)
    assert result.passed == ("Identity Service Probe",)
    assert result.skipped == ("CreateSnapshot one", "ListVolumes pagination")
    assert result.failures == (
        Failure("Node Service should work", "expected OK"),
        Failure("[AfterSuite]", "socket gone"),
    )
    assert result.summary().splitlines()[0] == "1 passed, 2 failed, 2 skipped"


def test_without_go_the_reason_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sanity, "BINARY", tmp_path / "csi-sanity")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert sanity.main() == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert "there is no Go" in line
    with pytest.raises(Unavailable, match="not installed"):
        sanity.binary()


def test_a_failed_build_tells_what_go_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = tmp_path / "go"
    go.write_text("#!/bin/sh\necho first >&2\necho 'no such module' >&2\nexit 3\n")
    go.chmod(0o755)
    monkeypatch.setattr(sanity, "BIN", tmp_path / "bin")
    monkeypatch.setattr(sanity, "BINARY", tmp_path / "bin" / "csi-sanity-x")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(Unavailable, match="cannot be built: no such module"):
        sanity.install()
