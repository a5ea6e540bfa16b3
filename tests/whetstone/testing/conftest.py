"""Workspaces with a failing test."""

from __future__ import annotations

from pathlib import Path

import pytest

CART = """\
def subtotal(items):
    total = 0
    for price, count in items:
        total += price * count
    return total


def discount(amount):
    if amount > 100:
        return amount // 10
    return 0


def total(items):
    amount = subtotal(items)
    return amount + discount(amount)
"""
TESTS = """\
import pytest

from cart import discount, subtotal, total


def test_subtotal():
    assert subtotal([(2, 3)]) == 6


@pytest.mark.parametrize("amount, expected", [(50, 0), (200, 20)])
def test_discount(amount, expected):
    assert discount(amount) == expected


class TestTotal:
    def test_small(self):
        assert total([(1, 1)]) == 1

    def test_large(self):
        assert total([(50, 2)]) == 100
        assert total([(100, 2)]) == 180


def test_broken_for_another_reason():
    raise OSError("no")
"""
FIXED = CART.replace("amount + discount", "amount - discount")
# Makes the failing test pass and another one fail.
CHEAT = CART.replace("return amount // 10", "return -(amount // 10)")


@pytest.fixture
def cart(tmp_path: Path) -> Path:
    root = tmp_path / "shop"
    root.mkdir()
    (root / "cart.py").write_text(CART)
    (root / "test_cart.py").write_text(TESTS)
    return root
