"""QR codes in a picture, decoded. An address in one is shown as text: nothing is ever fetched from it."""

from __future__ import annotations

import zxingcpp

from server.media.decode import UnreadablePicture, decode_picture
from server.media.provenance.signals import Signal, by_tool, found, not_checked, not_found

TOOL = "zxing-cpp"
SIDE = 2048
MAX_CODES = 16
_QR = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode])
_UNPROVED = "what the pattern says; who drew it into the picture is not known"


def qr_signals(data: bytes) -> list[Signal]:
    """Each QR code of the first frame, at most 16, or one signal that says that none was found or why nobody could look.

    Looked at: the upright picture at up to 2048 pixels, also turned and light on dark. Not found: codes smaller than that shows.
    """
    try:
        picture = decode_picture(data, side=SIDE)
    except UnreadablePicture as error:
        return [by_tool(not_checked("qr_code", "pixels", error.reason), TOOL)]
    codes = zxingcpp.read_barcodes(picture.grey, formats=_QR, text_mode=zxingcpp.TextMode.Plain)
    if not codes:
        return [by_tool(not_found("qr_code", "pixels", f"looked for at up to {SIDE} pixels"), TOOL)]
    scale = max(picture.width, picture.height) / max(picture.grey.shape)
    return [by_tool(_signal(code, scale), TOOL) for code in codes[:MAX_CODES]]


def _signal(code: zxingcpp.Barcode, scale: float) -> Signal:
    corner, far = code.position.top_left, code.position.bottom_right
    box = ", ".join(str(round(value * scale)) for value in (corner.x, corner.y, far.x, far.y))
    return found("qr_code", code.text, f"pixels {box}", _UNPROVED)
