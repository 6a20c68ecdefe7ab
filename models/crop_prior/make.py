"""Makes the weights of `juror=crop_prior` out of the votes of FCDB: `apsi/juror/crop_prior.json`.

    python models/crop_prior/make.py ranking_annotation.json

The file is that of Chen et al., "Quantitative analysis of automatic image cropping algorithms: a dataset and
comparative study", WACV 2017, MIT licence: 33,620 pairs of crops of 3,362 photos, five votes each. It takes seconds,
and the photos are not needed. What the weights are worth, `python benchmarks/crop_prior.py --votes FILE` measures.
"""

import argparse
import hashlib
from pathlib import Path

from apsi.crops.fcdb import read_ranking
from apsi.crops.votes import Votes
from apsi.juror.crop_preference import fit, save_fitted
from apsi.juror.crop_prior import PARAMETERS


def main() -> None:
    """Fits and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("votes", type=Path, help="ranking_annotation.json")
    parser.add_argument("--out", type=Path, default=PARAMETERS)
    options = parser.parse_args()
    photos = read_ranking(options.votes)
    votes = Votes.of(photos)
    origin = {
        "data": "ranking_annotation.json of FCDB: Chen, Huang, Chang, Tsai, Chen, Chen, WACV 2017",
        "data_licence": "MIT, Copyright (c) 2016, Yi-Ling Chen",
        "data_sha256": hashlib.sha256(options.votes.read_bytes()).hexdigest(),
        "photos": len(photos),
        "pairs": len(votes),
        "votes": int(votes.counts.sum()),
        "command": "python models/crop_prior/make.py ranking_annotation.json",
    }
    save_fitted(options.out, fit(votes), origin)
    print(options.out.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
