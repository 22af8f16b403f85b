"""Order and choice without a running random generator.

Whatever has to be the same on every machine, in every process and after every resume (validation
split, exemplar choice, shuffling, augmentation) is decided by a hash of the seed and of the thing
that is decided about.
"""

from hashlib import blake2b, sha256
from pathlib import Path


def hash_u64(*parts: str | int) -> int:
    """A 64-bit number that depends on the parts alone.

    Args:
        parts: Strings and integers; `1` and `"1"` differ, and so do `("ab",)` and `("a", "b")`.

    Returns:
        An integer in [0, 2**64).

    >>> hash_u64(0, "dive") == hash_u64(0, "dive")
    True
    >>> hash_u64("ab") == hash_u64("a", "b")
    False
    """
    digest = blake2b(digest_size=8)
    for part in parts:
        encoded = f"{type(part).__name__}:{part}".encode()
        digest.update(len(encoded).to_bytes(8, "little"))
        digest.update(encoded)
    return int.from_bytes(digest.digest(), "little")


def hash_unit(*parts: str | int) -> float:
    """The same as `hash_u64`, as a number in [0, 1)."""
    return (hash_u64(*parts) >> 11) / 2**53


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, read in pieces.

    Raises:
        OSError: The file cannot be read.
    """
    digest = sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
