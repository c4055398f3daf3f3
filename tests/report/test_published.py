"""The published numbers are there, whole, in any installation."""

from cellprune.report.published import rows


def test_every_table_has_its_rows() -> None:
    counted = {str(table): len(rows(str(table))) for table in range(1, 11)}
    assert counted == {"1": 0, "2": 0, "3": 16, "4": 144, "5": 144, "6": 144, "7": 20, "8": 3, "9": 3, "10": 4}


def test_a_row_has_what_the_paper_prints() -> None:
    [ours] = [row for row in rows("9") if row["method"] == "ProsPr"]
    assert (ours["dataset"], ours["sparsity_percent"], ours["mean"]) == ("DIC-C2DH-HeLa", "90", "0.7491")
