"""Workbooks written as other programs write them, for tests that read them back."""

import io
import zipfile
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from xml.sax.saxutils import escape, quoteattr

Cell = str | Decimal | float | date | None
Rows = Sequence[Sequence[Cell]]


def packed(parts: dict[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return made.getvalue()


def xlsx(rows: Rows, *more: Rows, is_1904: bool = False) -> bytes:
    """By openpyxl, as most programs that export a table do; one sheet for each list of rows."""
    import openpyxl
    from openpyxl.utils.datetime import CALENDAR_MAC_1904

    book = openpyxl.Workbook()
    if is_1904:
        book.epoch = CALENDAR_MAC_1904
    book.remove(book.active)
    for sheet_rows in (rows, *more):
        sheet = book.create_sheet()
        for row in sheet_rows:
            sheet.append(list(row))
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def xlsx_parts(sheet: str, texts: str = "", styles: str = "", workbook: str = "") -> dict[str, str | bytes]:
    """The parts of a workbook of one sheet, its XML given, with the prefix that .NET programs write."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    relations = f'<Relationship Id="R1" Type="{office}/worksheet" Target="/xl/worksheets/data.xml"/>'
    package = "http://schemas.openxmlformats.org/package/2006"
    return {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"/>',
        "xl/workbook.xml": f'<x:workbook xmlns:x="{main}" xmlns:r="{office}">{workbook}'
        '<x:sheets><x:sheet name="S" sheetId="1" r:id="R1"/></x:sheets></x:workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">{relations}</Relationships>',
        "xl/worksheets/data.xml": f'<x:worksheet xmlns:x="{main}"><x:sheetData>{sheet}</x:sheetData></x:worksheet>',
        "xl/sharedStrings.xml": f'<x:sst xmlns:x="{main}">{texts}</x:sst>',
        "xl/styles.xml": f'<x:styleSheet xmlns:x="{main}">{styles}</x:styleSheet>',
    }


ODS_TYPE = "application/vnd.oasis.opendocument.spreadsheet"
NAMESPACES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
)


def ods(rows: Rows, *more: Rows) -> bytes:
    """As LibreOffice writes it, as far as it matters here."""
    tables = "".join(
        f'<table:table table:name="Sheet{place}">{"".join(map(_ods_row, sheet_rows))}'
        '<table:table-row table:number-rows-repeated="1048000">'
        '<table:table-cell table:number-columns-repeated="1024"/></table:table-row></table:table>'
        for place, sheet_rows in enumerate((rows, *more))
    )
    return ods_of(tables)


def ods_of(tables: str, prolog: str = "", manifest: str = "") -> bytes:
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?>{prolog}<office:document-content {NAMESPACES}><office:body>'
        f"<office:spreadsheet>{tables}</office:spreadsheet></office:body></office:document-content>"
    )
    return packed(
        {"mimetype": ODS_TYPE, "META-INF/manifest.xml": f"<manifest>{manifest}</manifest>", "content.xml": content}
    )


def _ods_row(row: Sequence[Cell]) -> str:
    return f"<table:table-row>{''.join(map(_ods_cell, row))}</table:table-row>"


def _ods_cell(cell: Cell) -> str:
    match cell:
        case None:
            return "<table:table-cell/>"
        case date():
            value, shown = f'date" office:date-value="{cell}', f"{cell:%d/%m/%y}"
        case str():
            value, shown = "string", cell
        case _:
            value, shown = f'float" office:value="{cell}', "shown"
    return f'<table:table-cell office:value-type="{value}"><text:p>{_ods_text(shown)}</text:p></table:table-cell>'


def _ods_text(text: str) -> str:
    return escape(text).replace("  ", '<text:s text:c="2"/>')


def spreadsheetml(rows: Rows) -> bytes:
    """As Excel 2003 writes it."""
    written = "".join(f"<Row>{''.join(map(_spreadsheetml_cell, row))}</Row>" for row in rows)
    return (
        '<?xml version="1.0"?>\n<?mso-application progid="Excel.Sheet"?>\n'
        '<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" '
        'xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet">'
        f'<Worksheet ss:Name="S"><Table>{written}</Table></Worksheet></Workbook>'
    ).encode()


def _spreadsheetml_cell(cell: Cell) -> str:
    match cell:
        case None:
            return "<Cell/>"
        case date():
            kind, text = "DateTime", f"{cell}T00:00:00.000"
        case str():
            kind, text = "String", escape(cell)
        case _:
            kind, text = "Number", str(cell)
    return f"<Cell><Data ss:Type={quoteattr(kind)}>{text}</Data></Cell>"


def html(rows: Rows) -> bytes:
    """A table as banks send it under the name .xls."""
    written = "".join(
        f"<tr>{''.join(f'<td class=x>{escape(str(cell or str()))}</td>' for cell in row)}</tr>\n" for row in rows
    )
    return f"<html><head><meta charset=utf-8></head><body><table border=1>\n{written}</table></body></html>".encode()


def xls(rows: Rows) -> bytes:
    import xlwt

    book = xlwt.Workbook()
    sheet, day = book.add_sheet("S"), xlwt.easyxf(num_format_str="DD/MM/YYYY")
    for place, row in enumerate(rows):
        for column, cell in enumerate(row):
            if isinstance(cell, date):
                sheet.write(place, column, cell, day)
            elif cell is not None:
                sheet.write(place, column, cell)
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()
