"""What files say of a photo, EXIF, XMP, comments and texts: what stays with an edited one, and what goes."""

import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from apsi.photo import exif, png, tiff
from apsi.photo.depth import to_16_bits
from apsi.photo.exif import read_fields
from apsi.photo.full_size import read_photo_file
from apsi.photo.metadata import Metadata, app13
from tests.photo.test_full_size import GPS_PLACE, camera_exif, edited, gps_of, save, write_deep
from tests.photo.test_read import GREEN_FIRST, encode, noise

XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmp:Rating="5" tiff:Orientation="6" exif:GPSLatitude="52,13.8N">'
    b"<exif:GPSLongitude>21,0.5E</exif:GPSLongitude>"
    b"<xmp:Thumbnails><rdf:Alt><rdf:li>abcd</rdf:li></rdf:Alt></xmp:Thumbnails>"
    b"</rdf:Description></rdf:RDF></x:xmpmeta>"
)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".avif"])
def test_what_a_file_says_stays_but_for_what_is_no_longer_true(tmp_path: Path, suffix: str) -> None:
    source = save(tmp_path / f"a{suffix}", Image.fromarray(noise(40, 30)), exif=b"Exif\0\0" + camera_exif(6))
    if suffix == ".tif":  # Pillow writes its own fields there
        write_deep(source, to_16_bits(noise(40, 30)), 6)
    target = edited(source, lambda pixels: pixels[:20, :24])
    with Image.open(target) as image:
        assert image.size == (24, 20)
        if suffix != ".tif":
            assert image.info["icc_profile"] == GREEN_FIRST
        found = image.getexif()
        assert found[271] == "Maker"
        assert found.get(exif.ORIENTATION, 1) == 1
        inner = found.get_ifd(exif.EXIF)
        assert inner[0x9003] == "2024:05:01 12:00:00"
        assert inner[0x927C] == bytes(range(40))
        if suffix != ".tif":
            assert (inner[0xA002], inner[0xA003]) == (24, 20)
        assert gps_of(image)[1] == "N"
        assert not found.get_ifd(1)  # no thumbnail
    assert encode(Image.new("RGB", (16, 12), (255, 0, 0)), "JPEG")[100:] not in target.read_bytes()
    without = edited(source, strip_gps=True)
    assert GPS_PLACE not in without.read_bytes()
    with Image.open(without) as image:
        assert not gps_of(image)
        assert image.getexif().get_ifd(exif.EXIF)[0x9003] == "2024:05:01 12:00:00"


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_xmp_stays_without_orientation_thumbnail_and_on_demand_place(tmp_path: Path, suffix: str) -> None:
    source = tmp_path / f"a{suffix}"
    if suffix == ".tif":
        source.write_bytes(b"".join(tiff.encode(noise(), Metadata(xmp=XMP), compressed=False)))
    elif suffix == ".png":
        source.write_bytes(b"".join(png.encode(noise(), [png.xmp_chunk(XMP)])))
    else:
        save(source, Image.fromarray(noise()), xmp=XMP, exif=b"")
    turned = read_photo_file(source)
    if suffix != ".tif":  # whose own field says it
        assert turned.pixels.shape == (5, 7, 3)
    kept = read_photo_file(edited(source)).metadata.xmp
    assert b'xmp:Rating="5"' in kept
    assert b"GPSLatitude" in kept
    assert b"Orientation" not in kept
    assert b"Thumbnails" not in kept
    placeless = read_photo_file(edited(source, strip_gps=True)).metadata.xmp
    assert b"Rating" in placeless
    assert b"GPS" not in placeless


def test_a_place_in_a_spelling_that_is_not_known_takes_all_of_xmp_with_it() -> None:
    assert Metadata(xmp=XMP.decode().encode("utf-16")).of_edited(5, 7, strip_gps=True).xmp == b""
    assert Metadata(xmp=XMP.decode().encode("utf-16")).of_edited(5, 7, strip_gps=False).xmp


def test_the_place_that_a_drone_wrote_into_xmp_goes_and_the_rest_stays() -> None:
    xmp = (
        b'<rdf:Description xmp:Rating="5" drone-dji:GpsLatitude="48.1374" drone-dji:GpsLongtitude="11.5755"'
        b' drone-skydio:Longitude="11.5755">'
        b"<drone-dji:GpsLatitude>48.1374</drone-dji:GpsLatitude></rdf:Description>"
    )
    assert Metadata(xmp=xmp).of_edited(5, 7, strip_gps=True).xmp == (
        b'<rdf:Description xmp:Rating="5"></rdf:Description>'
    )
    assert Metadata(xmp=xmp).of_edited(5, 7, strip_gps=False).xmp == xmp


PLACE_IN_TEXT = b"exif:GPSLatitude\x0048/1, 8/1, 0/1"


@pytest.mark.parametrize(
    "chunk",
    [
        (b"tEXt", PLACE_IN_TEXT),
        (b"tEXt", b"Comment\0taken at gpsLatitude 48"),
        (b"zTXt", b"Comment\0\0" + zlib.compress(PLACE_IN_TEXT)),
        (b"iTXt", b"Comment\0\0\0de\0Bemerkung\0" + PLACE_IN_TEXT),
        (b"iTXt", b"Comment\0\1\0de\0Bemerkung\0" + zlib.compress(PLACE_IN_TEXT)),
        (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0damaged"),
        (b"zTXt", b"Comment\0\0" + zlib.compress(b"boat")[:-1]),
        (b"zTXt", b"Comment\0\0" + zlib.compress(bytes(20_000_000) + PLACE_IN_TEXT)),
    ],
)
def test_a_text_of_a_png_that_names_a_place_or_hides_what_it_says_goes_on_demand(chunk: tuple[bytes, bytes]) -> None:
    others = ((b"tEXt", b"Author\0Ada"), (b"zTXt", b"Comment\0\0" + zlib.compress(b"boat")), (b"sRGB", b"\0"))
    metadata = Metadata(chunks=(*others, chunk))
    assert metadata.of_edited(5, 7, strip_gps=False).chunks == (*others, chunk)
    assert metadata.of_edited(5, 7, strip_gps=True).chunks == others


def test_an_edited_png_holds_no_place_that_another_program_wrote_as_text(tmp_path: Path) -> None:
    source = tmp_path / "a.png"
    source.write_bytes(b"".join(png.encode(noise(), [(b"tEXt", PLACE_IN_TEXT)])))
    assert PLACE_IN_TEXT in edited(source).read_bytes()
    assert PLACE_IN_TEXT not in edited(source, strip_gps=True).read_bytes()


def test_a_comment_of_a_jpeg_that_names_a_place_goes_on_demand(tmp_path: Path) -> None:
    source = save(tmp_path / "a.jpg", Image.fromarray(noise()), comment=PLACE_IN_TEXT)
    assert b"GPSLatitude" in edited(source).read_bytes()
    assert b"GPSLatitude" not in edited(source, strip_gps=True).read_bytes()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("strip_gps", [False, True])
def test_an_exif_block_is_changed_in_place_and_nowhere_else(order: exif.ByteOrder, strip_gps: bool) -> None:
    """A maker's note stays where it was, as it may hold positions."""
    block = camera_exif(8, order)
    changed = exif.of_edited(block, 4000, 3000, strip_gps)
    assert changed.index(bytes(range(40))) == block.index(bytes(range(40)))
    fields = read_fields(changed)
    size = [fields[exif.EXIF][tag].numbers(order) for tag in (0xA002, 0xA003)]  # type: ignore[index,union-attr]
    assert size == [[4000], [3000]]
    assert fields[exif.ORIENTATION].numbers(order) == [1]  # type: ignore[union-attr]
    assert (exif.GPS in fields) is not strip_gps
    assert b"\xff\xd8" not in changed
    assert exif.of_edited(changed, 4000, 3000, strip_gps) == changed


def test_damage_to_an_exif_block_gives_a_block_or_none_never_another_error() -> None:
    rng, kept = np.random.default_rng(0), 0
    for _ in range(500):
        block = np.frombuffer(camera_exif(), np.uint8).copy()
        places = rng.integers(300, size=rng.integers(1, 12))
        block[places] = rng.integers(0, 256, len(places))
        damaged = block.tobytes()[: None if rng.random() < 0.7 else int(rng.integers(len(block)))]
        found = Metadata(exif=damaged).of_edited(10, 10, strip_gps=bool(rng.integers(2))).exif
        if found:
            kept += 1
            b"".join(tiff.encode(noise(), Metadata(exif=found), compressed=True))
    assert 0 < kept < 500


def test_iptc_and_a_comment_of_a_jpeg_stay(tmp_path: Path) -> None:
    caption = b"\x1c\x02\x78\x00\x0bA red boat."
    source = save(tmp_path / "a.jpg", Image.fromarray(noise()), extra=app13(caption), comment=b"by me")
    with Image.open(edited(source)) as image:
        assert image.info["photoshop"][0x0404] == caption
        assert image.info["comment"] == b"by me"
