"""The messages of Arrow Flight SQL that the door speaks, as protobuf classes.

Numbers and types are those of Arrow's format/FlightSql.proto (and of Flight.proto for
CancelFlightInfo); only what a reader's door needs is here, and an unknown field of a client is
passed over, as protobuf does. The descriptors are made in place of generated code: that would
tie the project to one release of the protobuf runtime. They live in a pool of their own, so
that another library's copy of the same messages is no conflict.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message

PACKAGE = "arrow.flight.protocol.sql"
_URL = "type.googleapis.com/"

# name: fields in the form "number type name"; "*" after the type: repeated.
_SHAPES: dict[str, tuple[str, ...]] = {
    "CommandStatementQuery": ("1 string query", "2 bytes transaction_id"),
    "CommandStatementUpdate": ("1 string query", "2 bytes transaction_id"),
    "CommandStatementIngest": ("3 string table",),
    "CommandStatementSubstraitPlan": (),
    "CommandPreparedStatementQuery": ("1 bytes prepared_statement_handle",),
    "CommandPreparedStatementUpdate": ("1 bytes prepared_statement_handle",),
    "CommandGetCatalogs": (),
    "CommandGetDbSchemas": ("1 string catalog", "2 string db_schema_filter_pattern"),
    "CommandGetTables": (
        "1 string catalog",
        "2 string db_schema_filter_pattern",
        "3 string table_name_filter_pattern",
        "4 string* table_types",
        "5 bool include_schema",
    ),
    "CommandGetTableTypes": (),
    "CommandGetSqlInfo": ("1 uint32* info",),
    "CommandGetXdbcTypeInfo": ("1 int32 data_type",),
    "CommandGetPrimaryKeys": ("1 string catalog", "2 string db_schema", "3 string table"),
    "CommandGetExportedKeys": ("1 string catalog", "2 string db_schema", "3 string table"),
    "CommandGetImportedKeys": ("1 string catalog", "2 string db_schema", "3 string table"),
    "CommandGetCrossReference": ("3 string pk_table", "6 string fk_table"),
    "TicketStatementQuery": ("1 bytes statement_handle",),
    "ActionCreatePreparedStatementRequest": ("1 string query", "2 bytes transaction_id"),
    "ActionCreatePreparedStatementResult": (
        "1 bytes prepared_statement_handle",
        "2 bytes dataset_schema",
        "3 bytes parameter_schema",
    ),
    "ActionClosePreparedStatementRequest": ("1 bytes prepared_statement_handle",),
    "ActionCancelQueryRequest": ("1 bytes info",),
    "ActionCancelQueryResult": ("1 int32 result",),
    "DoPutPreparedStatementResult": ("1 bytes prepared_statement_handle",),
    # Of Flight itself. There `info` is a message; as bytes it is the same on the wire.
    "CancelFlightInfoRequest": ("1 bytes info",),
    "CancelFlightInfoResult": ("1 int32 status",),
    "CloseSessionResult": ("1 int32 status",),
}


def _classes() -> dict[str, type[Message]]:
    file = descriptor_pb2.FileDescriptorProto(
        name="orbitwin/flight_sql.proto", package=PACKAGE, syntax="proto3"
    )
    field = descriptor_pb2.FieldDescriptorProto
    for name, fields in _SHAPES.items():
        message = file.message_type.add(name=name)
        for text in fields:
            number, kind, label = text.split()
            many = kind.endswith("*")
            made = message.field.add(
                name=label,
                number=int(number),
                type=getattr(field, f"TYPE_{kind.rstrip('*').upper()}"),
                label=field.LABEL_REPEATED if many else field.LABEL_OPTIONAL,
            )
            if not many:  # whether a client sent it at all can be asked
                made.proto3_optional = True
                made.oneof_index = len(message.oneof_decl)
                message.oneof_decl.add(name=f"_{label}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}"))
        for name in _SHAPES
    }


_CLASSES = _classes()


class Malformed(ValueError):
    """Bytes that are no message of Flight SQL."""


def make(name: str, **fields: Any) -> Any:
    """A message of this name."""
    return _CLASSES[name](**fields)


def name_of(message: Message) -> str:
    """The name of a message, e.g. `CommandGetTables`."""
    return str(message.DESCRIPTOR.name)


def pack(message: Message) -> bytes:
    """A message in an Any, as commands, tickets and most actions' bodies travel."""
    url = f"{_URL}{PACKAGE}.{name_of(message)}"
    return any_pb2.Any(type_url=url, value=message.SerializeToString()).SerializeToString()


def unpack(data: bytes) -> Any:
    """The message in an Any. Raises Malformed for what is none, or is not spoken here."""
    envelope = any_pb2.Any()
    try:
        envelope.ParseFromString(data)
    except DecodeError:
        raise Malformed("these bytes are no Flight SQL message") from None
    package, _, name = envelope.type_url.removeprefix(_URL).rpartition(".")
    if package != PACKAGE or not name:
        raise Malformed("these bytes are no Flight SQL message")
    if name not in _CLASSES:
        raise Malformed(f"{name} is not supported here")
    return parse(name, envelope.value)


def parse(name: str, data: bytes) -> Any:
    """A message of a known name, without an Any around it. Raises Malformed."""
    message = _CLASSES[name]()
    try:
        message.ParseFromString(data)
    except DecodeError:
        raise Malformed(f"these bytes are no {name}") from None
    return message
