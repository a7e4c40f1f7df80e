"""Sources of kind `sql`: a query on any database that SQLAlchemy has a dialect for.

The rows come through a cursor on the server's side, a batch at a time. The bounds of the window are
bound parameters: their values are never part of the query's text.
"""

import hashlib
from typing import TYPE_CHECKING, Any

from playbill.config import place
from playbill.config.source import SqlSource
from playbill.errors import DataError
from playbill.source.base import Context, Rows, missing_extra, mixed

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    import sqlalchemy as sa


def read(source: SqlSource, context: Context) -> Rows:
    """Run the query with the window's bounds.

    Raises:
        DataError: The database cannot be reached, or refuses the query.
    """
    digest = hashlib.sha256(source.query.encode()).hexdigest()
    return Rows(_tables(source, context), {"url": source.url, "query_sha256": digest})


def _tables(source: SqlSource, context: Context) -> "Iterator[pa.Table]":
    import sqlalchemy as sa

    engine = _engine(source, context)
    bounds = {"start": context.window.start, "end": context.window.end}
    try:
        with engine.connect() as connection:
            streaming = connection.execution_options(
                stream_results=True, yield_per=source.batch_rows
            )
            query = sa.text(source.query)
            if source.is_windowed:
                query = query.bindparams(*(sa.bindparam(n, d, sa.Date) for n, d in bounds.items()))
            result = streaming.execute(query)
            names = list(result.keys())
            for batch in result.partitions(source.batch_rows):
                yield _table(names, batch, context)
    except sa.exc.SQLAlchemyError as error:
        raise DataError(
            f"source `{context.name}`: the database says: {_said(error)}",
            where=context.where,
            expected="a database that answers, and a query that it understands",
        ) from error
    finally:
        engine.dispose()


def _engine(source: SqlSource, context: Context) -> "sa.Engine":
    import sqlalchemy as sa

    try:
        url = sa.make_url(source.url)
        for name, env in source.secrets.items():
            value = place.secret(env, context.root)
            url = url.set(password=value) if name == "password" else url.set(username=value)
        return sa.create_engine(url, poolclass=sa.pool.NullPool)
    except ImportError as error:
        raise missing_extra("postgres", context, error) from error
    except sa.exc.ArgumentError as error:
        raise DataError(
            f"source `{context.name}`: {_said(error)}",
            where=f"{context.where}.url",
            expected="dialect+driver://user@host/base, as SQLAlchemy writes it",
        ) from error


def _said(error: Exception) -> str:
    """Return the first line of an error: what follows quotes the parameters."""
    return str(getattr(error, "orig", None) or error).strip().split("\n", maxsplit=1)[0]


def _table(names: list[str], batch: Any, context: Context) -> "pa.Table":
    import pyarrow as pa

    if len(set(names)) < len(names):
        raise DataError(
            f"source `{context.name}`: two columns of the query have one name",
            where=f"{context.where}.query",
            expected=f"a name of its own for each: {', '.join(names)}",
        )
    columns = zip(*batch, strict=True)
    try:
        return pa.table({n: pa.array(c) for n, c in zip(names, columns, strict=True)})
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise mixed(context, str(error)) from error
