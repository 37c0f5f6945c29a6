"""What a file is that holds no arrays as gapdyn reads them, and the line that converts it."""

from __future__ import annotations

import re

KINDS: tuple[tuple[bytes, str, str], ...] = (
    (rb"\Z", "it is empty", ""),
    (rb"version https://git-lfs", "it is a Git LFS pointer; git lfs pull fetches the file", ""),
    (
        rb"(/annex/|\S*\.git/annex/)",
        "it is a git-annex pointer; git annex get fetches the file",
        "",
    ),
    (
        rb"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19",
        "it is a PyTorch file",
        "import numpy, torch; numpy.save({npy}, torch.load({file}, 'cpu').detach().float())",
    ),
    (
        rb"\x80[\x02-\x05]",
        "it is a pickle, which could run code",
        "import numpy, pickle; a = pickle.load(open({file}, 'rb')); "
        "numpy.savez({npz}, **a) if isinstance(a, dict) else numpy.save({npy}, a)",
    ),
    (
        rb"\x89HDF\r\n\x1a\n",
        "it is an HDF5 file",
        "import h5py, numpy; numpy.save({npy}, h5py.File({file})['KEY'][:])",
    ),
    (
        rb"ARROW1",
        "it is an Arrow file",
        "from pyarrow import feather, parquet; "
        "parquet.write_table(feather.read_table({file}), {parquet})",
    ),
    (rb"\x1f\x8b|BZh|\xfd7zXZ|\x28\xb5\x2f\xfd", "it is compressed; decompress it first", ""),
    (
        rb"MATLAB",
        "it is a MATLAB file",
        "import numpy, scipy.io; numpy.save({npy}, scipy.io.loadmat({file})['KEY'])",
    ),
    (rb".{257}ustar", "it is a tar archive; unpack it first", ""),
    (rb"7z\xbc\xaf|Rar!", "it is an archive; unpack it first", ""),
    (rb"GGUF", "it is a GGUF model, not embeddings", ""),
    (rb"SQLite format 3", "it is an SQLite database", ""),
    (rb"\x89PNG|\xff\xd8\xff|GIF8", "it is a picture", ""),
    (rb"%PDF", "it is a PDF", ""),
    (rb"(?i)\s*<(!doctype )?html", "it is HTML, perhaps of the page it was downloaded from", ""),
    (
        rb"\s*[\[{][\t\n\r -~\x80-\xff]*\Z",
        "it is JSON",
        "import json, numpy; numpy.save({npy}, numpy.array(json.load(open({file})), float))",
    ),
    (
        rb"[\t\n\r -~\x80-\xff]+\Z",
        "it is text, such as CSV",
        "import numpy; numpy.save({npy}, numpy.loadtxt({file}{how}))",
    ),
)
"""How a file begins, what it is then with the advice that there is, and Python that converts it."""

PLAIN = re.compile(r"[\w./-]+")


class UnreadableError(ValueError):
    """Says what is wrong with a file."""


def told(head: bytes, file: str) -> str:
    """What a file is that begins so, and how it is converted."""
    for start, what, code in KINDS:
        if re.match(start, head, re.DOTALL):
            return converted(what, code, file, head) if code else what
    return "it is of another kind"


def converted(what: str, code: str, file: str, head: bytes = b"") -> str:
    """What a file is, and a line for the shell that converts it."""
    file = file if PLAIN.fullmatch(file) else "FILE"
    stem = re.sub(r"\.\w+$", "", file)
    names = {kind: f"'{stem}.{kind}'" for kind in ("npy", "npz", "parquet")} | {"file": f"'{file}'"}
    if file.endswith(".npy"):
        names["npy"] = f"'{stem}_converted.npy'"
    trust = "if you trust it, " * ("pickle" in code)
    return f'{what}; {trust}this converts it: python -c "{code.format(how=_how(head), **names)}"'


def _how(head: bytes) -> str:
    """Arguments of numpy.loadtxt for a table that begins so."""
    first, line_ends, _ = head.decode("utf-8", "replace").partition("\n")
    delimiter = next((mark for mark in (",", ";", "\t") if mark in first), None)
    shown = {"\t": r"'\t'", None: ""}.get(delimiter, f"'{delimiter}'")
    try:
        # The last word may be cut off.
        [float(word) for word in first.split(delimiter)[: None if line_ends else -1]]
        skip = ""
    except ValueError:
        skip = ", skiprows=1"
    return (f", delimiter={shown}" if shown else "") + skip
