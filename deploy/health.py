"""Whether a server in this container answers: health.py URL [VARIABLE], the one that holds its token."""

import os
import sys
import urllib.request

request = urllib.request.Request(sys.argv[1])
token = os.environ.get(sys.argv[2], "") if len(sys.argv) > 2 else ""
if token:
    request.add_header("Authorization", f"Bearer {token}")
try:
    with urllib.request.urlopen(request, timeout=4) as answer:
        sys.exit(0 if answer.status < 400 else 1)
except OSError as error:
    sys.exit(f"{sys.argv[1]}: {error}")
