"""The chain behind a model: commit, data, parameters, run, metrics, verdict, version, release, image.

`start` finds where something a person names enters the chain, `chain` follows it both ways and says where it is broken.
"""

from lastro.trace.chain import Chain, Link, follow
from lastro.trace.start import Start, find_start

__all__ = ["Chain", "Link", "Start", "find_start", "follow"]
