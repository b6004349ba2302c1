"""The page, parsed: it holds all that the records say, nothing of anybody's, and asks nothing of a network."""

import base64
import json
import re
import struct
import zlib
from itertools import pairwise

import h5py
import numpy as np
import pytest
from read_page import read_page
from result_folders import ct_result, mri_results, reconstruction

from medrecon.errors import InputError
from medrecon.io import save
from medrecon.report import ReportOptions, write_report


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = mri_results(tmp_path_factory.mktemp("report") / "results")
    ct_result(folder, "abdomen")
    found = write_report(folder, folder / "page.html")
    return folder, found, (folder / "page.html").read_text()


@pytest.fixture(scope="module")
def page(written):
    return read_page(written[2])


def record_of(folder, name):
    if (folder / f"{name}.json").exists():
        return json.loads((folder / f"{name}.json").read_text())
    with h5py.File(folder / f"{name}.h5") as file:
        return json.loads(file.attrs["provenance"])


def volume(page, name):
    return next(v for v in page.all("details", class_="volume") if v.one("h3").text == name)


def pixels(image):
    """Of a PNG in a data URI, `(y, x)` as stored."""
    data = base64.b64decode(image["src"].removeprefix("data:image/png;base64,"))
    width, height, depth, kind = struct.unpack(">IIBB", data[16:26])
    assert (depth, kind in (0, 3)) == (8, True)
    at, rows = 8, b""
    while at < len(data):
        size, name = struct.unpack(">I4s", data[at : at + 8])
        rows += data[at + 8 : at + 8 + size] if name == b"IDAT" else b""
        at += 12 + size
    return np.frombuffer(zlib.decompress(rows), np.uint8).reshape(height, width + 1)[:, 1:]


def test_it_needs_nothing_from_outside(written, page):
    text = re.sub(r"base64,[A-Za-z0-9+/=]*", "", written[2])
    assert not re.search(r"https?:|//[a-z]|url\(|@import|<iframe|<object", text)
    for element in page.all():
        for name in ("src", "href", "action", "srcset", "data", "poster"):
            value = element.attributes.get(name, "#")
            assert value.startswith(("#", "data:")), (element.tag, value[:40])
    policy = next(m["content"] for m in page.all("meta") if "http-equiv" in m.attributes)
    assert policy.startswith("default-src 'none'; img-src data:")
    assert not list(page.all("script", src=None))[1:]


def test_it_can_be_read_by_everybody(page):
    root = page.one("html")
    assert root["lang"] == "en"
    assert page.one("head").one("title").text
    images = list(page.all("img"))
    assert images
    assert all(image.attributes.get("alt") for image in images)
    shown = [image["alt"] for viewer in page.all("div", class_="viewer") for image in viewer.all("img")]
    assert len(set(shown)) == len(shown)
    for svg in page.all("svg"):
        assert svg["role"] == "img"
        assert svg["aria-label"]
    ids = [element["id"] for element in page.all() if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    for element in page.all():
        for name in ("for", "aria-labelledby"):
            if name in element.attributes:
                assert element[name] in ids
        if element.attributes.get("href", "").startswith("#"):
            assert element["href"][1:] in ids
    for slider in page.all("input"):
        assert any(label["for"] == slider["id"] for label in page.all("label"))
    for header in page.all("th"):
        assert header["scope"] in ("col", "row")
    levels = [int(e.tag[1]) for e in page.all() if re.fullmatch(r"h\d", e.tag)]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("name", ["head1", "head2", "abdomen"])
def test_every_number_is_that_of_the_record(written, page, name):
    scores = record_of(written[0], name)["scores"]["method"]
    viewer = volume(page, name).one("div", class_="viewer")
    slices = list(viewer.all("figure", class_="slice"))
    assert [int(s["data-slice"]) for s in slices] == list(range(len(scores["slices"])))
    for figure, row in zip(slices, scores["slices"], strict=True):
        found = {s["data-score"]: float(s["data-value"]) for s in figure.all("span") if "data-score" in s.attributes}
        assert len(found) == (3 if name == "abdomen" else 5)
        assert found == {key: row[key] for key in found}
        assert f"{row['psnr']:.2f}" in figure.text
    rows = [r for t in page.all("table", class_="sortable") for r in t.one("tbody").all("tr")]
    cells = next(r for r in rows if r.one("th").text == name)
    values = [float(c["data-value"]) for c in cells.all("td") if c.attributes.get("data-value")]
    shown = (
        ("psnr", "ssim", "rmse")
        if name == "abdomen"
        else ("psnr", "ssim", "nmse", "psnr_foreground", "ssim_foreground")
    )
    assert values[0] == len(slices)
    assert values[1 : 1 + len(shown)] == [scores["mean"][key] for key in shown]


def test_mean_and_spread_are_over_volumes_of_one_protocol_and_reference(written, page):
    titles = [h.text for h in page.all("h2")]
    assert titles[:3] == [
        "MR · protocol full-range · reference simulated", "CT · protocol ct-abdomen", "MR · not scored",
    ]  # fmt: skip
    table = next(iter(page.all("table", class_="summary")))
    cell = table.one("td", data_score="psnr")
    means = [record_of(written[0], name)["scores"]["method"]["mean"]["psnr"] for name in ("head1", "head2")]
    assert float(cell["data-value"]) == pytest.approx(np.mean(means))
    assert cell.text == f"{np.mean(means):.2f} ± {np.std(means, ddof=1):.2f} {min(means):.2f} to {max(means):.2f}"
    assert "which do not compare" in page.one("p", class_="alert").text


def test_worst_and_best_slices_come_with_error_and_deviation(written, page):
    group = next(iter(page.all("section", class_="group")))
    columns = list(group.one("div", class_="extremes").children)
    assert [c.one("h3").text for c in columns] == ["Worst slices by PSNR fg", "Best slices by PSNR fg"]
    rows = {n: record_of(written[0], n)["scores"]["method"]["slices"] for n in ("head1", "head2")}
    ordered = sorted((row["psnr_foreground"], n, i) for n, row_list in rows.items() for i, row in enumerate(row_list))
    for column, expected in zip(columns, (ordered[:4], ordered[::-1][:4]), strict=True):
        figures = list(column.all("figure"))
        assert len(figures) == 4
        for figure, (value, name, i) in zip(figures, expected, strict=True):
            assert float(figure.one("span", data_value=repr(value))["data-value"]) == value
            link = figure.one("a")
            assert (link.text, link["data-slice"]) == (f"{name}, slice {i + 1} of {len(rows[name])}", str(i))
            titles = [p.one("span").text for p in figure.all("div", class_="panel")]
            assert titles == ["reference (simulated)", "spirit", "error ×5", "std ×5, not calibrated"]


def test_pictures_show_the_images(written, page):
    """The same grey window for reference and image, the error five times as bright."""
    with h5py.File(written[0] / "head1.h5") as file:
        reference, image = file["reference"][2], file["reconstruction"][2]
        top = np.partition(file["reference"][()].ravel(), int(0.995 * file["reference"].size) - 1)[
            round(0.995 * file["reference"].size) - 1
        ]
    figure = volume(page, "head1").one("figure", class_="slice", data_slice="2")
    found = [pixels(panel.one("img")) for panel in figure.all("div", class_="panel")]
    for shown, expected in zip(found, (reference, image, 5 * np.abs(image - reference)), strict=False):
        assert shown.shape == image.shape
        assert np.abs(shown.astype(int) - np.clip(255 * expected / top, 0, 255)).max() <= 1
    assert figure.one("img", alt="spirit, slice 3 of 5 of head1")["style"] == f"aspect-ratio:{56 * 3 / (64 * 2):.4f}"


def test_provenance_and_warnings(written, page):
    section = volume(page, "prospective")
    assert "residual 1.90 is above 1.2" in section.one("ul", class_="warnings").text
    assert "PSNR" not in section.one("span", class_="chips").text
    words = [element.text for element in volume(page, "head1").one("dl").children]
    facts = dict(zip(words[::2], words[1::2], strict=True))
    made = record_of(written[0], "head1")
    assert facts["method"] == "spirit"
    assert facts["options"] == "steps 20, eta 1.0"
    assert facts["prior"] == f"my-prior.safetensors, sha256 {'ab' * 32}"
    assert facts["scores"] == "protocol full-range, reference simulated"
    assert facts["seed"] == "7"
    assert facts["standard deviation"] == "spread, not calibrated"
    for name, value in made["versions"].items():
        assert f"{name} {value}" in facts["versions"]
    assert "For research use. Not a medical device." in page.one("p", class_="notice").text


def test_histograms_count_every_slice(written, page):
    group = next(iter(page.all("section", class_="group")))
    drawn = list(group.all("svg", class_="histogram"))
    assert len(drawn) == 5
    for svg in drawn:
        assert sum(int(t.text.rsplit(": ", 1)[1]) for t in svg.all("title")) == 9


def test_nobodys_name_is_in_it(tmp_path):
    folder = mri_results(tmp_path / "jane_roe")
    with h5py.File(folder / "head1.h5", "a") as file:
        record = json.loads(file.attrs["provenance"])
        record |= {"patient_name": "Roe^Jane", "study": {"date": "20240229"}}
        record["options"]["patient"] = {"id": "MRN4711"}
        file.attrs["provenance"] = json.dumps(record)
        file.attrs["patient_id"] = "MRN4711"
        file["ismrmrd_header"] = "<patientName>Roe^Jane</patientName>"
    (folder / "damaged_roe.h5").write_bytes((folder / "head1.h5").read_bytes()[:900])
    shown = write_report(folder, tmp_path / "a.html")
    text = (tmp_path / "a.html").read_text()
    for secret in ("Roe^Jane", "MRN4711", "20240229", "/home/jane", str(tmp_path), "roe_jane"):
        assert secret not in text
    assert "jane_roe" in text
    assert "head1" in text
    assert [name for name, _ in shown.left_out] == ["damaged_roe.h5"]
    write_report(folder, tmp_path / "b.html", ReportOptions(hide_names=True))
    hidden = (tmp_path / "b.html").read_text()
    for name in ("jane_roe", "head1", "prospective", "damaged"):
        assert name not in hidden
    assert volume(read_page(hidden), "volume 1")


def test_names_and_records_cannot_write_into_the_page(tmp_path):
    folder = tmp_path / "<b>&"
    folder.mkdir()
    evil = '"><script>alert(1)</script>'
    made = reconstruction(slices=3)
    made.provenance["method"] = evil
    save(made, folder / "a<img src=x>'\".h5")
    write_report(folder, tmp_path / "page.html")
    page = read_page((tmp_path / "page.html").read_text())
    assert len(list(page.all("script"))) == 1
    assert page.one("h1").text == "<b>&"
    assert volume(page, "a<img src=x>'\"")
    assert all(image["src"].startswith("data:") for image in page.all("img"))


def test_pictures_stay_within_their_limit(tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    for i in range(6):
        save(reconstruction(slices=12, seed=i, size=(140, 112)), folder / f"v{i}.h5")
    sizes = {}
    for limit in (8.0, 1.0, 0.25, 0.01):
        write_report(folder, tmp_path / "page.html", ReportOptions(limit_mib=limit))
        text = (tmp_path / "page.html").read_text()
        page = read_page(text)
        sizes[limit] = sum(len(image["src"]) for image in page.all("img"))
        assert sizes[limit] <= limit * 2**20
        assert f"of at most {limit:.3g} MiB" in page.one("footer").text
        assert len(list(page.all("details", class_="volume"))) == 6
        if limit == 1.0:
            ends = record_of(folder, "v0")["scores"]["method"]["slices"]
            worst = min(range(12), key=lambda i: ends[i]["psnr_foreground"])
            section = volume(page, "v0")
            assert section.one("figure", class_="slice", data_slice=str(worst))
            assert "of 12 slices are shown" in section.text
    assert sizes[8.0] > sizes[1.0] > sizes[0.25]
    assert "left out, since the page has reached its limit" in text


def test_the_page_is_the_same_each_time(written, tmp_path):
    write_report(written[0], tmp_path / "again.html")
    assert (tmp_path / "again.html").read_text() == written[2]


def test_records_without_images_and_what_is_no_result(tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    with pytest.raises(InputError, match="holds no result of medrecon"):
        write_report(folder, tmp_path / "page.html")
    made = reconstruction()
    (folder / "gone.json").write_text(json.dumps(made.provenance))
    (folder / "other.json").write_text('{"rows": []}')
    np.save(folder / "mask.npy", np.ones((4, 4)))
    with h5py.File(folder / "raw.h5", "w") as file:
        file["kspace"] = np.ones((1, 1, 4, 4), np.complex64)
    np.save(folder / "bare.npy", made.magnitude.numpy())
    (folder / "bare.json").write_text(json.dumps(made.provenance))
    found = write_report(folder, tmp_path / "page.html")
    assert [result.name for result in found.results] == ["bare", "gone"]
    assert dict(found.left_out)["mask.npy"] == "no record lies beside it; write one with --json"
    assert "holds no reconstruction" in dict(found.left_out)["raw.h5"]
    page = read_page((tmp_path / "page.html").read_text())
    assert "its image is not in the folder" in volume(page, "gone").text
    assert len(list(volume(page, "bare").all("img"))) == 5
    with pytest.raises(InputError, match="is no folder"):
        write_report(folder / "gone.json", tmp_path / "page.html")
    with pytest.raises(InputError, match=r"use .html"):
        write_report(folder, tmp_path / "page.txt")
