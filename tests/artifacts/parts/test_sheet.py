"""Tables of artifacts."""

from artifacts.parts.sheet import csv_file


def test_a_table_is_a_csv_file() -> None:
    file = csv_file("rows.csv", ["name", "count"], [["=1", 3], ["b", None]])
    assert (file.name, file.media_type) == ("rows.csv", "text/csv; charset=utf-8")
    assert file.content.decode("utf-8-sig") == "name,count\r\n'=1,3\r\nb,\r\n"
