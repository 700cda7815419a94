"""AgentDBService: databases that agents keep on LiveKit Cloud (livekit_agentdb.proto).

The service manages databases; queries go over a WebSocket of their own. LiveKit's own SDKs do not
wrap it yet, and its definition still changes: what is here are the methods as LiveKit published
them and the newest messages that it has published, those of `lktrio.proto`. Nor does it say which
host serves them: calls go to that of the project.
"""

# One line per method, whatever its length, is what makes the table readable.
# ruff: noqa: E501

from __future__ import annotations

from lktrio.proto import AgentDB

from ._grants import DATABASE_ADMIN
from ._twirp import Service, method

__all__ = ["AgentDBService"]


# fmt: off
class AgentDBService(Service):
    """SQLite databases of agents: creating, finding, exporting and deleting them."""

    service_name = "AgentDBService"

    create_database = method("CreateDatabase", AgentDB.CreateRequest, AgentDB.CreateResponse, DATABASE_ADMIN)
    get_database = method("GetDatabase", AgentDB.GetRequest, AgentDB.AgentDatabase, DATABASE_ADMIN)
    list_databases = method("ListDatabases", AgentDB.ListRequest, AgentDB.ListResponse, DATABASE_ADMIN)
    delete_database = method("DeleteDatabase", AgentDB.DeleteRequest, AgentDB.DeleteResponse, DATABASE_ADMIN)
    dump_database = method("DumpDatabase", AgentDB.ExportRequest, AgentDB.ExportResponse, DATABASE_ADMIN)
# fmt: on
