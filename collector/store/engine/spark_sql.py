"""Ibis for Spark without pandas, and with the meaning that expressions have in DuckDB.

Ibis brings rows out of Spark and tables into it by pandas, where a null becomes NaN and a large
integer loses its last digits (docs/decisions/spark-without-pandas.md).
"""

from typing import Any

import sqlglot.expressions as sge
from ibis.backends import pyspark as ibis_pyspark
from ibis.backends.pyspark.datatypes import PySparkSchema
from ibis.backends.sql.compilers.base import NULL, SQLGlotCompiler
from ibis.backends.sql.compilers.pyspark import PySparkCompiler
from ibis.expr import operations as ops

from collector.store.engine.arrow import canonical
from collector.store.engine.spark_session import explained


class Compiler(PySparkCompiler):  # type: ignore[misc]  # ibis has no types
    """Spark's SQL for an expression, where the two engines would not say the same."""

    __slots__ = ()

    # NaN is a number that somebody sent, not a missing one.
    visit_IsNull = SQLGlotCompiler.visit_IsNull  # noqa: N815  # ibis's names, as all below
    visit_NotNull = SQLGlotCompiler.visit_NotNull  # noqa: N815

    def visit_IsNan(self, _: Any, *, arg: Any) -> Any:  # noqa: N802
        """Of null nobody knows."""
        return self.if_(arg.is_(NULL), NULL, self.f.isnan(arg))

    def visit_Divide(self, op: Any, *, left: Any, right: Any) -> Any:  # noqa: N802
        """By zero it is infinite or NaN, and no error."""
        quotient = super().visit_Divide(op, left=left, right=right)
        if isinstance(op.right, ops.Literal) and op.right.value:
            return quotient
        return self.if_(right.eq(0), left * self.POS_INF, quotient)

    def visit_Cast(self, op: Any, *, arg: Any, to: Any) -> Any:  # noqa: N802
        """To the nearest integer, the even one of two; instants as text with their zone."""
        given = op.arg.dtype
        fractional = given.is_floating() or isinstance(op.arg, ops.ExtractEpochSeconds)
        if to.is_integer() and fractional:
            return self.cast(self.f.anon.rint(arg), to)
        if to.is_string() and given.is_timestamp() and given.timezone:
            return self.f.concat(self.cast(arg, to), "+00")
        return super().visit_Cast(op, arg=arg, to=to)

    def visit_ExtractEpochSeconds(self, _: Any, *, arg: Any) -> Any:  # noqa: N802
        """With the microseconds, whatever ibis says of its type."""
        return self.f.anon.unix_micros(arg) / sge.convert(1e6)

    def visit_ArrayCollect(self, op: Any, **arguments: Any) -> Any:  # noqa: N802
        """Nothing collected is null, not an empty list."""
        collected = super().visit_ArrayCollect(op, **arguments)
        return self.if_(self.f.size(collected).eq(0), NULL, collected)

    def visit_ExtractSecond(self, _: Any, *, arg: Any) -> Any:  # noqa: N802
        """Without the microseconds."""
        return self.f.anon.second(arg)


class Backend(ibis_pyspark.Backend):  # type: ignore[misc]  # ibis has no types
    """The ibis backend of one session."""

    compiler = Compiler()
    url = ""
    """Of the server, for errors."""

    def to_pyarrow(self, expr: Any, /, **options: Any) -> Any:
        """See `ibis.Expr.to_pyarrow`; raises `EngineError`."""
        table = expr.as_table()
        with explained(self.url):
            self._run_pre_execute_hooks(expr)
            rows = self._session.sql(self.compile(table, **options)).toArrow()
        return expr.__pyarrow_result__(canonical(rows, table.schema()))

    def _register_in_memory_table(self, op: Any) -> None:
        rows = canonical(op.data.to_pyarrow(op.schema), op.schema)
        frame = self._session.createDataFrame(rows, schema=PySparkSchema.from_ibis(op.schema))
        frame.createOrReplaceTempView(op.name)


Backend.register_options()
