# cython: language_level=3
"""The plane's thread: sleep until something comes or is due, take it in, fan it out, report."""
from simplesfu.plane.lock cimport Lock
from simplesfu.plane.state cimport State

cdef void loop_run(State *state, Lock *lock) noexcept nogil
