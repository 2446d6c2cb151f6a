"""A 64-bit hash of each row's content: what names a row, and what decides its part.

Each cell is hashed with the name of its column and the hashes are added, so the order of columns does not matter,
and a whole number hashes alike whether its column holds integers or decimals. The finaliser is splitmix64's
(Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

EXACT = 2**53
"""Beyond it not every whole number is a double."""


def hash_rows(table: pa.Table, *selections: Iterable[str]) -> tuple[np.ndarray, ...]:
    """Hash each row over each selection of columns: one (n,) uint64 array for each."""
    chosen = [set(names) for names in selections]
    totals = tuple(np.zeros(len(table), np.uint64) for _ in chosen)
    for name in set().union(*chosen):
        cells = hash_column(table[name], name)
        for total, names in zip(totals, chosen, strict=True):
            if name in names:
                total += cells
    return tuple(mix(total) for total in totals)


def hash_column(array: pa.ChunkedArray, name: str) -> np.ndarray:
    """Hash each cell of a normalised column with the column's name, (n,) uint64."""
    if pa.types.is_string(array.type):
        encoded = array.combine_chunks().dictionary_encode()
        texts = encoded.dictionary.to_pylist()
        hashes = np.array([_hash_text(text) for text in texts] + [0], np.uint64)
        bits = hashes[pc.fill_null(encoded.indices, len(texts)).to_numpy(zero_copy_only=False)]
    else:
        if pa.types.is_timestamp(array.type):
            array = array.cast(pa.int64())
        whole = array if pa.types.is_integer(array.type) else None
        numbers = array.cast(pa.float64(), safe=False).to_numpy()
        # Adding 0.0 turns -0.0 into 0.0; a missing value is NaN here, always with the same bits.
        numbers = np.where(np.isnan(numbers), np.nan, numbers + 0.0) if array.null_count else numbers + 0.0
        bits = numbers.view(np.uint64)
        if whole is not None and (np.abs(numbers) >= EXACT).any():
            # Identifiers of 64 bits: as decimals many of them would be one number.
            exact = pc.fill_null(whole, 0).to_numpy()
            bits = np.where((exact > EXACT) | (exact < -EXACT), exact.view(np.uint64), bits)
    return mix(bits ^ np.uint64(_hash_text(name)))


def mix(bits: np.ndarray) -> np.ndarray:
    """Apply splitmix64's finaliser: every input bit changes about half of the output bits; a bijection."""
    bits = bits + np.uint64(0x9E3779B97F4A7C15)
    shifted = np.empty_like(bits)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        bits ^= np.right_shift(bits, np.uint64(shift), out=shifted)
        bits *= np.uint64(factor)
    bits ^= np.right_shift(bits, np.uint64(31), out=shifted)
    return bits


def _hash_text(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
