"""What the application allows, wants forwarded, and can have explained."""
