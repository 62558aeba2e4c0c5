"""A certificate's dates, judged by the probe's own idea of the time.

While the system clock is wrong OpenSSL must not look at dates (chain and name it checks all the
same). What it left out is done here, once GPS, NTP or the collector has told the time.
"""

import ssl
from collections.abc import Mapping
from datetime import datetime

NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which Python's ssl does not name."""


def dates_fit(peer_certificate: Mapping[str, object], utc: datetime, err_s: float) -> bool:
    """Whether the certificate is valid at `utc`, wherever in plus or minus `err_s` that is.

    `peer_certificate` is `SSLSocket.getpeercert()` of a verified connection. One that does not
    say its dates, or not in the form of RFC 5280, is valid at no time.
    """
    not_before, not_after = peer_certificate.get("notBefore"), peer_certificate.get("notAfter")
    if not isinstance(not_before, str) or not isinstance(not_after, str):
        return False
    try:
        first_s, last_s = map(ssl.cert_time_to_seconds, (not_before, not_after))
    except ValueError:
        return False
    return first_s <= utc.timestamp() - err_s and utc.timestamp() + err_s <= last_s
