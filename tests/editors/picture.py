"""Pictures of what Neovim tells its user interface to paint, and of terminals."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
import pyte
from neovim import Neovim
from PIL import Image, ImageDraw, ImageFont

FONT_PX = 26
MARGIN_PX = 18
PAINTED = "whetstone_painted"
# What terminals paint for the names of colours.
_TERMINAL = {
    "default front": 0x202020, "default back": 0xFFFFFF, "black": 0x000000, "red": 0xB21818,
    "green": 0x18A018, "brown": 0xA06010, "blue": 0x1818B2, "magenta": 0xA018A0, "cyan": 0x108080,
    "white": 0xC8C8C8, "brightblack": 0x686868, "brightred": 0xE04040, "brightgreen": 0x40C040,
    "brightbrown": 0xC0A020, "brightyellow": 0xC0A020, "brightblue": 0x4060E0,
    "brightmagenta": 0xD040D0, "brightcyan": 0x30B0B0, "brightwhite": 0xFFFFFF,
}  # fmt: skip


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
    _draw(grid.painted(), grid.back).quantize(64).save(path, optimize=True)


class Cell(NamedTuple):
    """One character of a screen; colours are 0xRRGGBB."""

    text: str
    front: int
    back: int
    bold: bool


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

    def painted(self) -> list[list[Cell]]:
        return [
            [
                Cell(text, *self.colours(look), bold=bool(self.looks[look].get("bold")))
                for text, look in row
            ]
            for row in self.cells
        ]


def of_terminal(screen: pyte.Screen, path: Path) -> None:
    """Write what a terminal shows to a PNG file."""
    cells = []
    for row in range(screen.lines):
        line = [screen.buffer[row][column] for column in range(screen.columns)]
        cells.append([_cell(char) for char in line])
    path.parent.mkdir(parents=True, exist_ok=True)
    _draw(cells, _TERMINAL["default back"]).quantize(64).save(path, optimize=True)


def _cell(char: pyte.screens.Char) -> Cell:
    front = _colour(char.fg if char.fg != "default" else "default front")
    back = _colour(char.bg if char.bg != "default" else "default back")
    if char.reverse:
        front, back = back, front
    return Cell(char.data, front, back, bold=char.bold)


def _colour(name: str) -> int:
    return _TERMINAL[name] if name in _TERMINAL else int(name, 16)


def _draw(cells: list[list[Cell]], back: int) -> Image.Image:
    folder = Path(matplotlib.get_data_path()) / "fonts/ttf"
    plain, bold = (
        ImageFont.truetype(str(folder / name), FONT_PX)
        for name in ("DejaVuSansMono.ttf", "DejaVuSansMono-Bold.ttf")
    )
    width, height = round(plain.getlength("M")), round(FONT_PX * 1.25)
    size = (len(cells[0]) * width + 2 * MARGIN_PX, len(cells) * height + 2 * MARGIN_PX)
    image = Image.new("RGB", size, _rgb(back))
    draw = ImageDraw.Draw(image)
    for number, row in enumerate(cells):
        for column, cell in enumerate(row):
            x, y = MARGIN_PX + column * width, MARGIN_PX + number * height
            draw.rectangle((x, y, x + width - 1, y + height - 1), fill=_rgb(cell.back))
            draw.text((x, y), cell.text, font=bold if cell.bold else plain, fill=_rgb(cell.front))
    return image


def _rgb(number: int) -> tuple[int, int, int]:
    return number >> 16, number >> 8 & 255, number & 255
