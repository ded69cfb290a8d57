"""The collectives of a compiled program, read from the text of its HLO: what XLA itself says is sent."""

from __future__ import annotations

import re
from collections import Counter

BYTES = {"f64": 8, "f32": 4, "f16": 2, "bf16": 2, "s64": 8, "s32": 4, "u32": 4, "pred": 1}
"""Bytes of an entry of each of XLA's types that a gradient may send."""

_NAMES = {
    "all-reduce": "all-reduce",
    "all-gather": "all-gather",
    "reduce-scatter": "reduce-scatter",
    "collective-permute": "send/receive",
    "all-to-all": "all-to-all",
}
_LINE = re.compile(rf"= (?P<result>.*?) (?P<kind>{'|'.join(_NAMES)})(?P<start>-start)?\(")
_ARRAY = re.compile(r"(\w+)\[([\d,]*)\]")


def sent(text: str) -> dict[str, int]:
    """Bytes by kind of collective: of the results on one device, as HLO lists them.

    >>> sent("%x = f64[3,4]{1,0} all-reduce(%y), channel_id=1")
    {'all-reduce': 96}
    """
    total: Counter[str] = Counter()
    for line in text.splitlines():
        if (found := _LINE.search(line)) is not None:
            total[_NAMES[found["kind"]]] += _bytes(found["result"], bool(found["start"]) and found["kind"] != "all-reduce")
    return dict(total)


def _bytes(result: str, is_pair: bool) -> int:
    """Bytes of an array or of a tuple of them; what starts asynchronously lists its operand before its result."""
    arrays = _ARRAY.findall(result)
    arrays = arrays[1:2] if is_pair else arrays
    return sum(BYTES[kind] * _size(dims) for kind, dims in arrays)


def _size(dims: str) -> int:
    total = 1
    for d in filter(None, dims.split(",")):
        total *= int(d)
    return total
