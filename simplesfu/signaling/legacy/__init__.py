"""The protocol of SimpleMediasoupPeer, carried out by our own: a translator stands where else a client would."""
