"""Remote procedure calls between participants (LiveKit's RPC).

Theory of operation: a caller sends a request with an id, the callee acknowledges it at once, runs
the method, and sends the answer or an error. In version 1 all of these are reliable data packets
and a payload is limited to 15,360 bytes; in version 2, which everybody knows whose
``client_protocol`` is at least 1, requests and answers are text streams of reserved topics, while
acknowledgements and errors stay packets.

What is asked for waits in the task that asks: `calls` for those who call, `serving` for those who
are called. `outbox` sends what no task waits for, `endpoint` is both sides of one room.
"""
