"""The place of end-to-end encryption of data, one function for each direction.

Theory of operation: LiveKit's clients can encrypt data packets (``EncryptedPacket``) with keys that
the server does not have. lktrio cannot yet. Every packet that arrives passes `decrypted` and every
one that is sent passes `encrypted`, so nothing is read or sent in another way than it is meant.
"""

from __future__ import annotations

from lktrio import proto
from lktrio.errors import EncryptedData, EncryptionUnavailable

__all__ = ["check_encryption", "decrypted", "encrypted"]


def decrypted(packet: proto.DataPacket) -> proto.DataPacket:
    """What is in a packet that has arrived.

    Raises:
        EncryptedData: It is encrypted.
    """
    if packet.encrypted_packet is None:
        return packet
    raise EncryptedData(
        "data is encrypted from end to end, and cannot be decrypted yet: its sender has to turn "
        "the encryption of data off"
    )


def encrypted(packet: proto.DataPacket, *, wanted: bool) -> proto.DataPacket:
    """A packet as it is to be sent.

    Raises:
        EncryptionUnavailable: It is to be encrypted.
    """
    check_encryption(wanted=wanted)
    return packet


def check_encryption(*, wanted: bool) -> None:
    """Raise ``EncryptionUnavailable`` if something is to be encrypted."""
    if wanted:
        raise EncryptionUnavailable(
            "RoomOptions.encryption asks for end-to-end encryption, which is not there yet: "
            "nothing was sent"
        )
