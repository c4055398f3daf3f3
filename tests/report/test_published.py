"""The published numbers are there, whole, in any installation."""

from cellprune.report.published import curve, rows


def test_every_table_has_its_rows() -> None:
    counted = {str(table): len(rows(str(table))) for table in range(1, 11)}
    assert counted == {"1": 0, "2": 0, "3": 16, "4": 144, "5": 144, "6": 144, "7": 20, "8": 3, "9": 3, "10": 4}


def test_a_row_has_what_the_paper_prints() -> None:
    [ours] = [row for row in rows("9") if row.method == "ProsPr"]
    assert (ours.our_dataset, ours.our_network, ours.our_method) == ("DIC-C2DH-HeLa", "unet", "prospr")
    assert (ours.removed_percent, ours.mean, ours.spread) == ("90", 0.7491, None)
    one = next(row for row in rows("4") if row.method == "Random" and row.removed_percent == "48.8")
    assert (one.score, one.score_spread) == (0.908, 0.003)
    assert one.note.startswith("source prints the spread as")


def test_a_curve_is_found_by_our_names() -> None:
    found = curve("cifar10", "resnet20", "synflow")
    assert found is not None
    assert (len(found.removed), found.table) == (18, "4")
    assert list(found.removed) == sorted(found.removed)
    assert all(0.5 < value < 1 for value in found.values)
    [cells] = [curve("DIC-C2DH-HeLa", "unet", "prospr")]
    assert (cells.removed, cells.values) == ((0.9,), (0.7491,))
    assert curve("simulated", "unet", "prospr") is None
    assert curve("cifar10", "resnet20", "ranp") is None
    assert curve("cifar10", "vgg19", "prospr") is None, "it is of whole channels"
    assert curve("cifar100", "resnet18", "dense") is None, "it is a time"
