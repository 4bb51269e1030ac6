# cython: language_level=3
"""SRTP by the libsrtp that pylibsrtp carries: its functions' addresses come through cffi, so nothing is linked."""
from libc.stdint cimport uint8_t, uint32_t

cdef enum:
    SRTP_OK = 0
    SRTP_REPLAY_FAIL = 9
    SRTP_REPLAY_OLD = 10
    SRTP_TRAILER_BYTES = 148   # SRTP_MAX_TRAILER_LEN + the SRTCP index

ctypedef int (*SrtpFunction)(void *session, void *packet, int *length) noexcept nogil
ctypedef int (*SrtpRemove)(void *session, unsigned int ssrc_network_order) noexcept nogil

cdef struct SrtpLibrary:
    SrtpFunction protect
    SrtpFunction unprotect
    SrtpFunction protect_rtcp
    SrtpFunction unprotect_rtcp
    SrtpRemove remove_stream

cdef SrtpLibrary srtp

cdef void srtp_forget(void *session, uint32_t ssrc) noexcept nogil
cdef void *session_pointer(object session) except NULL
