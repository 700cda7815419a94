"""What is known of a room, as plain objects: records that are changed here, and views to read them.

Theory of operation: the session hands over what the server and the peers told, `RoomState.apply`
changes the records and returns the events that say what changed. All of it is synchronous, nothing
here waits or knows of the session; what a view may ask for is a narrow Protocol beside it.

Programs hold views, which have properties and never change anything by themselves. Each is made
over one record; the constructors take records, which only this package makes.
"""

from __future__ import annotations
