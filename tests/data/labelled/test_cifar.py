"""CIFAR's files: every layout gives the same images, and nothing that is not known is interpreted."""

import gzip
import pickle
import tarfile
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import small_pictures

from cellprune.data.labelled import cifar
from cellprune.data.labelled.cifar import CifarError


def test_the_checksums_are_those_that_torchvision_states():
    from cellprune.machine.torchvision import ensure_torchvision

    ensure_torchvision()
    from torchvision.datasets import CIFAR10, CIFAR100

    for name, theirs in (("cifar10", CIFAR10), ("cifar100", CIFAR100)):
        kind = cifar.OFFICIAL[name]
        assert kind.folder == theirs.base_folder
        assert kind.train == dict(theirs.train_list)
        assert kind.test == dict(theirs.test_list)
        assert kind.meta == {theirs.meta["filename"]: theirs.meta["md5"]}
        assert kind.names == theirs.meta["key"]


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_the_official_files_hold_what_was_put_in(tmp_path, name):
    md5 = small_pictures.official(tmp_path, name)
    made = small_pictures.arrays()
    with small_pictures.known_by(md5, name):
        content = cifar.read(tmp_path)
        assert cifar.read(tmp_path / cifar.OFFICIAL[name].folder).files == content.files
    assert content.classes == small_pictures.NAMES
    n_files = len(cifar.OFFICIAL[name].train)
    order = np.concatenate([np.arange(80)[k::n_files] for k in range(n_files)])
    assert (content.train[0] == made["x_train"].transpose(0, 3, 1, 2)[order]).all()
    assert (content.train[1] == made["y_train"][order]).all()
    assert (content.test[0] == made["x_test"].transpose(0, 3, 1, 2)).all()
    assert set(content.files) == set(cifar.OFFICIAL[name].files)


def test_torchvision_reads_the_same(tmp_path, monkeypatch):
    md5 = small_pictures.official(tmp_path)
    from cellprune.machine.torchvision import ensure_torchvision

    ensure_torchvision()
    from torchvision.datasets import CIFAR10

    monkeypatch.setattr(CIFAR10, "train_list", [[file, md5[file]] for file in cifar.OFFICIAL["cifar10"].train])
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", md5["test_batch"]]])
    monkeypatch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": md5["batches.meta"]})
    theirs = CIFAR10(str(tmp_path), train=True, download=False)
    with small_pictures.known_by(md5):
        content = cifar.read(tmp_path)
    assert (content.train[0].transpose(0, 2, 3, 1) == theirs.data).all()
    assert content.train[1].tolist() == theirs.targets


def test_a_file_that_fails_its_checksum_is_named_and_never_interpreted(tmp_path):
    md5 = small_pictures.official(tmp_path)
    path = tmp_path / "cifar-10-batches-py" / "data_batch_3"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with small_pictures.known_by(md5), pytest.raises(CifarError, match=r"data_batch_3 fails its checksum \(md5 "):
        cifar.read(tmp_path)
    path.unlink()
    with small_pictures.known_by(md5), pytest.raises(CifarError, match=r"data_batch_3 is missing"):
        cifar.read(tmp_path)


class _Program:
    def __reduce__(self):
        return print, ("it ran",)


def test_a_pickle_that_asks_for_a_program_is_refused_even_with_the_right_checksum(tmp_path, capsys):
    small_pictures.official(tmp_path)
    folder = tmp_path / "cifar-10-batches-py"
    (folder / "test_batch").write_bytes(pickle.dumps({"data": _Program()}, protocol=2))
    md5 = small_pictures.digests(folder, cifar.OFFICIAL["cifar10"])
    with small_pictures.known_by(md5), pytest.raises(CifarError, match=r"asks for __builtin__.print, which is refused"):
        cifar.read(tmp_path)
    assert capsys.readouterr().out == ""


BAD_NPZ = {
    "x_test lacks": ({"x_test": None}, "lacks x_test"),
    "not uint8": (
        {"x_train": np.zeros((80, 32, 32, 3), np.float32)},
        r"x_train is float32 \(80, 32, 32, 3\), not uint8",
    ),
    "another size": ({"x_train": np.zeros((80, 28, 28, 3), np.uint8)}, r"not uint8 \(N, 32, 32, 3\)"),
    "labels missing": ({"y_test": np.zeros(3, np.int64)}, "not one whole number for each of 24 images"),
    "labels no numbers": ({"y_test": np.zeros(24)}, "y_test is float64"),
    "labels negative": ({"y_train": np.full(80, -1)}, "not classes from 0"),
    "too few names": ({"label_names": np.array(["a"])}, r"1 class\(es\) have names, but labels go up to 3"),
    "a pickle inside": ({"y_test": np.array([{}] * 24, dtype=object)}, "no npz of plain arrays"),
}


@pytest.mark.parametrize("name", BAD_NPZ)
def test_an_npz_that_is_not_what_it_should_be_is_refused(tmp_path, name):
    changed, message = BAD_NPZ[name]
    with pytest.raises(CifarError, match=message) as refusal:
        cifar.read(small_pictures.npz(tmp_path / "images.npz", **changed))
    assert "images.npz" in str(refusal.value)


def test_an_array_that_claims_more_than_its_bytes_is_refused_before_memory_is_taken(tmp_path):
    path = tmp_path / "images.npz"
    with zipfile.ZipFile(path, "w") as packed, packed.open("x_train.npy", "w") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (10**12, 32, 32, 3)}
        np.lib.format.write_array_header_1_0(file, header)
    with pytest.raises(CifarError, match=r"x_train.npy claims .* and has \d+ bytes"):
        cifar.read(path)


def test_what_is_no_npz_or_no_folder_of_cifar_is_refused(tmp_path):
    (tmp_path / "text.npz").write_text("no zip")
    with pytest.raises(CifarError, match=r"text.npz is no npz"):
        cifar.read(tmp_path / "text.npz")
    with pytest.raises(CifarError, match=r"there is no"):
        cifar.read(tmp_path / "none")
    with pytest.raises(CifarError, match=r"holds neither cifar-10-batches-py nor cifar-100-python"):
        cifar.read(tmp_path)


@pytest.mark.parametrize("source", ["folder", "archive", "npz"])
def test_each_source_is_brought_and_read_again(tmp_path, source):
    md5 = small_pictures.official(tmp_path / "from")
    given = tmp_path / "from"
    if source == "archive":
        given = tmp_path / "cifar.tar.gz"
        with tarfile.open(given, "w:gz") as archive:
            archive.add(tmp_path / "from" / "cifar-10-batches-py", "cifar-10-batches-py")
            archive.add(tmp_path / "from", "../elsewhere")  # never looked at
    elif source == "npz":
        given = small_pictures.npz(tmp_path / "own.npz")
    to = tmp_path / "to"
    to.mkdir()
    with small_pictures.known_by(md5):
        cifar.bring(given, "cifar10", to)
        assert cifar.holds(to)
        assert len(cifar.read(to).train[0]) == 80
    assert not (tmp_path / "elsewhere").exists()


def test_a_source_of_another_set_is_refused(tmp_path):
    small_pictures.official(tmp_path / "from", "cifar100")
    with pytest.raises(CifarError, match=r"holds cifar-100-python, not cifar-10-batches-py"):
        cifar.bring(tmp_path / "from", "cifar10", tmp_path)
    many = small_pictures.npz(tmp_path / "many.npz", y_train=np.arange(80), label_names=None)
    with pytest.raises(CifarError, match=r"has 80 classes, cifar10 has 10"):
        cifar.bring(many, "cifar10", tmp_path)
    few = small_pictures.npz(tmp_path / "few.npz")
    with pytest.raises(CifarError, match=r"classes, cifar100 has 100: fetch it by another name"):
        cifar.bring(few, "cifar100", tmp_path)
    with tarfile.open(tmp_path / "empty.tar", "w") as archive:
        archive.add(many, "other.npz")
    with pytest.raises(CifarError, match=r"holds no data_batch_1"):
        cifar.bring(tmp_path / "empty.tar", "cifar10", tmp_path)


def test_a_file_that_fails_is_named_where_the_user_has_it(tmp_path):
    md5 = small_pictures.official(tmp_path / "from")
    path = tmp_path / "from" / "cifar-10-batches-py" / "test_batch"
    path.write_bytes(b"x")
    said = rf"{tmp_path / 'from'}/cifar-10-batches-py/test_batch fails its checksum"
    (tmp_path / "copy").mkdir()
    with small_pictures.known_by(md5), pytest.raises(CifarError, match=said):
        cifar.bring(tmp_path / "from", "cifar10", tmp_path / "copy")


def _tar(path: Path, *members: tuple[tarfile.TarInfo, bytes], format: int = tarfile.GNU_FORMAT) -> Path:
    with tarfile.open(path, "w:gz", format=format) as archive:
        for member, content in members:
            member.size = len(content)
            archive.addfile(member, BytesIO(content))
    return path


def _bomb(path: Path, n_bytes: int) -> Path:
    """An archive of some kilobytes whose first member claims, and has, so many bytes before the known ones."""
    member = tarfile.TarInfo("zeros")
    member.size = n_bytes
    with gzip.open(path, "wb") as file:
        file.write(member.tobuf())
        file.write(bytes(n_bytes))
    return path


def _sparse(path: Path) -> Path:
    member = tarfile.TarInfo("cifar-10-batches-py/data_batch_1")
    member.type = tarfile.GNUTYPE_SPARSE
    path.write_bytes(member.tobuf() + bytes(1024))
    return path


HOSTILE = {
    "more bytes than CIFAR": lambda path: _bomb(path, 3_000_000),
    "more members than CIFAR": lambda path: _tar(path, *[(tarfile.TarInfo(f"f{n}"), b"") for n in range(20)]),
    "notes without end": lambda path: _tar(
        path,
        *[(member, b"") for member in [tarfile.TarInfo("f")] if not member.pax_headers.update({"comment": "x" * 3000})],
        format=tarfile.PAX_FORMAT,
    ),
    "a name without end": lambda path: _tar(path, (tarfile.TarInfo("f" * 3000), b"")),
    "a sparse file": _sparse,
    "no archive": lambda path: path.write_bytes(b"x" * 3000) and path,
    "cut off": lambda path: path.write_bytes(_bomb(path, 100_000).read_bytes()[:60]) and path,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_an_archive_that_claims_more_than_cifar_has_is_refused_before_it_is_read(tmp_path: Path, monkeypatch, name):
    path = HOSTILE[name](tmp_path / "cifar.tar.gz")
    for limit, value in (("_MAX_BYTES", 2_000_000), ("_MAX_MEMBERS", 10), ("_MAX_NOTE_BYTES", 2000)):
        monkeypatch.setattr(cifar, limit, value)
    (tmp_path / "to").mkdir()
    said = "unpacks to more than" if name.startswith("more") else "is neither a whole archive nor an npz"
    with pytest.raises(CifarError, match=said) as refusal:
        cifar.bring(path, "cifar10", tmp_path / "to")
    assert "\n" not in str(refusal.value)
    assert not list((tmp_path / "to").rglob("data_batch*"))


def test_an_npz_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch):
    path = small_pictures.npz(tmp_path / "images.npz")
    monkeypatch.setattr(cifar, "_MAX_BYTES", 1000)
    with pytest.raises(CifarError, match=r"unpacks to more than"):
        cifar.read(path)
