# cython: language_level=3
"""Python's description of a stream (the keywords of plane.pyi) as the struct that the plane works with."""
from simplesfu.plane.state cimport RecvStream, SendStream

cdef int fill_recv_stream(RecvStream *wanted, dict parameters) except -1
cdef int fill_send_stream(SendStream *wanted, dict parameters) except -1
