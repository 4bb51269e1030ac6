"""What peers ask, and what they are told. Arrows go downwards only:

    attachment    the seam to the application's Socket.IO server: connections, heartbeats, the script for the page
    requests      the table of requests, and what each of them does
    rights        authorize, subscription_policy, explanations
    application   the application's own functions, events and messages, on its side
    sessions      who is here, in which rooms, with which tracks and wishes; lost and resumed sockets
    data          what travels over data channels, and each peer's desk for it
    messages      the shapes of docs/protocol.md
    admission     how much one peer may ask
"""
