"""What each request does: functions of (all peers, the one who asks, the payload) that return the answer.

They run to their end without waiting, so requests never see each other's half-done work.
"""
