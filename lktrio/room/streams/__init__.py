"""Text and byte streams between participants (LiveKit's ``DataStream``).

A stream is a header, chunks and a trailer, all of them reliable data packets, or for small contents
a header alone. ``assembly`` puts the contents together, without tasks and without waiting;
``incoming`` gives them to the ``reader`` objects of those who serve their topic (``serving``,
``handling``), which unpack them (``unpacking``). ``sending`` and ``outgoing`` send, and compress
(``packing``). ``progress`` is for whoever follows either.
"""
