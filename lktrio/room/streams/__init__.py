"""Text and byte streams between participants (LiveKit's ``DataStream``).

A stream is a header, chunks and a trailer, all of them reliable data packets, or for small contents
a header alone. ``assembly`` puts the contents together, without tasks and without waiting;
``incoming`` gives them to those who serve their topic, and ``outgoing`` sends.
"""
