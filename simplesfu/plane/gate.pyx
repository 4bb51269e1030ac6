# cython: language_level=3
"""The gate. It answers nothing itself, and what it lets through to Python is bounded and rate-limited."""
from simplesfu.plane.byteorder cimport load_u16, load_u32
from simplesfu.plane.counters cimport (
    DROP_EVENTS_FULL, DROP_STUN_MALFORMED, DROP_STUN_NOT_A_REQUEST, DROP_STUN_RATE, DROP_STUN_UNKNOWN_USERNAME,
)
from simplesfu.plane.events cimport EVENT_STUN, events_push
from simplesfu.plane.limits cimport bucket_take
from simplesfu.plane.state cimport MAX_TRANSPORT_TUPLES
from simplesfu.plane.table cimport Key, bytes_key, table_get, table_pop, table_put
from simplesfu.plane.tcp cimport tcp_disown, tcp_find, tcp_prove
from simplesfu.plane.udp cimport address_key, monotonic_us

cdef enum:
    STUN_HEADER_BYTES = 20
    STUN_BINDING_REQUEST = 0x0001
    STUN_MAGIC_COOKIE = 0x2112A442
    STUN_USERNAME = 0x0006
    STUN_ADDRESS_FAMILIES = 2
    # Checks a second that one transport's strangers may cost Python; proven tuples are not held back.
    STRANGER_CHECKS_PER_S = 100


cdef int gate_classify(const uint8_t *data, int length) noexcept nogil:
    """By the first byte (RFC 7983 §7); RTCP by its packet type (RFC 5761 §4)."""
    if data[0] < 4:
        return PROTOCOL_STUN
    if 20 <= data[0] < 64:
        return PROTOCOL_DTLS
    if 128 <= data[0] < 192:
        return PROTOCOL_RTCP if length > 1 and 192 <= data[1] < 224 else PROTOCOL_RTP
    return PROTOCOL_UNKNOWN


cdef int gate_stun(State *state, const uint8_t *data, int length, const Address *source, int64_t now_us) noexcept nogil:
    """Pass a binding request for a live user name on to the engine. -1 when done, else the reason of the drop."""
    cdef int at = STUN_HEADER_BYTES, attribute_length, name_length = 0
    cdef const uint8_t *name = NULL
    cdef Key key
    cdef Transport *transport
    cdef Tuple *tuple = NULL
    if (length < STUN_HEADER_BYTES or load_u32(data + 4) != STUN_MAGIC_COOKIE
            or load_u16(data + 2) != length - STUN_HEADER_BYTES):
        return DROP_STUN_MALFORMED
    if load_u16(data) != STUN_BINDING_REQUEST:
        return DROP_STUN_NOT_A_REQUEST
    while at + 4 <= length:
        attribute_length = load_u16(data + at + 2)
        if at + 4 + attribute_length > length:
            return DROP_STUN_MALFORMED
        if load_u16(data + at) == STUN_USERNAME and name == NULL:
            name = data + at + 4
            while name_length < attribute_length and name[name_length] != c':':
                name_length += 1
        at += 4 + ((attribute_length + 3) & ~3)
    if at != length:
        return DROP_STUN_MALFORMED
    if name == NULL or name_length == 0 or not bytes_key(&key, name, name_length):
        return DROP_STUN_UNKNOWN_USERNAME
    transport = <Transport *>table_get(&state.by_ufrag, &key)
    if transport == NULL:
        return DROP_STUN_UNKNOWN_USERNAME
    if gate_transport(state, source, &tuple) != transport and not bucket_take(
            &transport.stun_strangers, STRANGER_CHECKS_PER_S, now_us):
        return DROP_STUN_RATE
    if not events_push(&state.events, EVENT_STUN, transport.id, 0, source, data, length):
        return DROP_EVENTS_FULL
    return -1


cdef Transport *gate_transport(State *state, const Address *source, Tuple **tuple) noexcept nogil:
    """The transport that this source has proven to belong to, or NULL."""
    cdef Key key
    cdef Transport *transport
    cdef int i
    address_key(source, <uint8_t *>&key)
    transport = <Transport *>table_get(&state.by_tuple, &key)
    if transport != NULL:
        for i in range(MAX_TRANSPORT_TUPLES):
            if transport.tuples[i].live and _same(&transport.tuples[i].key, &key):
                tuple[0] = &transport.tuples[i]
                return transport
    return NULL


cdef inline bint _same(const Key *a, const Key *b) noexcept nogil:
    return a.words[0] == b.words[0] and a.words[1] == b.words[1] and a.words[2] == b.words[2]


cdef bint gate_add_tuple(State *state, Transport *transport, const Address *address, bint select,
                         int64_t now_us) noexcept nogil:
    """True when the transport's packets go elsewhere than before."""
    cdef Tuple *tuple = NULL
    cdef Transport *owner = gate_transport(state, address, &tuple)
    cdef int i
    if address.connection and tcp_find(&state.tcp, address) == NULL:
        return False               # it has closed while its proof was looked at
    if owner != transport:
        if owner != NULL:
            _remove(state, owner, tuple, now_us)
        tuple = &transport.tuples[0]
        for i in range(MAX_TRANSPORT_TUPLES):
            if not transport.tuples[i].live:
                tuple = &transport.tuples[i]
                break
            # All taken: the one silent for longest goes, but never the one in use.
            if tuple == transport.selected or (
                    &transport.tuples[i] != transport.selected and transport.tuples[i].heard_us < tuple.heard_us):
                tuple = &transport.tuples[i]
        if tuple.live:
            _remove(state, transport, tuple, now_us)
        tuple.address = address[0]
        address_key(address, <uint8_t *>&tuple.key)
        if table_put(&state.by_tuple, &tuple.key, transport) != 0:
            return False
        tuple.live = True
        if address.connection:
            tcp_prove(&state.tcp, address)
    tuple.heard_us = transport.received_us = now_us
    if (select or transport.selected == NULL) and transport.selected != tuple:
        gate_select(state, transport, tuple)
        return True
    return False


cdef void gate_select(State *state, Transport *transport, Tuple *tuple) noexcept nogil:
    transport.selected = tuple
    transport.destination = tuple.address


cdef void _remove(State *state, Transport *transport, Tuple *tuple, int64_t now_us) noexcept nogil:
    table_pop(&state.by_tuple, &tuple.key)
    tuple.live = False
    if tuple.address.connection:
        tcp_disown(&state.tcp, &tuple.address, now_us)
    if transport.selected == tuple:
        transport.selected = NULL


cdef void gate_forget_tuples(State *state, Transport *transport) noexcept nogil:
    cdef int64_t now_us = monotonic_us()
    cdef int i
    for i in range(MAX_TRANSPORT_TUPLES):
        if transport.tuples[i].live:
            _remove(state, transport, &transport.tuples[i], now_us)


cdef void gate_forget_address(State *state, const Address *address, int64_t now_us) noexcept nogil:
    """A connection has gone, and packets of its transport go nowhere until the next check."""
    cdef Tuple *tuple = NULL
    cdef Transport *transport = gate_transport(state, address, &tuple)
    if transport != NULL:
        _remove(state, transport, tuple, now_us)
