"""A picture of Neovim's screen: what it tells its user interface to paint, drawn with DejaVu."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
from neovim import Neovim
from PIL import Image, ImageDraw, ImageFont

FONT_PX = 26
MARGIN_PX = 18
PAINTED = "whetstone_painted"


def take(nvim: Neovim, path: Path) -> None:
    """Write what the attached user interface shows to a PNG file.

    Only once for each Neovim: all that it has sent since its start is read here.
    """
    nvim.command("redraw")
    nvim.lua("vim.rpcnotify(..., 'whetstone_painted')", nvim.nvim.channel_id)
    grid = _Grid()
    while (message := nvim.nvim.next_message())[1] != PAINTED:
        if message[1] == "redraw":
            for name, *calls in message[2]:
                for call in calls:
                    getattr(grid, name, lambda *_: None)(*call)
    path.parent.mkdir(parents=True, exist_ok=True)
    _draw(grid).quantize(64).save(path, optimize=True)


class _Grid:
    """Neovim's `ext_linegrid` events (:help ui-linegrid); a method for each that paints."""

    def __init__(self) -> None:
        self.cells: list[list[tuple[str, int]]] = []
        self.looks: dict[int, dict[str, Any]] = {0: {}}
        self.front, self.back = 0xFFFFFF, 0

    def grid_resize(self, grid: int, width: int, height: int) -> None:
        self.cells = [[(" ", 0)] * width for _ in range(height)]

    def grid_clear(self, grid: int) -> None:
        self.grid_resize(grid, len(self.cells[0]), len(self.cells))

    def default_colors_set(self, front: int, back: int, *_: int) -> None:
        self.front, self.back = front, back

    def hl_attr_define(self, number: int, look: dict[str, Any], *_: Any) -> None:
        self.looks[number] = look

    def grid_line(self, grid: int, row: int, column: int, cells: list[Any], *_: Any) -> None:
        look = 0
        for text, *more in cells:
            look = more[0] if more else look
            for _ in range(more[1] if len(more) > 1 else 1):
                self.cells[row][column] = (text, look)
                column += 1

    def grid_scroll(
        self, grid: int, top: int, bottom: int, left: int, right: int, rows: int, columns: int
    ) -> None:
        moved = [row[left:right] for row in self.cells]
        for row in range(top, bottom):
            if top <= row + rows < bottom:
                self.cells[row][left:right] = moved[row + rows]

    def colours(self, number: int) -> tuple[int, int]:
        look = self.looks[number]
        front, back = look.get("foreground", self.front), look.get("background", self.back)
        return (back, front) if look.get("reverse") else (front, back)


def _draw(grid: _Grid) -> Image.Image:
    folder = Path(matplotlib.get_data_path()) / "fonts/ttf"
    plain, bold = (
        ImageFont.truetype(str(folder / name), FONT_PX)
        for name in ("DejaVuSansMono.ttf", "DejaVuSansMono-Bold.ttf")
    )
    width, height = round(plain.getlength("M")), round(FONT_PX * 1.25)
    rows, columns = len(grid.cells), len(grid.cells[0])
    size = (columns * width + 2 * MARGIN_PX, rows * height + 2 * MARGIN_PX)
    image = Image.new("RGB", size, _rgb(grid.back))
    draw = ImageDraw.Draw(image)
    for number, row in enumerate(grid.cells):
        for column, (text, look) in enumerate(row):
            x, y = MARGIN_PX + column * width, MARGIN_PX + number * height
            front, back = grid.colours(look)
            draw.rectangle((x, y, x + width - 1, y + height - 1), fill=_rgb(back))
            font = bold if grid.looks[look].get("bold") else plain
            draw.text((x, y), text, font=font, fill=_rgb(front))
    return image


def _rgb(number: int) -> tuple[int, int, int]:
    return number >> 16, number >> 8 & 255, number & 255
