"""The files of embeddings that commands take, and the options that say what is in them."""

from __future__ import annotations

import argparse

from gapdyn.embeddings import Pairs, read_pairs


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add FILE… and its options to the parser of a command."""
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="embeddings, of which row i of x matches row i of y: one file of both, or two of one"
        " each, x first; .npy, .npz, safetensors, Parquet, a folder of shards, or - for standard"
        " input",
    )
    parser.add_argument("--x", metavar="KEY", help="name of the array, or column, that is x")
    parser.add_argument("--y", metavar="KEY", help="name of the one that is y")
    parser.add_argument(
        "--layout",
        metavar="AXES",
        help="axes of the array, which are recognised by default: 2nd, n2d, 2dn of both modalities"
        " (2), n pairs and d dimensions; nd or dn, or nkd with k captions of an image, of each of"
        " two arrays, as nd,dn",
    )


def read(args: argparse.Namespace, *, whole: bool = True) -> Pairs:
    """What the files hold; `whole` as `read_pairs` has it."""
    return read_pairs(args.files, x=args.x, y=args.y, layout=args.layout, whole=whole)
