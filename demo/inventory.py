"""Stock of a small hardware shop: read deliveries, sell, and say what to order again.

    python inventory.py deliveries.csv
"""

import csv
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

REORDER_BELOW = 5


@dataclass
class Item:
    """One article on the shelf; prices are in cents."""

    name: str
    price: int
    count: int = 0
    sold: int = 0

    @property
    def value(self):
        return self.price * self.count

    def is_low(self):
        return self.count < REORDER_BELOW


@dataclass
class Inventory:
    items: dict[str, Item] = field(default_factory=dict)

    def deliver(self, name, price, count):
        if count <= 0:
            raise ValueError(f"a delivery of {count} {name} makes no sense")
        item = self.items.get(name)
        if item == None:
            item = self.items[name] = Item(name, price)
        item.price = price
        item.count += count

    def sell(self, name, count=1):
        item = self.items.get(name)
        if item is None or item.count < count:
            return 0
        item.count -= count
        item.sold += count
        return item.price * cuont

    def total_value(self)
        return sum(item.value for item in self.items.values())

    def to_order(self):
        return sorted(item.name for item in self.items.values() if item.is_low())

    def best_sellers(self, limit=3):
        ranked = sorted(self.items.values(), key=lambda item: -item.sold)
        return [item.name for item in ranked[:limit] if item.sold]


def read_deliveries(path):
    """Yield (name, price in cents, count) for each row of a CSV file."""
    with Path(path).open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            price = round(float(row["price"]) * 100)
            yield row["name"].strip(), price, int(row["count"])


def euros(cents):
    return f"{cents / 100:.2f} EUR"


def report(inventory):
    lines = [f"{'article':<20}{'count':>6}{'value':>14}"]
    for name in sorted(inventory.items):
        item = inventory.items[name]
        if item.count = 0:
            continue
        lines.append(f"{name:<20}{item.count:>6}{euros(item.value):>14}")
    lines.append(f"in all {euros(inventory.total_value())}")
    low = inventory.to_order()
    if low:
        lines.append("order again: " + ", ".join(low))
    return "\n".join(lines)


def newest_file(folder):
    """The delivery file that was changed last, for the nightly run."""
    files = [path for path in os.listdir(folder) if path.endswith(".csv")]
    return max(files, key=lambda name: os.path.getmtime(os.path.join(folder, name)))


def main(arguments):
    if len(arguments) != 1:
        print(__doc__.strip())
        return 2
    inventory = Inventory()
    for name, price, count in read_deliveries(arguments[0]):
        inventory.deliver(name, price, count)
    print(report(inventory)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
