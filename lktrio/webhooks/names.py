"""The names of webhook events."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["EventName"]


class EventName(StrEnum):
    """The names that LiveKit's servers give to events; a newer server may send others.

    ``WebhookEvent.event`` is a plain string, and members compare equal to it, also in ``match``.
    """

    ROOM_STARTED = "room_started"
    """A room exists now."""
    ROOM_FINISHED = "room_finished"
    """The room is gone; ``event.room_end_reason`` may say why."""
    PARTICIPANT_JOINED = "participant_joined"
    """A participant's connection is up: its state is ACTIVE."""
    PARTICIPANT_LEFT = "participant_left"
    """A participant is gone; its ``disconnect_reason`` says why."""
    PARTICIPANT_CONNECTION_ABORTED = "participant_connection_aborted"
    """A participant went before its connection was up."""
    TRACK_PUBLISHED = "track_published"
    """A track can be subscribed to; room and participant have no more than sid and name."""
    TRACK_UNPUBLISHED = "track_unpublished"
    """A track is gone; room and participant have no more than sid and name."""
    EGRESS_STARTED = "egress_started"
    """A recording or stream has started: ``event.egress_info``."""
    EGRESS_UPDATED = "egress_updated"
    """Its state has changed."""
    EGRESS_ENDED = "egress_ended"
    """It is over, or has failed."""
    INGRESS_STARTED = "ingress_started"
    """Media from outside come in: ``event.ingress_info``."""
    INGRESS_ENDED = "ingress_ended"
    """They have ended."""
    AGENT_JOB_STARTED = "agent_job_started"
    """An agent has taken a job: ``event.job``."""
    AGENT_JOB_ENDED = "agent_job_ended"
    """The job is over."""
