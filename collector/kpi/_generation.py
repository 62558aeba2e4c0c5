"""Which attempts belong to a generation of radio (shared by capacity tests and accesses).

An attempt belongs to the generation it ran on from start to end. One that found no service at all
is a failure of the generation that its lock asked for.
"""

from typing import Protocol

import ibis
from ibis.expr import types as ir

from collector.kpi._attempts import Exclusions

COLUMNS = ("rat_lock_asked", "rat_lock_serving_agreed")
"""What is read of a record besides `collector.kpi._attempts.ATTEMPT_COLUMNS`."""


class Asked(Protocol):
    """What the parameters of a KPI made of attempts say of them."""

    @property
    def rat_class(self) -> str | None:
        """`4g` or `5g`: what the whole of it must have run on; None takes whatever served it."""

    @property
    def unserved_locks(self) -> tuple[str, ...]:
        """With `rat_class`: modes with which an attempt without any service is a failure here."""

    @property
    def profiles(self) -> tuple[str, ...]:
        """Test profiles that count."""

    @property
    def max_position_error_m(self) -> float:
        """95 % error a position may have."""


def generation_exclusions(
    found: ir.Table,
    parameters: Asked,
    failed: ir.BooleanValue,
    *,
    unseen: ir.BooleanValue | None = None,
) -> Exclusions:
    """None without `rat_class`. What was `unseen` ran on nobody knows what, also when it failed."""
    if parameters.rat_class is None:
        return ()
    unserved = failed & found.radio_rat_class.isnull()
    if unseen is not None:
        unserved = unserved & ~unseen
    asked = ibis.coalesce(found.rat_lock_asked, "auto")
    return (
        *(() if unseen is None else ((unseen, "technology_unknown"),)),
        (~found.rat_lock_serving_agreed, "lock_lost"),
        (found.radio_rat_class == "mixed", "mixed_technology"),
        (~unserved & (found.radio_rat_class != parameters.rat_class), "other_technology"),
        (~unserved & found.radio_rat_class.isnull(), "technology_unknown"),
        (unserved & ~asked.isin(list(parameters.unserved_locks)), "other_technology"),
    )
