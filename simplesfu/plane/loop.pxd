# cython: language_level=3
"""The plane's thread: sleep until something comes or is due, take it in, fan it out, report."""
from simplesfu.plane.lock cimport Lock
from simplesfu.plane.state cimport State

# With the lock: what Python has just asked for waits for the next tick, and the thread may be asleep for long.
cdef void loop_hurry(State *state) noexcept nogil

cdef void loop_run(State *state, Lock *lock) noexcept nogil
