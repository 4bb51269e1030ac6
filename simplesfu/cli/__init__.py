"""The command `simplesfu`: main (its arguments) → doctor (which checks, and how they are shown) → machine (this one's
ports, addresses, kernel), running (an application that runs) → sign_on (its Socket.IO), ways (STUN and TURN)."""
