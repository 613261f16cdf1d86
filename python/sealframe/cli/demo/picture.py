"""A synthetic customer before a payment terminal, so that the demo needs no camera and no one's face."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

WIDTH, HEIGHT = 640, 480


def draw_demo_picture() -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    """A 640x480 RGB frame: a drawn person, a shelf behind, a TEST sign, and a little sensor noise."""
    picture = _room()
    _draw_person(picture)
    pixels = np.asarray(picture.filter(ImageFilter.GaussianBlur(0.8)), np.int16)
    noise = np.random.default_rng(2021).normal(0, 3, pixels.shape)
    return (pixels + noise).clip(0, 255).astype(np.uint8)


def _room() -> Image.Image:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    light = 205 - 0.16 * y - 0.09 * np.abs(x - 220)
    wall = Image.fromarray(np.dstack([light, light * 0.97, light * 0.9]).astype(np.uint8))
    draw = ImageDraw.Draw(wall)
    rng = np.random.default_rng(7)
    for shelf in (96, 206, 316):
        draw.rectangle((0, shelf, WIDTH, shelf + 9), fill=(112, 88, 66))
        left = 6
        while left < WIDTH:
            width, height = int(rng.integers(14, 44)), int(rng.integers(34, 84))
            colour = tuple(int(value) for value in rng.integers(50, 210, 3))
            draw.rectangle((left, shelf - height, left + width, shelf - 1), fill=colour)
            draw.line(
                (left + 3, shelf - height // 2, left + width - 3, shelf - height // 2),
                fill=(235, 235, 228),
                width=3,
            )
            left += width + int(rng.integers(4, 18))
    wall = wall.filter(ImageFilter.GaussianBlur(2.2))
    sign = ImageDraw.Draw(wall)
    sign.rounded_rectangle((488, 26, 622, 86), 8, fill=(240, 240, 236), outline=(60, 60, 60), width=3)
    sign.text((512, 32), "TEST", fill=(40, 44, 60), font=ImageFont.load_default(42))
    return wall


def _draw_person(picture: Image.Image) -> None:
    draw = ImageDraw.Draw(picture)
    draw.ellipse((120, 372, 520, 700), fill=(44, 62, 92))
    draw.polygon([(272, 386), (320, 448), (368, 386)], fill=(226, 226, 232))
    draw.rectangle((282, 322, 358, 402), fill=(172, 126, 100))
    draw.ellipse((206, 82, 434, 352), fill=(52, 38, 32))
    _shaded_ellipse(picture, (226, 108, 414, 380), (214, 166, 136), (150, 104, 80))
    draw.pieslice((214, 88, 426, 282), 188, 352, fill=(52, 38, 32))
    for centre in (280, 360):
        draw.ellipse((centre - 19, 226, centre + 19, 248), fill=(240, 238, 234))
        draw.ellipse((centre - 9, 227, centre + 9, 247), fill=(70, 52, 40))
        draw.ellipse((centre - 4, 232, centre + 4, 240), fill=(12, 12, 12))
        draw.arc((centre - 27, 203, centre + 27, 240), 205, 335, fill=(52, 38, 32), width=6)
    draw.line([(322, 240), (312, 288), (330, 294)], fill=(150, 104, 82), width=4, joint="curve")
    draw.chord((284, 300, 356, 340), 10, 170, fill=(150, 66, 66))
    draw.line([(287, 323), (353, 323)], fill=(110, 48, 50), width=2)


def _shaded_ellipse(
    picture: Image.Image,
    box: tuple[int, int, int, int],
    lit: tuple[int, int, int],
    dark: tuple[int, int, int],
) -> None:
    mask = Image.new("L", picture.size, 0)
    ImageDraw.Draw(mask).ellipse(box, fill=255)
    ramp = Image.linear_gradient("L").rotate(70, expand=False).resize((box[2] - box[0], box[3] - box[1]))
    shade = Image.new("L", picture.size, 0)
    shade.paste(ramp, box[:2])
    skin = Image.composite(Image.new("RGB", picture.size, dark), Image.new("RGB", picture.size, lit), shade)
    picture.paste(skin, (0, 0), ImageChops.multiply(mask, mask))
