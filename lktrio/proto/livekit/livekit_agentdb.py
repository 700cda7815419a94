"""Generated from livekit_agentdb.proto by lktrio/proto/_generate.py. Do not edit."""

from __future__ import annotations

import datetime

import betterproto2

from lktrio.proto._message import Message, message
from lktrio.proto.livekit.google_protobuf import Duration, Timestamp

__all__ = ("AgentDB",)


@message
class AgentDB(Message):
    @message
    class CreateRequest(Message):
        ttl: datetime.timedelta | None = betterproto2.field(
            1, betterproto2.TYPE_MESSAGE, unwrap=lambda: Duration, optional=True
        )

    @message
    class CreateResponse(Message):
        database_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
        expires_at: datetime.datetime | None = betterproto2.field(
            2, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
        )

    @message
    class GetRequest(Message):
        database_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)

    @message
    class ListRequest(Message):
        page_size: int = betterproto2.field(1, betterproto2.TYPE_INT32)
        page_token: str = betterproto2.field(2, betterproto2.TYPE_STRING)

    @message
    class ListResponse(Message):
        databases: list[AgentDB.AgentDatabase] = betterproto2.field(
            1, betterproto2.TYPE_MESSAGE, repeated=True
        )
        next_page_token: str = betterproto2.field(2, betterproto2.TYPE_STRING)

    @message
    class AgentDatabase(Message):
        database_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
        region: str = betterproto2.field(2, betterproto2.TYPE_STRING)
        created_at: datetime.datetime | None = betterproto2.field(
            3, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
        )
        expires_at: datetime.datetime | None = betterproto2.field(
            4, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
        )
        tip: int = betterproto2.field(5, betterproto2.TYPE_INT64)

    @message
    class DeleteRequest(Message):
        database_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)

    @message
    class DeleteResponse(Message):
        pass

    @message
    class ExportRequest(Message):
        database_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)

    @message
    class ExportResponse(Message):
        download_url: str = betterproto2.field(1, betterproto2.TYPE_STRING)
        expires_at: datetime.datetime | None = betterproto2.field(
            2, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
        )
        tip: int = betterproto2.field(3, betterproto2.TYPE_INT64)

    @message
    class Wire(Message):
        class QueryLang(betterproto2.Enum):
            SQL = 0

        class ValueType(betterproto2.Enum):
            NULL = 0
            INT = 1
            DOUBLE = 2
            TEXT = 3
            BLOB = 4

        @message
        class ClientMessage(Message):
            """Of the fields of ``message`` at most one is set."""

            request_id: int = betterproto2.field(1, betterproto2.TYPE_UINT32)
            hello: AgentDB.Wire.Hello | None = betterproto2.field(
                2, betterproto2.TYPE_MESSAGE, optional=True, group="message"
            )
            exec: AgentDB.Wire.Statement | None = betterproto2.field(
                3, betterproto2.TYPE_MESSAGE, optional=True, group="message"
            )
            query: AgentDB.Wire.Statement | None = betterproto2.field(
                4, betterproto2.TYPE_MESSAGE, optional=True, group="message"
            )
            batch: AgentDB.Wire.Batch | None = betterproto2.field(
                5, betterproto2.TYPE_MESSAGE, optional=True, group="message"
            )
            begin: AgentDB.Wire.Begin | None = betterproto2.field(
                6, betterproto2.TYPE_MESSAGE, optional=True, group="message"
            )
            commit: AgentDB.Wire.Commit | None = betterproto2.field(
                7, betterproto2.TYPE_MESSAGE, optional=True, group="message"
            )
            rollback: AgentDB.Wire.Rollback | None = betterproto2.field(
                8, betterproto2.TYPE_MESSAGE, optional=True, group="message"
            )
            cancel: AgentDB.Wire.Cancel | None = betterproto2.field(
                9, betterproto2.TYPE_MESSAGE, optional=True, group="message"
            )
            credit: AgentDB.Wire.Credit | None = betterproto2.field(
                10, betterproto2.TYPE_MESSAGE, optional=True, group="message"
            )
            ping: AgentDB.Wire.Ping | None = betterproto2.field(
                11, betterproto2.TYPE_MESSAGE, optional=True, group="message"
            )

        @message
        class ServerMessage(Message):
            """Of the fields of ``message`` at most one is set."""

            request_id: int = betterproto2.field(1, betterproto2.TYPE_UINT32)
            hello_ok: AgentDB.Wire.HelloOk | None = betterproto2.field(
                2, betterproto2.TYPE_MESSAGE, optional=True, group="message"
            )
            columns: AgentDB.Wire.Columns | None = betterproto2.field(
                3, betterproto2.TYPE_MESSAGE, optional=True, group="message"
            )
            column_batch: AgentDB.Wire.ColumnBatch | None = betterproto2.field(
                4, betterproto2.TYPE_MESSAGE, optional=True, group="message"
            )
            exec_result: AgentDB.Wire.ExecResult | None = betterproto2.field(
                5, betterproto2.TYPE_MESSAGE, optional=True, group="message"
            )
            done: AgentDB.Wire.Done | None = betterproto2.field(
                6, betterproto2.TYPE_MESSAGE, optional=True, group="message"
            )
            error: AgentDB.Wire.Error | None = betterproto2.field(
                7, betterproto2.TYPE_MESSAGE, optional=True, group="message"
            )
            pong: AgentDB.Wire.Pong | None = betterproto2.field(
                8, betterproto2.TYPE_MESSAGE, optional=True, group="message"
            )

        @message
        class Value(Message):
            """Of the fields of ``value`` at most one is set."""

            null_value: bool | None = betterproto2.field(
                1, betterproto2.TYPE_BOOL, optional=True, group="value"
            )
            int_value: int | None = betterproto2.field(
                2, betterproto2.TYPE_INT64, optional=True, group="value"
            )
            double_value: float | None = betterproto2.field(
                3, betterproto2.TYPE_DOUBLE, optional=True, group="value"
            )
            text_value: str | None = betterproto2.field(
                4, betterproto2.TYPE_STRING, optional=True, group="value"
            )
            blob_value: bytes | None = betterproto2.field(
                5, betterproto2.TYPE_BYTES, optional=True, group="value"
            )

        @message
        class Statement(Message):
            sql: str = betterproto2.field(1, betterproto2.TYPE_STRING)
            params: list[AgentDB.Wire.Value] = betterproto2.field(
                2, betterproto2.TYPE_MESSAGE, repeated=True
            )
            lang: AgentDB.Wire.QueryLang = betterproto2.field(
                3, betterproto2.TYPE_ENUM, default_factory=lambda: AgentDB.Wire.QueryLang(0)
            )

        @message
        class Batch(Message):
            statements: list[AgentDB.Wire.Statement] = betterproto2.field(
                1, betterproto2.TYPE_MESSAGE, repeated=True
            )

        @message
        class Begin(Message):
            pass

        @message
        class Commit(Message):
            pass

        @message
        class Rollback(Message):
            pass

        @message
        class Cancel(Message):
            pass

        @message
        class Credit(Message):
            batches: int = betterproto2.field(1, betterproto2.TYPE_UINT32)

        @message
        class Ping(Message):
            timestamp_ms: int = betterproto2.field(1, betterproto2.TYPE_INT64)

        @message
        class Pong(Message):
            last_ping_timestamp_ms: int = betterproto2.field(1, betterproto2.TYPE_INT64)
            timestamp_ms: int = betterproto2.field(2, betterproto2.TYPE_INT64)

        @message
        class Hello(Message):
            token: str = betterproto2.field(1, betterproto2.TYPE_STRING)
            database_id: str = betterproto2.field(2, betterproto2.TYPE_STRING)

        @message
        class HelloOk(Message):
            tip: int = betterproto2.field(1, betterproto2.TYPE_INT64)
            ping_interval_ms: int = betterproto2.field(2, betterproto2.TYPE_UINT32)
            ping_timeout_ms: int = betterproto2.field(3, betterproto2.TYPE_UINT32)

        @message
        class Columns(Message):
            names: list[str] = betterproto2.field(1, betterproto2.TYPE_STRING, repeated=True)
            statement: int = betterproto2.field(2, betterproto2.TYPE_UINT32)

        @message
        class Column(Message):
            types: bytes = betterproto2.field(1, betterproto2.TYPE_BYTES)
            ints: list[int] = betterproto2.field(2, betterproto2.TYPE_SINT64, repeated=True)
            doubles: list[float] = betterproto2.field(3, betterproto2.TYPE_DOUBLE, repeated=True)
            text_data: bytes = betterproto2.field(4, betterproto2.TYPE_BYTES)
            text_ends: list[int] = betterproto2.field(5, betterproto2.TYPE_UINT32, repeated=True)
            blob_data: bytes = betterproto2.field(6, betterproto2.TYPE_BYTES)
            blob_ends: list[int] = betterproto2.field(7, betterproto2.TYPE_UINT32, repeated=True)

        @message
        class ColumnBatch(Message):
            columns: list[AgentDB.Wire.Column] = betterproto2.field(
                1, betterproto2.TYPE_MESSAGE, repeated=True
            )
            rows: int = betterproto2.field(2, betterproto2.TYPE_UINT32)
            statement: int = betterproto2.field(3, betterproto2.TYPE_UINT32)

        @message
        class ExecResult(Message):
            rows_affected: int = betterproto2.field(1, betterproto2.TYPE_INT64)
            last_insert_id: int = betterproto2.field(2, betterproto2.TYPE_INT64)
            tip: int = betterproto2.field(3, betterproto2.TYPE_INT64)
            statement: int = betterproto2.field(4, betterproto2.TYPE_UINT32)

        @message
        class Done(Message):
            tip: int = betterproto2.field(1, betterproto2.TYPE_INT64)
            total_rows: int = betterproto2.field(2, betterproto2.TYPE_UINT64)

        @message
        class Error(Message):
            code: str = betterproto2.field(1, betterproto2.TYPE_STRING)
            message: str = betterproto2.field(2, betterproto2.TYPE_STRING)
