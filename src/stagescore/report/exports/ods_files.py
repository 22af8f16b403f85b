"""Spreadsheets in OpenDocument's form, which LibreOffice, Excel and Google read.

Source: OASIS, Open Document Format for Office Applications 1.2, parts 1 and 3. Text is written as text, so that no cell is run as
a formula, whatever it begins with.
"""

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from stagescore.printable import xml_text

MIME_TYPE = "application/vnd.oasis.opendocument.spreadsheet"
Cell = str | int | float | None
_MANIFEST = f"""<?xml version="1.0" encoding="UTF-8"?>
<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0" manifest:version="1.2">
<manifest:file-entry manifest:full-path="/" manifest:version="1.2" manifest:media-type="{MIME_TYPE}"/>
<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/>
</manifest:manifest>
"""
_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" \
xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" \
xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" office:version="1.2">
<office:body><office:spreadsheet>
"""
_TAIL = "</office:spreadsheet></office:body></office:document-content>\n"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet of a spreadsheet.

    Attributes:
        name: Name of the sheet.
        rows: Cells of each row, all of the same number or fewer; None for an empty one.
    """

    name: str
    rows: Sequence[Sequence[Cell]]


def ods_bytes(sheets: Sequence[Sheet]) -> bytes:
    """A spreadsheet; the same cells always give the same bytes.

    Args:
        sheets: One sheet or more, in their order.
    """
    parts = {
        "mimetype": MIME_TYPE,  # first and not packed, so that it stands at a fixed place of the file
        "content.xml": _HEAD + "".join(map(_table, sheets)) + _TAIL,
        "META-INF/manifest.xml": _MANIFEST,
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            entry = zipfile.ZipInfo(name)  # with a fixed date
            entry.compress_type = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            archive.writestr(entry, content.encode())
    return stream.getvalue()


def _table(sheet: Sheet) -> str:
    width = max((len(row) for row in sheet.rows), default=1)
    rows = "".join(f"<table:table-row>{''.join(map(_cell, row))}</table:table-row>\n" for row in sheet.rows)
    columns = f'<table:table-column table:number-columns-repeated="{max(width, 1)}"/>'
    return f"<table:table table:name={quoteattr(sheet.name)}>{columns}\n{rows}</table:table>\n"


def _cell(value: Cell) -> str:
    if value is None:
        return "<table:table-cell/>"
    if isinstance(value, str):
        shown = escape(xml_text(value))
        return f'<table:table-cell office:value-type="string"><text:p>{shown}</text:p></table:table-cell>'
    return (
        f'<table:table-cell office:value-type="float" office:value="{value!r}">'
        f"<text:p>{value!r}</text:p></table:table-cell>"
    )
