"""Archives are opened only as far as they can be trusted."""

from __future__ import annotations

import gzip
import os
import zipfile
from pathlib import Path

import pytest

from nextgen_resources.errors import ProviderDataError, SettingsError
from nextgen_resources.market_data.ticks.archives import ArchiveLimits, member_names, opened
from nextgen_resources.market_data.ticks.declaration import FILE_NAME, declared_files, read_declaration

LIMITS = ArchiveLimits(members=3, bytes=64 * 1024 * 1024, ratio=50)
TEXT = b"1,2,3\n"


def zipped(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def content(path: Path, member: str = "") -> bytes:
    with opened(path, member, LIMITS) as stream:
        return b"".join(iter(lambda: stream.read(1 << 20), b""))


def test_members_come_in_the_order_of_their_names_and_unpack(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", **{"b.csv": b"2", "a.csv": TEXT})
    assert member_names(path, LIMITS) == ["a.csv", "b.csv"]
    assert content(path, "a.csv") == TEXT


def test_gz_and_plain_files_are_one_member_without_a_name(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(TEXT)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(TEXT))
    for name in ("a.csv", "a.csv.gz"):
        assert member_names(tmp_path / name, LIMITS) == [""]
        assert content(tmp_path / name) == TEXT


@pytest.mark.parametrize("name", ["../up.csv", "/etc/up.csv", "a/../../up.csv", "c:up.csv", "a\\..\\up.csv"])
def test_member_whose_name_climbs_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ProviderDataError, match="leads out of the archive"):
        member_names(zipped(tmp_path / "a.zip", **{name: TEXT}), LIMITS)


def test_link_and_archive_within_an_archive_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.csv")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(ProviderDataError, match="it is a link"):
        member_names(tmp_path / "link.zip", LIMITS)
    with pytest.raises(ProviderDataError, match="an archive itself"):
        member_names(zipped(tmp_path / "a.zip", **{"b.zip": TEXT}), LIMITS)


def test_archive_that_claims_to_unpack_too_far_is_refused_unread(tmp_path: Path) -> None:
    bomb = zipped(tmp_path / "bomb.zip", **{"a.csv": bytes(20 * 1024 * 1024)})
    with pytest.raises(ProviderDataError, match=r"would unpack to 20,971,520 bytes.*archive bomb"):
        member_names(bomb, LIMITS)


def test_archive_of_too_many_members_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProviderDataError, match="has 4 members, expected 1 to 3"):
        member_names(zipped(tmp_path / "a.zip", **{f"{n}.csv": TEXT for n in range(4)}), LIMITS)


def test_bytes_are_counted_where_nothing_is_claimed(tmp_path: Path) -> None:
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(bytes(20 * 1024 * 1024)))
    with pytest.raises(ProviderDataError, match="refused as an archive bomb"):
        content(tmp_path / "bomb.gz")


def test_damaged_archives_are_an_error_not_an_end(tmp_path: Path) -> None:
    packed = gzip.compress(os.urandom(100_000))
    (tmp_path / "cut.gz").write_bytes(packed[:50_000])
    with pytest.raises(ProviderDataError, match="damaged or cut short"):
        content(tmp_path / "cut.gz")
    (tmp_path / "page.zip").write_bytes(b"<html>not found</html>")
    with pytest.raises(ProviderDataError, match="is no zip archive"):
        member_names(tmp_path / "page.zip", LIMITS)


def declared(folder: Path, text: str) -> list[str]:
    (folder / FILE_NAME).write_text(text)
    (source,) = read_declaration(folder).ticks
    return [file.name for file in declared_files(folder, source, source.load_format().name_pattern)]


def test_declared_files_are_found_in_order_with_what_their_names_tell(tmp_path: Path) -> None:
    for day in ("20140702", "20140701"):
        path = tmp_path / "equity" / "ibm" / f"{day}_trade.zip"
        path.parent.mkdir(parents=True, exist_ok=True)
        zipped(path, **{"a.csv": TEXT})
    text = "ticks: [{files: 'equity/*/*.zip', format: lean, hours: exchange, options: {security: equity, kind: trade}}]"
    assert declared(tmp_path, text) == ["equity/ibm/20140701_trade.zip", "equity/ibm/20140702_trade.zip"]


@pytest.mark.parametrize("pattern", ["../*.csv", "/etc/*", "a/../../*.csv"])
def test_declaration_that_climbs_is_refused(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(SettingsError, match="lead out of the folder"):
        declared(tmp_path, f"ticks: [{{files: '{pattern}', format: histdata, instrument: X, hours: fx}}]")


def test_link_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    outside = tmp_path / "outside.csv"
    outside.write_bytes(TEXT)
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "a.csv").symlink_to(outside)
    with pytest.raises(ProviderDataError, match="leads out of"):
        declared(inside, "ticks: [{files: '*.csv', format: histdata, instrument: X, hours: fx}]")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "ticks: [{files: '*', format: histdata, hours: fx, colour: red}]",
            r"ticks\.0\.colour: Extra inputs",
        ),
        ("ticks: [{files: '*', format: histdata, hours: noon}]", r"ticks\.0\.hours"),
        ("ticks: [", "intraday.yaml: "),
        ("ticks: [{files: 'a.csv', format: histdata, hours: fx}]", "nothing tells the instrument of a.csv"),
        (
            "ticks: [{files: 'a.csv', format: hist, instrument: X, hours: fx}]",
            "tick format 'hist' does not exist",
        ),
    ],
)
def test_declaration_that_cannot_be_says_where_and_why(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "a.csv").write_bytes(TEXT)
    with pytest.raises(SettingsError, match=said):
        declared(tmp_path, text)


def test_folder_without_a_declaration_says_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"has no intraday\.yaml; write one"):
        read_declaration(tmp_path)
