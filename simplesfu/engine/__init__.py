"""The engine: a thread with an event loop of its own for what is few and must not wait for the application.

    plane ── StunRequest ──▶ ice_lite ──▶ answers, tuples, consent ──┐
          ── DtlsDatagram ─▶ dtls ──────▶ SRTP keys ─────────────────┴─▶ Link.state ──▶ its observer
"""
